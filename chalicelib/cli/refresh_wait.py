"""``refresh --wait``: which batches a run postponed, and when to continue with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chalicelib.cli.progress_board import ProgressBoard
from chalicelib.refresh import planner
from chalicelib.refresh.batch import Batch
from chalicelib.storage.sources import DueSource

#: Neither a longer wait at once is sat out, nor slots that others hold for longer: a person would
#: rather know.
_MAX_WAIT_SECONDS = timedelta(minutes=75).total_seconds()
#: Where other workers hold all slots: as long as the queue postpones such a batch.
_NO_SLOT_SECONDS = 30.0


@dataclass(slots=True)
class Waiting:
    """Waits for what a run postponed. ``is_whole``: those hosts are asked in full again."""

    board: ProgressBoard
    is_full: bool
    _without_slot_since: dict[str, float] = field(default_factory=dict)

    def next_batches(self, without_slot: Sequence[Batch]) -> list[Batch]:
        """Sleep until something is due and return it; return nothing if that takes too long.

        Batches that found no slot are tried again as they are, whenever their sources are due,
        because nothing was written about them.
        """
        skipped = {(batch.host, package) for batch in without_slot for package in batch.packages}
        postponed = self.board.postponed - skipped
        context = self.board.context
        batches: list[Batch] = []
        while not batches:
            now = context.now().timestamp()
            retried = self._batches_to_retry(without_slot, now)
            until = now + _NO_SLOT_SECONDS if retried else self._first_due(postponed, now)
            if until is None:
                break
            self.board.note(f"waiting until {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC")
            context.sleep(until - now)
            batches = [*retried, *self._due_batches(postponed)]
        return batches

    def _batches_to_retry(self, without_slot: Sequence[Batch], now: float) -> list[Batch]:
        """Return those of hosts that have not been without a slot for too long."""
        hosts = {batch.host for batch in without_slot}
        since = self._without_slot_since
        self._without_slot_since = {host: since.get(host, now) for host in hosts}
        return [
            batch
            for batch in without_slot
            if now - self._without_slot_since[batch.host] <= _MAX_WAIT_SECONDS
        ]

    def _first_due(self, postponed: set[tuple[str, int]], now: float) -> float | None:
        """Return the instant to wake up at, or ``None`` if it is too far away."""
        rows = [row for host in _host_names(postponed) for row in self._rows(host, postponed)]
        first = min((row.due for row in rows), default=float("inf"))
        return max(first, now) + 1.0 if first - now <= _MAX_WAIT_SECONDS else None

    def _due_batches(self, postponed: set[tuple[str, int]]) -> list[Batch]:
        now = self.board.context.now()
        batches: list[Batch] = []
        for name in _host_names(postponed):
            rows = [row for row in self._rows(name, postponed) if row.due <= now.timestamp()]
            host = self.board.hosts[name]
            batches += planner.build_batches(host, rows, now, is_full=self.is_full)
        return batches

    def _rows(self, host: str, postponed: set[tuple[str, int]]) -> list[DueSource]:
        rows = planner.get_all_sources(self.board.hosts[host])
        return [row for row in rows if (host, row.package_id) in postponed]


def _host_names(postponed: Iterable[tuple[str, int]]) -> list[str]:
    return sorted({host for host, _ in postponed})
