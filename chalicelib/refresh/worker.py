"""One batch: read what is stored, ask the host, write what came of it."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chalicelib.catalog import repository as stored
from chalicelib.catalog.entities import Package
from chalicelib.catalog.repository import Versioned
from chalicelib.refresh.batch import Batch, ahead
from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY, Failed, FetchResult, Host, Source
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.result_writer import RefreshStatus, ResultWriter
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.storage import refresh_state as slots
from chalicelib.storage import sources
from chalicelib.storage.errors import STORAGE_ERRORS
from chalicelib.storage.refresh_models import SourceItem

#: A slot of a worker that died is free again after this. Who lives renews it as it goes; one
#: that waits longer for an answer may have company, which only the budget has to stand.
SLOT_SECONDS, RENEW_SECONDS = 120, 30
#: A batch that was planned later than this from now was so by a clock that is wrong.
_AHEAD_SECONDS = 900
_log = logging.getLogger(__name__)


class NoSlot(Exception):
    """As many batches of this host are being worked on as it may have at once."""


@dataclass(frozen=True, slots=True)
class PackageResult:
    """What became of one package of a batch, and why where it is not simply so."""

    package_id: int
    result: RefreshStatus
    reason: str = ""


@dataclass(slots=True)
class Worker:
    """Works on batches. One for each thread.

    ``hosts`` by name; ``every``: how often a source is asked. ``requests`` counts what was sent
    to each host, ``results`` what became of packages.
    """

    hosts: Mapping[str, Host]
    every: timedelta
    user_agent: str
    runtime: WorkerContext = field(default_factory=WorkerContext)
    budget: SharedBudget = field(default_factory=SharedBudget)
    requests: dict[str, int] = field(default_factory=dict)
    results: dict[str, Counter[RefreshStatus]] = field(default_factory=dict)

    def work(self, batch: Batch, holder: str) -> Iterator[PackageResult]:
        """Ask for a batch and write what comes of it, package by package.

        ``holder`` names who works to others. Whatever was handled already (the same message
        again, a newer batch) is left out. Raises NoSlot before anything is done, or a storage
        error at any point; what was yielded is written then, and the same batch may be worked on
        again.
        """
        host = self.hosts.get(batch.host)
        if host is None:
            raise LookupError(f"no host {batch.host}: is it in SELF_HOSTED?")
        now = self._now()
        until = now + SLOT_SECONDS
        slot = slots.acquire_slot(host.name, host.policy.concurrency, holder, now, until)
        if slot is None:
            raise NoSlot(host.name)
        try:
            for done in self._work(batch, host):
                if self._now() > until - SLOT_SECONDS + RENEW_SECONDS:
                    until = self._now() + SLOT_SECONDS
                    slots.renew_slot(slot, holder, until)
                yield done
        finally:
            slots.release_slot(slot, holder)

    def _now(self) -> float:
        return self.runtime.now().timestamp()

    def _work(self, batch: Batch, host: Host) -> Iterator[PackageResult]:
        found = self._read(batch)
        applying = ResultWriter(batch.planned, self.every, self.runtime)
        session = Session(host, self.budget, self.runtime, self.user_agent)
        results = self.results.setdefault(host.name, Counter())
        try:
            if found:
                asked = [source for source, _, _ in found.values()]
                for source, outcome in self._asked(host, asked, session):
                    _, row, before = found[source.package.id]
                    result = applying.apply(source, row, before, outcome)
                    results[result] += 1
                    yield PackageResult(source.package.id, result, getattr(outcome, "reason", ""))
        finally:
            session.close()
            sent = self.requests.get(host.name, 0) + session.requests_sent
            self.requests[host.name] = sent

    def _asked(
        self, host: Host, batch: list[Source], session: Session
    ) -> Iterator[tuple[Source, FetchResult]]:
        """What the host says. A fault of our own is driven into a corner: the sources without a
        result are asked in halves, until the one that our code breaks on is alone and fails.
        """
        left = {source.package.id: source for source in batch}
        results = iter(host.fetch(batch, session))
        while True:
            try:
                source, outcome = next(results)
            except StopIteration:
                return
            except STORAGE_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of ours; it is logged
                _log.exception("the module of %s broke", host.name)
                yield from self._halved(host, list(left.values()), session, error)
                return
            del left[source.package.id]
            yield source, outcome

    def _halved(
        self, host: Host, left: list[Source], session: Session, error: Exception
    ) -> Iterator[tuple[Source, FetchResult]]:
        if len(left) == 1:
            yield left[0], Failed(f"internal error: {type(error).__name__}")
            return
        middle = (len(left) + 1) // 2
        for half in (left[:middle], left[middle:]):
            if half:
                yield from self._asked(host, half, session)

    def _read(self, batch: Batch) -> dict[int, tuple[Source, SourceItem, Versioned[Package]]]:
        """What is to be asked, as it is stored now, by package."""
        rows = sources.get_sources(batch.kind, batch.packages)
        wanted = {
            identifier: row
            for identifier, row in rows.items()
            if row.host == batch.host and not self._is_handled(row, batch)
        }
        packages = stored.get_many(Package, wanted)
        repositories: Mapping[int, SourceItem] = {}
        if batch.kind == PROJECT:
            repositories = sources.get_sources(REPOSITORY, packages)
        found = {}
        for identifier, row in wanted.items():
            if identifier not in packages:
                sources.delete_source(row)
                continue
            source = Source(
                package=packages[identifier].entity,
                kind=batch.kind,
                host=batch.host,
                address=str(row.address),
                state=row.state or {},
                checked=_instant(sources.get_timestamp(row, "checked")),
                is_check_due=batch.is_whole or self._is_check_due(row),
                shows_fetched=not _is_asked(repositories.get(identifier)),
            )
            found[identifier] = (source, row, packages[identifier])
        return found

    def _is_handled(self, row: SourceItem, batch: Batch) -> bool:
        """Whether it was asked for this batch, for a newer one, or since this one was planned."""
        planned, latest = batch.planned.timestamp(), self._now() + _AHEAD_SECONDS
        asked = max(sources.get_timestamp(row, name) or 0.0 for name in ("checked", "failed_at"))
        return planned <= float(row.handled or 0) <= latest or planned < asked <= latest

    def _is_check_due(self, row: SourceItem) -> bool:
        check_at = sources.get_timestamp(row, "check_at")
        return check_at is None or check_at <= self._now() + ahead(self.every).total_seconds()


def _is_asked(repository: SourceItem | None) -> bool:
    return repository is not None and sources.get_timestamp(repository, "due") is not None


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
