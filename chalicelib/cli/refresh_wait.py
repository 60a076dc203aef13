"""``--wait``: what a run put off, and when to go on with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chalicelib.cli.progress_board import Board
from chalicelib.refresh import planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.storage.sources import Due

#: This is not sat out at once, nor others' holding all slots for as long: a person would rather
#: know.
_LONGEST = timedelta(minutes=75).total_seconds()
#: Where others hold all slots: as long as the queue puts such a batch off.
_NO_SLOT_SECONDS = 30.0


@dataclass(slots=True)
class Waiting:
    """Waits for what a run left open; ``is_whole``: it is asked in full then, as before."""

    board: Board
    hosts: Mapping[str, Host]
    runtime: WorkerContext
    is_whole: bool
    _without_slot_since: dict[str, float] = field(default_factory=dict)

    def later(self, without_slot: Sequence[Batch]) -> list[Batch]:
        """What is to be asked next, once it is time; nothing if that takes too long.

        Batches that found no slot are tried again as they are, whenever their sources are due:
        nothing was written of them.
        """
        skipped = {(batch.host, one) for batch in without_slot for one in batch.packages}
        wanted = self.board.left - skipped
        found: list[Batch] = []
        while not found:
            now = self.runtime.now().timestamp()
            kept = self._worth_waiting(without_slot, now)
            until = now + _NO_SLOT_SECONDS if kept else self._first_due(wanted, now)
            if until is None:
                break
            self.board.note(f"waiting until {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC")
            self.runtime.sleep(until - now)
            found = [*kept, *self._due(wanted)]
        return found

    def _first_due(self, wanted: set[tuple[str, int]], now: float) -> float | None:
        instants = [row.due for host in self._names(wanted) for row in self._rows(host, wanted)]
        first = min(instants, default=float("inf"))
        return max(first, now) + 1.0 if first - now <= _LONGEST else None

    def _worth_waiting(self, without_slot: Sequence[Batch], now: float) -> list[Batch]:
        """Those of hosts that have not been without a slot for too long."""
        names = {batch.host for batch in without_slot}
        since = self._without_slot_since
        self._without_slot_since = {name: since.get(name, now) for name in names}
        return [
            batch
            for batch in without_slot
            if now - self._without_slot_since[batch.host] <= _LONGEST
        ]

    def _due(self, wanted: set[tuple[str, int]]) -> list[Batch]:
        now = self.runtime.now()
        found: list[Batch] = []
        for host in self._names(wanted):
            ready = [row for row in self._rows(host, wanted) if row.due <= now.timestamp()]
            found += planner.batches_of(self.hosts[host], ready, now, is_whole=self.is_whole)
        return found

    def _rows(self, host: str, wanted: set[tuple[str, int]]) -> list[Due]:
        rows = planner.everything_at(self.hosts[host])
        return [row for row in rows if (host, row.package_id) in wanted]

    @staticmethod
    def _names(wanted: set[tuple[str, int]]) -> list[str]:
        return sorted({host for host, _ in wanted})
