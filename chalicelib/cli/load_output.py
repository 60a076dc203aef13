"""What a load says: a progress bar while it runs on a terminal, and a summary at its end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chalicelib.importer.report import CHANGED, CREATED, REFUSED, UNCHANGED, LoadReport
from chalicelib.importer.survey import Progress as OnProgress

_RESULTS = (CREATED, CHANGED, UNCHANGED, REFUSED)
_STAGES = {"read": "Reading", "versions": "Finding latest versions", "write": "Writing"}


@contextmanager
def progress() -> Iterator[OnProgress]:
    """A function to report progress to; it draws only where standard error is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda stage, done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_STAGES[stage], total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def print_outcome(outcome: LoadReport, dry_run: bool = False) -> None:
    """Counts by model and every refusal, to standard output."""
    for refusal in outcome.refusals():
        print(f"refused {refusal}")
    table = Table("model", *(result for result in _RESULTS))
    notes = []
    for model, results in outcome.summary().items():
        if any(result in results for result in _RESULTS):
            table.add_row(model, *(str(results.get(result, 0)) for result in _RESULTS))
        notes += [
            f"{model}: {number} {result}"
            for result, number in results.items()
            if result not in _RESULTS
        ]
    console = Console(file=sys.stdout, markup=False, emoji=False)
    if table.row_count:
        console.print(table)
    for note in notes:
        print(note)
    if outcome.refused:
        print(f"refused, for the reasons above: {outcome.refused}")
    if dry_run:
        print(
            "dry run: nothing was written; what records refer to was looked for in the file alone"
        )
    elif not outcome.finished:
        print(
            "not finished: until it is run again, and goes on where it stopped, packages may be "
            "in grids that do not list them"
        )
