"""Writing the results of a batch: the package, its history, and the source itself.

Every write is conditional on what was read before the host was asked, so a result that another
worker has overtaken writes nothing. If figures changed, one transaction writes the package, the
history and the source. If none did, only the status fields are written, the package first: if the
worker dies in between, the batch is repeated and writes the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.catalog import changes, repository
from chalicelib.catalog.entities import Package
from chalicelib.catalog.item_writes import add_writes
from chalicelib.catalog.repository import Versioned
from chalicelib.catalog.score import compute_score
from chalicelib.refresh.fetch_result import (
    PROJECT,
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
from chalicelib.storage import sources
from chalicelib.storage.errors import ItemTooLarge, NameTaken, Superseded
from chalicelib.storage.refresh_models import HistoryItem, SourceItem
from chalicelib.storage.transaction import Transaction

_INDEX_PREFIX = "index: "
#: The first wait after a failure. It doubles with each further failure, up to the maximum.
_BACKOFF, _MAX_BACKOFF = timedelta(minutes=10), timedelta(days=7)
#: The first wait after a source was gone; it may come back.
_GONE_BACKOFF = timedelta(days=1)
_MAX_DOUBLINGS = 12
_MAX_POSTPONE_JITTER_SECONDS = 30
_MAX_REASON_LENGTH = 500


class RefreshStatus(StrEnum):
    """The outcome of refreshing one package."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    GONE = "gone"
    FAILED = "failed"
    POSTPONED = "postponed"
    SUPERSEDED = "superseded"


class ResultWriter:
    """Writes the results of one batch.

    ``planned`` is when the batch was planned, ``interval`` is how often a source is refreshed.
    """

    def __init__(self, planned: datetime, interval: timedelta, context: WorkerContext) -> None:
        self._planned = planned
        self._interval = interval
        self._context = context

    def write(
        self, source: Source, item: SourceItem, before: Versioned[Package], result: FetchResult
    ) -> RefreshStatus:
        """Write one result; after a storage error, either all or nothing was written."""
        attempt = _Attempt(lambda package: self._write(source, item, package, result), before)
        try:
            return repository.retry_on_conflict(attempt)
        except repository.DoesNotExist:
            sources.delete_source(item)
            return RefreshStatus.SUPERSEDED
        except Superseded:
            return RefreshStatus.SUPERSEDED
        except NameTaken:
            assert isinstance(result, Moved)
            return self.write(source, item, before, _remove_move(result))
        except (ItemTooLarge, changes.InvalidEntity) as error:
            return self.write(source, item, before, Failed(f"cannot be stored: {error}"))

    def _write(
        self, source: Source, item: SourceItem, before: Versioned[Package], result: FetchResult
    ) -> RefreshStatus:
        item, version = sources.copy_source(item), int(item.version)
        reschedule(item, source, result, self._planned, self._interval, self._context)
        changed: dict[str, Any] = {}
        if isinstance(result, Figures):
            changed = _get_changes(before.entity, result)
            update_provenance(item, result, changed, self._context.now())
        after = self._set_status_fields(source, item, replace(before.entity, **changed), result)
        if changed:
            self._write_change(item, version, before, after, changed)
            return RefreshStatus.CHANGED
        if after != before.entity:
            changes.update_figures(before, after)
        sources.replace_source(item, version)
        return _get_status(result)

    def _write_change(
        self,
        item: SourceItem,
        version: int,
        before: Versioned[Package],
        after: Package,
        changed: Mapping[str, Any],
    ) -> None:
        transaction = Transaction()
        add_writes(transaction, before, after)
        at = f"{self._planned.isoformat()}/{item.kind}"
        figures = {name: _to_json_value(value) for name, value in changed.items()}
        sources.add_source_writes(
            transaction, item, version, HistoryItem(after.id, at, figures=figures)
        )
        transaction.commit()

    def _set_status_fields(
        self, source: Source, item: SourceItem, package: Package, result: FetchResult
    ) -> Package:
        """Return the package with its score, ``last_fetched`` and ``last_exception`` updated."""
        now = self._context.now()
        if isinstance(result, Postponed):
            return package
        if isinstance(result, Failed | Gone):
            return replace(
                package,
                last_exception=_format_reason(source, result.reason),
                last_exception_at=now,
                last_exception_count=int(item.failures),
            )
        package = replace(package, score=compute_score(package, now))
        if source.shows_fetched and source.is_check_due:
            package = replace(package, last_fetched=now)
        if package.last_exception and _is_reason_of(source, package.last_exception):
            package = replace(
                package, last_exception=None, last_exception_at=None, last_exception_count=0
            )
        return package


