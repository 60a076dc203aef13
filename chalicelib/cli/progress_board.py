"""The board of a refresh: a line for each host while it runs, and the counts at its end."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from chalicelib.cli.output import plain
from chalicelib.refresh import local_runner, status
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import PackageResult
from chalicelib.refresh.worker_context import WorkerContext

#: The budgets are read after the first package, and again after this many more.
_PACKAGES_PER_READ = 50
#: From this many columns on there is room for a long bar.
_WIDE_COLUMNS = 120
_WITH_REASON = {RefreshStatus.FAILED, RefreshStatus.GONE, RefreshStatus.POSTPONED}
#: A word for each status, short enough for a line of 80 columns to show them all.
WORDS = {result: result.value for result in RefreshStatus} | {
    RefreshStatus.POSTPONED: "later",
    RefreshStatus.SUPERSEDED: "overtaken",
}


class ProgressBoard:
    """Counts of packages by host and status; draws bars where standard error is a terminal.

    A package counts once, with its last status. ``postponed`` holds (host, package id) pairs.
    ``has_changed`` says that the figures of any package changed.
    """

    def __init__(self, hosts: Mapping[str, Host], context: WorkerContext) -> None:
        self.counts: dict[str, Counter[RefreshStatus]] = {}
        self.requests: Counter[str] = Counter()
        self.postponed: set[tuple[str, int]] = set()
        self.has_changed = False
        self.hosts = hosts
        self.context = context
        self._last: dict[tuple[str, int], PackageResult] = {}
        self._expected: dict[str, set[int]] = {}
        self._open: dict[str, set[int]] = {}
        self._lock = Lock()
        self._counted = 0
        self._tasks: dict[str, int] = {}
        self._bars: Progress | None = None

    def __enter__(self) -> Self:
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24 if console.width >= _WIDE_COLUMNS else 8),
                MofNCompleteColumn(table_column=Column(no_wrap=True)),
                TimeRemainingColumn(table_column=Column(no_wrap=True)),
                # These two continue in a second line if there is not enough room.
                TextColumn("{task.fields[counts]}", table_column=Column(), markup=False),
                TextColumn("{task.fields[budget]}", table_column=Column(), markup=False),
            )
            self._bars = Progress(*columns, console=console)
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is None:
            return
        try:
            if error is None:
                self._draw_budgets()
        finally:
            self._bars.stop()

    def expect(self, batches: Sequence[Batch]) -> None:
        """Add the packages of batches that are about to be worked on."""
        for batch in batches:
            self.counts.setdefault(batch.host, Counter())
            self._expected.setdefault(batch.host, set()).update(batch.packages)
            self._open.setdefault(batch.host, set()).update(batch.packages)
        for host in self.counts:
            self._draw(host)
        self._draw_budgets()

    def count(self, host: str, result: PackageResult) -> None:
        """Count the result of one package; safe from any thread."""
        with self._lock:
            key = (host, result.package_id)
            previous = self._last.get(key)
            if previous is not None:
                self.counts[host][previous.result] -= 1
            self._last[key] = result
            self.counts[host][result.result] += 1
            self.has_changed |= result.result is RefreshStatus.CHANGED
            if result.result is RefreshStatus.POSTPONED:
                self.postponed.add(key)
            else:
                self.postponed.discard(key)
            self._counted += 1
            is_time_to_read = self._counted % _PACKAGES_PER_READ == 1
            self._open[host].discard(result.package_id)
            self._draw(host)
        if is_time_to_read:
            self._draw_budgets()

    def count_requests(self, requests: Mapping[str, int]) -> None:
        """Add the number of requests that were sent to each host."""
        self.requests.update(requests)

    def reasons(self) -> Counter[tuple[str, str]]:
        """Count by host and reason the packages that failed, are gone or were postponed."""
        return Counter(
            (host, result.reason)
            for (host, _), result in list(self._last.items())
            if result.reason and result.result in _WITH_REASON
        )

    def results(self) -> Counter[RefreshStatus]:
        """Return the counts of all hosts together."""
        return Counter(result.result for result in list(self._last.values()))

    def is_all_without_slot(self) -> bool:
        """Return whether other workers held the slots for every package that was expected."""
        results = list(self._last.values())
        return bool(results) and all(result.reason == local_runner.NO_SLOT for result in results)

    def note(self, text: str) -> None:
        """Print a message without disturbing the bars."""
        if self._bars is not None:
            self._bars.console.print(f"packgrid: {plain(text)}", markup=False, highlight=False)
        else:
            print(f"packgrid: {plain(text)}", file=sys.stderr)

    def _draw(self, host: str) -> None:
        if self._bars is None:
            return
        if host not in self._tasks:
            self._tasks[host] = self._bars.add_task(plain(host), counts="", budget="")
        counts, total = self.counts[host], len(self._expected[host])
        completed = total - len(self._open[host])
        words = " ".join(
            f"{counts[status]} {WORDS[status]}" for status in RefreshStatus if counts[status]
        )
        task = self._bars.tasks[self._tasks[host]].id
        self._bars.update(task, total=total, completed=completed, counts=words)

    def _draw_budgets(self) -> None:
        if self._bars is None:
            return
        for host, words in _iter_scarcest_budgets(self.hosts, self.context):
            if host in self._tasks:
                task = self._bars.tasks[self._tasks[host]].id
                self._bars.update(task, budget=words)


def _iter_scarcest_budgets(
    hosts: Mapping[str, Host], context: WorkerContext
) -> Iterator[tuple[str, str]]:
    """Yield each host's name with the meter that has the smallest share left."""
    scarcest: dict[str, status.MeterStatus] = {}
    for budget in status.read_meters(hosts, context.now().timestamp()):
        other = scarcest.get(budget.host)
        if other is None or budget.remaining * other.limit < other.remaining * budget.limit:
            scarcest[budget.host] = budget
    for host, budget in scarcest.items():
        yield host, f"{budget.meter} {budget.remaining:,}/{budget.limit:,}"
