"""Writing what came of a source: the package, its row of history, and the source itself.

Everything is conditional on what was read before the host was asked, so a result that another
worker has overtaken writes nothing. Where figures changed, package, history and source change
in one transaction. Where none did, only what tells of the asking is written, package first: a
worker that dies in between is repeated, and writes the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.catalog import changes, repository
from chalicelib.catalog.entities import Package
from chalicelib.catalog.item_writes import add_writes
from chalicelib.catalog.repository import Versioned
from chalicelib.catalog.score import compute_score
from chalicelib.refresh import source_rows
from chalicelib.refresh.fetch_result import (
    PROJECT,
    Failed,
    FetchResult,
    Figures,
    Gone,
    Moved,
    Postponed,
    Source,
)
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.storage import sources
from chalicelib.storage.errors import ItemTooLarge, NameTaken, Superseded
from chalicelib.storage.refresh_models import HistoryItem, SourceItem
from chalicelib.storage.transaction import Transaction

_OF_INDEX = "index: "


class RefreshStatus(StrEnum):
    """What became of a package in a batch."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    GONE = "gone"
    FAILED = "failed"
    POSTPONED = "postponed"
    SUPERSEDED = "superseded"


class ResultWriter:
    """Writes outcomes of one batch, which was planned at ``planned``."""

    def __init__(self, planned: datetime, every: timedelta, runtime: WorkerContext) -> None:
        self._planned = planned
        self._every = every
        self._runtime = runtime

    def apply(
        self, source: Source, row: SourceItem, before: Versioned[Package], outcome: FetchResult
    ) -> RefreshStatus:
        """Write one outcome; raises a storage error, and then nothing or all was written."""
        try:
            return repository.retry_on_conflict(
                _Repeat(lambda b: self._apply(source, row, b, outcome), before)
            )
        except repository.DoesNotExist:
            sources.delete_source(row)
            return RefreshStatus.SUPERSEDED
        except Superseded:
            return RefreshStatus.SUPERSEDED
        except NameTaken:
            assert isinstance(outcome, Moved)
            return self.apply(source, row, before, _without_move(outcome))
        except (ItemTooLarge, changes.InvalidEntity) as error:
            return self.apply(source, row, before, Failed(f"cannot be stored: {error}"))

    def _apply(
        self, source: Source, row: SourceItem, before: Versioned[Package], outcome: FetchResult
    ) -> RefreshStatus:
        row, version = sources.copy_source(row), int(row.version)
        source_rows.settle(row, source, outcome, self._planned, self._every, self._runtime)
        changed: dict[str, Any] = {}
        if isinstance(outcome, Figures):
            changed = _changed(before.entity, outcome)
            source_rows.note_provenance(row, outcome, changed, self._runtime.now())
        after = self._told(source, row, replace(before.entity, **changed), outcome)
        if changed:
            self._write_change(row, version, before, after, changed)
            return RefreshStatus.CHANGED
        if after != before.entity:
            changes.update_figures(before, after)
        sources.replace_source(row, version)
        return _result(outcome)

    def _write_change(
        self,
        row: SourceItem,
        version: int,
        before: Versioned[Package],
        after: Package,
        changed: Mapping[str, Any],
    ) -> None:
        transaction = Transaction()
        add_writes(transaction, before, after)
        at = f"{self._planned.isoformat()}/{row.kind}"
        figures = {name: _plain(value) for name, value in changed.items()}
        sources.add_source_writes(
            transaction, row, version, HistoryItem(after.id, at, figures=figures)
        )
        transaction.commit()

    def _told(
        self, source: Source, row: SourceItem, package: Package, outcome: FetchResult
    ) -> Package:
        """The package with what its own fields tell of the asking."""
        now = self._runtime.now()
        if isinstance(outcome, Postponed):
            return package
        if isinstance(outcome, Failed | Gone):
            return replace(
                package,
                last_exception=_said(source, outcome.reason),
                last_exception_at=now,
                last_exception_count=int(row.failures),
            )
        told = replace(package, score=compute_score(package, now))
        if source.shows_fetched and source.is_check_due:
            told = replace(told, last_fetched=now)
        if told.last_exception and _is_said_of(source, told.last_exception):
            told = replace(
                told, last_exception=None, last_exception_at=None, last_exception_count=0
            )
        return told


class _Repeat:
    """An attempt on the package as it was read, and after a lost race as it is then."""

    def __init__(self, attempt: Any, before: Versioned[Package]) -> None:
        self._attempt = attempt
        self._before: Versioned[Package] | None = before
        self._id = before.entity.id

    def __call__(self) -> RefreshStatus:
        before = self._before or repository.get(Package, self._id)
        self._before = None
        result: RefreshStatus = self._attempt(before)
        return result


def _changed(package: Package, outcome: Figures) -> dict[str, Any]:
    """The fields that differ from what is stored."""
    values = dict(outcome.values)
    if isinstance(outcome, Moved):
        values["repo_url"] = outcome.url
    return {name: value for name, value in values.items() if getattr(package, name) != value}


def _without_move(outcome: Moved) -> Figures:
    """The figures alone: another package has the new address, so this one keeps its own."""
    return Figures(
        values=outcome.values,
        marks=outcome.marks,
        state=outcome.state,
        again_at=outcome.again_at,
    )


def _said(source: Source, reason: str) -> str:
    """A reason as ``last_exception`` has it: the original's faults are the repository's."""
    return _OF_INDEX + reason if source.kind == PROJECT else reason


def _is_said_of(source: Source, text: str) -> bool:
    return text.startswith(_OF_INDEX) == (source.kind == PROJECT)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _result(outcome: FetchResult) -> RefreshStatus:
    match outcome:
        case Gone():
            return RefreshStatus.GONE
        case Failed():
            return RefreshStatus.FAILED
        case Postponed():
            return RefreshStatus.POSTPONED
    return RefreshStatus.UNCHANGED