class _Attempt:
    """Calls ``write`` with the package as it was read, and after a lost race with it reread."""

    def __init__(
        self,
        write: Callable[[Versioned[Package]], RefreshStatus],
        before: Versioned[Package],
    ) -> None:
        self._write = write
        self._before: Versioned[Package] | None = before
        self._id = before.entity.id

    def __call__(self) -> RefreshStatus:
        before = self._before or repository.get(Package, self._id)
        self._before = None
        return self._write(before)


def reschedule(
    item: SourceItem,
    source: Source,
    result: FetchResult,
    planned: datetime,
    interval: timedelta,
    context: WorkerContext,
) -> None:
    """Set the state of ``item`` after ``result``, and when it is due again.

    ``planned`` is when the batch was planned, ``interval`` is how often a source is refreshed.
    """
    now = context.now()
    due_before, due_since_before = item.due, item.due_since
    item.handled, item.due_since = planned.timestamp(), None
    match result:
        case Postponed():
            item.due_since = due_since_before or float(due_before)
            jitter = context.uniform(0, _MAX_POSTPONE_JITTER_SECONDS)
            item.due = max(result.until, now).timestamp() + jitter
            if source.is_check_due:
                # A full check is due, even if the batch took the source before its time.
                item.check_at = now.timestamp()
        case Gone():
            item.gone_since = item.gone_since or now.timestamp()
            _record_failure(item, result.reason, now)
            item.due = (now + _get_backoff(item, _GONE_BACKOFF)).timestamp()
        case Failed():
            _record_failure(item, result.reason, now)
            wait = _get_backoff(item, _BACKOFF).total_seconds()
            due = now.timestamp() + context.uniform(wait / 2, wait)
            item.due = max(due, result.retry_at.timestamp() if result.retry_at else 0.0)
        case Figures() | Unchanged():
            _record_success(item, source, result, now, interval)
    if item.due == due_before:
        # A lease names the due time, so an unchanged one would keep the source leased.
        item.due = float(item.due) + 1.0


def _record_success(
    item: SourceItem,
    source: Source,
    result: Figures | Unchanged,
    now: datetime,
    interval: timedelta,
) -> None:
    item.state = dict(result.state)
    item.failures, item.reason, item.failed_at, item.gone_since = 0, None, None, None
    if source.is_check_due:
        item.checked = now.timestamp()
        item.check_at = (now + interval).timestamp()
    item.due = float(item.check_at or (now + interval).timestamp())
    if isinstance(result, Figures) and result.again_at is not None:
        item.due = min(item.due, max(result.again_at, now).timestamp())
    if isinstance(result, Moved):
        item.address = result.address


def _record_failure(item: SourceItem, reason: str, now: datetime) -> None:
    item.failures = int(item.failures or 0) + 1
    item.reason = reason[:_MAX_REASON_LENGTH]
    item.failed_at = now.timestamp()


def _get_backoff(item: SourceItem, base: timedelta) -> timedelta:
    doublings = min(int(item.failures) - 1, _MAX_DOUBLINGS)
    return min(_MAX_BACKOFF, base * float(2**doublings))


def update_provenance(
    item: SourceItem, result: Figures, changed: Mapping[str, Any], now: datetime
) -> None:
    """Store which call each figure came from, and since when it has been so."""
    provenance = dict(item.provenance or {})
    for name, mark in result.marks.items():
        before = provenance.get(name)
        is_same = before is not None and (before[0], before[2]) == (mark.source, mark.token)
        if name in changed or not is_same:
            provenance[name] = [mark.source, now.isoformat(), mark.token]
    item.provenance = provenance


def _get_changes(package: Package, result: Figures) -> dict[str, Any]:
    """Return the fields whose new value differs from the stored one."""
    values = dict(result.values)
    if isinstance(result, Moved):
        values["repo_url"] = result.url
    return {name: value for name, value in values.items() if getattr(package, name) != value}


def _remove_move(result: Moved) -> Figures:
    """Return the figures without the new address, which belongs to another package already."""
    return Figures(
        values=result.values,
        marks=result.marks,
        state=result.state,
        again_at=result.again_at,
    )


def _format_reason(source: Source, reason: str) -> str:
    """Return a reason for ``last_exception``; those of the package index have a prefix."""
    return _INDEX_PREFIX + reason if source.kind == PROJECT else reason


def _is_reason_of(source: Source, reason: str) -> bool:
    return reason.startswith(_INDEX_PREFIX) == (source.kind == PROJECT)


def _to_json_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _get_status(result: FetchResult) -> RefreshStatus:
    match result:
        case Gone():
            return RefreshStatus.GONE
        case Failed():
            return RefreshStatus.FAILED
        case Postponed():
            return RefreshStatus.POSTPONED
    return RefreshStatus.UNCHANGED
