"""Output of a load: a progress bar while it runs on a terminal, and a summary at its end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chalicelib.importer.report import CHANGED, CREATED, REFUSED, UNCHANGED, LoadReport
from chalicelib.importer.survey import ProgressCallback

_RESULTS = (CREATED, CHANGED, UNCHANGED, REFUSED)
_STAGES = {"read": "Reading", "versions": "Finding latest versions", "write": "Writing"}


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """Yield a function that takes progress; it draws only where standard error is a terminal."""
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


def print_report(report: LoadReport, dry_run: bool = False) -> None:
    """Print every refusal, and the counts by model, to standard output."""
    for refusal in report.iter_refusals():
        print(f"refused {refusal}")
    table = Table("model", *_RESULTS)
    notes = []
    for model, results in report.summarize().items():
        if any(result in results for result in _RESULTS):
            table.add_row(model, *(str(results.get(result, 0)) for result in _RESULTS))
        notes += [
            f"{model}: {number} {result}"
            for result, number in results.items()
            if result not in _RESULTS
        ]
    if table.row_count:
        Console(file=sys.stdout, markup=False, emoji=False).print(table)
    for note in notes:
        print(note)
    if report.refused:
        print(f"refused, for the reasons above: {report.refused}")
    if dry_run:
        print("dry run: nothing was written; references were looked up in the file only")
    elif not report.finished:
        print(
            "not finished: until it is run again, which continues where it stopped, packages may "
            "be in grids that do not list them"
        )
