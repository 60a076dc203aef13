"""What is stored of a source after it was asked: when it is due, how it failed, what it gave."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.refresh.fetch_result import (
    Failed,
    FetchResult,
    Figures,
    Gone,
    Moved,
    Postponed,
    Source,
    Unchanged,
)
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.storage.refresh_models import SourceItem

#: The first wait after a failure; it doubles with each further one, up to a week.
_BACKOFF, _LONGEST = timedelta(minutes=10), timedelta(days=7)
#: What is gone is looked after again, for it may come back.
_GONE_BACKOFF = timedelta(days=1)
_MOST_DOUBLINGS = 12
_LONGEST_REASON = 500


def settle(
    row: SourceItem,
    source: Source,
    outcome: FetchResult,
    planned: datetime,
    every: timedelta,
    at: WorkerContext,
) -> None:
    """Change ``row`` to what it is after ``outcome``; ``every``: how often it is asked."""
    now = at.now()
    row.handled, before = planned.timestamp(), row.due
    since, row.due_since = row.due_since, None
    match outcome:
        case Postponed():
            row.due_since = since or float(row.due)
            row.due = max(outcome.until, now).timestamp() + at.uniform(0, 30)
            if source.is_check_due:
                # It is owed in full, also where it was to be asked before its time.
                row.check_at = now.timestamp()
        case Gone():
            row.gone_since = row.gone_since or now.timestamp()
            _failed(row, outcome.reason, now)
            row.due = (now + _backoff(row, _GONE_BACKOFF)).timestamp()
        case Failed():
            _failed(row, outcome.reason, now)
            wait = _backoff(row, _BACKOFF).total_seconds()
            due = now.timestamp() + at.uniform(wait / 2, wait)
            row.due = max(due, outcome.retry_at.timestamp() if outcome.retry_at else 0.0)
        case Figures() | Unchanged():
            _answered(row, source, outcome, now, every)
    if row.due == before:
        # Leases are on the due time: with the same it would be taken to be under way still.
        row.due = float(row.due) + 1.0


def _answered(
    row: SourceItem, source: Source, outcome: Figures | Unchanged, now: datetime, every: timedelta
) -> None:
    row.state = dict(outcome.state)
    row.failures, row.reason, row.failed_at, row.gone_since = 0, None, None, None
    if source.is_check_due:
        row.checked = now.timestamp()
        row.check_at = (now + every).timestamp()
    row.due = float(row.check_at or (now + every).timestamp())
    if isinstance(outcome, Figures) and outcome.again_at is not None:
        row.due = min(row.due, max(outcome.again_at, now).timestamp())
    if isinstance(outcome, Moved):
        row.address = outcome.address


def _failed(row: SourceItem, reason: str, now: datetime) -> None:
    row.failures = int(row.failures or 0) + 1
    row.reason = reason[:_LONGEST_REASON]
    row.failed_at = now.timestamp()


def _backoff(row: SourceItem, base: timedelta) -> timedelta:
    doublings = min(int(row.failures) - 1, _MOST_DOUBLINGS)
    return min(_LONGEST, base * float(2**doublings))


def note_provenance(
    row: SourceItem, outcome: Figures, changed: Mapping[str, Any], now: datetime
) -> None:
    """Keep where each figure came from; what is as it was keeps when it was first seen so."""
    kept = dict(row.provenance or {})
    for name, mark in outcome.marks.items():
        before = kept.get(name)
        if name in changed or before is None or before[2] != mark.token or before[0] != mark.source:
            kept[name] = [mark.source, now.isoformat(), mark.token]
    row.provenance = kept
