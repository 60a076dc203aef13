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
from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import PackageResult
from chalicelib.refresh.worker_context import WorkerContext

#: The budgets are read after the first package, and again after each so many.
_EVERY = 50
#: So many columns have room for a long bar.
_WIDE = 120
_WITH_REASON = {RefreshStatus.FAILED, RefreshStatus.GONE, RefreshStatus.POSTPONED}
#: Results in a word or two, so that a line of 80 columns has room for them all.
WORDS = {result: result.value for result in RefreshStatus} | {
    RefreshStatus.POSTPONED: "later",
    RefreshStatus.SUPERSEDED: "overtaken",
}


class Board:
    """Counts what becomes of packages by host; draws bars where standard error is a terminal.

    A package is counted once, with what became of it last. ``left`` are the (host, package id)
    pairs that were put off. ``has_changed``: figures of any package changed.
    """

    def __init__(self, hosts: Mapping[str, Host], runtime: WorkerContext) -> None:
        self.counts: dict[str, Counter[RefreshStatus]] = {}
        self.requests: Counter[str] = Counter()
        self.left: set[tuple[str, int]] = set()
        self.has_changed = False
        self._last: dict[tuple[str, int], PackageResult] = {}
        self._expected: dict[str, set[int]] = {}
        self._open: dict[str, set[int]] = {}
        self.hosts = hosts
        self.runtime = runtime
        self._lock = Lock()
        self._told = 0
        self._tasks: dict[str, int] = {}
        self._bars: Progress | None = None

    def __enter__(self) -> Self:
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24 if console.width >= _WIDE else 8),
                MofNCompleteColumn(table_column=Column(no_wrap=True)),
                TimeRemainingColumn(table_column=Column(no_wrap=True)),
                # These are what goes on in a second line if there is not room enough.
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
        """So many packages of each host are about to be asked about."""
        for batch in batches:
            self.counts.setdefault(batch.host, Counter())
            self._expected.setdefault(batch.host, set()).update(batch.packages)
            self._open.setdefault(batch.host, set()).update(batch.packages)
        for host in self.counts:
            self._draw(host)
        self._draw_budgets()

    def tell(self, host: str, done: PackageResult) -> None:
        """One package is done; safe from any thread."""
        with self._lock:
            key = (host, done.package_id)
            before = self._last.get(key)
            if before is not None:
                self.counts[host][before.result] -= 1
            self._last[key] = done
            self.counts[host][done.result] += 1
            self.has_changed |= done.result is RefreshStatus.CHANGED
            (self.left.add if done.result is RefreshStatus.POSTPONED else self.left.discard)(key)
            self._told += 1
            is_time = self._told % _EVERY == 1
            self._open[host].discard(done.package_id)
            self._draw(host)
        if is_time:
            self._draw_budgets()

    def reasons(self) -> Counter[tuple[str, str]]:
        """Why packages failed, are gone or were put off in the end, by host and reason."""
        return Counter(
            (host, done.reason)
            for (host, _), done in list(self._last.items())
            if done.reason and done.result in _WITH_REASON
        )

    def sent(self, requests: Mapping[str, int]) -> None:
        """So many requests were sent to each host."""
        self.requests.update(requests)

    def note(self, text: str) -> None:
        """Say something without disturbing the bars."""
        if self._bars is not None:
            self._bars.console.print(f"packgrid: {plain(text)}", markup=False, highlight=False)
        else:
            print(f"packgrid: {plain(text)}", file=sys.stderr)

    def results(self) -> Counter[RefreshStatus]:
        """The counts of all hosts together."""
        return Counter(done.result for done in list(self._last.values()))

    def is_all_without_slot(self) -> bool:
        """Whether there was something to ask, and nothing was for others hold all slots."""
        ends = list(self._last.values())
        return bool(ends) and all(done.reason == local_runner.NO_SLOT for done in ends)

    def _draw(self, host: str) -> None:
        if self._bars is None:
            return
        if host not in self._tasks:
            self._tasks[host] = self._bars.add_task(plain(host), counts="", budget="")
        counts, total = self.counts[host], len(self._expected[host])
        done = total - len(self._open[host])
        words = " ".join(f"{counts[one]} {WORDS[one]}" for one in RefreshStatus if counts[one])
        task = self._bars.tasks[self._tasks[host]].id
        self._bars.update(task, total=total, completed=done, counts=words)

    def _draw_budgets(self) -> None:
        if self._bars is None:
            return
        for host, words in _budgets(self.hosts, self.runtime):
            if host in self._tasks:
                task = self._bars.tasks[self._tasks[host]].id
                self._bars.update(task, budget=words)


def _budgets(hosts: Mapping[str, Host], runtime: WorkerContext) -> Iterator[tuple[str, str]]:
    """For each host, its scarcest budget in words."""
    scarcest: dict[str, status.Left] = {}
    for left in status.budgets(hosts, runtime.now().timestamp()):
        known = scarcest.get(left.host)
        if known is None or left.remaining * known.limit < known.remaining * left.limit:
            scarcest[left.host] = left
    for host, left in scarcest.items():
        yield host, f"{left.meter} {left.remaining:,}/{left.limit:,}"
