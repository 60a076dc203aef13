"""Refreshing one batch: read what is stored, ask the host, write the results."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chalicelib.catalog import repository
from chalicelib.catalog.entities import Package
from chalicelib.catalog.repository import Versioned
from chalicelib.refresh.batch import Batch, get_early_limit
from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY, Failed, FetchResult, Source
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.result_writer import RefreshStatus, ResultWriter
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.storage import refresh_state, sources
from chalicelib.storage.errors import STORAGE_ERRORS
from chalicelib.storage.refresh_models import SourceItem

#: The slot of a worker that died is free again after ``SLOT_SECONDS``. Live workers renew their
#: slot. A worker stuck on a slow response may lose it, so one extra can run; the shared rate
#: limit still holds.
SLOT_SECONDS, RENEW_SECONDS = 120, 30
#: A batch that was planned later than this from now was planned by a wrong clock.
_MAX_CLOCK_SKEW_SECONDS = 900
_log = logging.getLogger(__name__)


class NoSlot(Exception):
    """The host has as many batches under way as its policy allows."""


@dataclass(frozen=True, slots=True)
class PackageResult:
    """The outcome of refreshing one package, with a reason if it was not refreshed."""

    package_id: int
    result: RefreshStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _StoredSource:
    """A source with the items that it was read from."""

    source: Source
    item: SourceItem
    package: Versioned[Package]


@dataclass(slots=True)
class Worker:
    """Refreshes batches. Each thread needs its own.

    ``hosts`` are by name, ``interval`` is how often a source is refreshed. ``requests`` counts
    the requests sent to each host, and ``results`` the outcomes by host.
    """

    hosts: Mapping[str, Host]
    interval: timedelta
    user_agent: str
    context: WorkerContext = field(default_factory=WorkerContext)
    budget: SharedBudget = field(default_factory=SharedBudget)
    requests: dict[str, int] = field(default_factory=dict)
    results: dict[str, Counter[RefreshStatus]] = field(default_factory=dict)

    def work(self, batch: Batch, holder: str) -> Iterator[PackageResult]:
        """Refresh a batch, and yield the result of each package once it is written.

        ``holder`` names the worker in the slots that all workers see. Packages that were
        refreshed since the batch was planned are left out, for example if the message is
        delivered twice. Raises NoSlot before anything is done, or a storage error at any point;
        the results yielded until then are written, and the batch may be worked on again.
        """
        host = self.hosts.get(batch.host)
        if host is None:
            raise LookupError(f"no host {batch.host}: is it in SELF_HOSTED?")
        now = self._now()
        until = now + SLOT_SECONDS
        slot = refresh_state.acquire_slot(host.name, host.policy.concurrency, holder, now, until)
        if slot is None:
            raise NoSlot(host.name)
        try:
            for result in self._work(batch, host):
                if self._now() > until - SLOT_SECONDS + RENEW_SECONDS:
                    until = self._now() + SLOT_SECONDS
                    refresh_state.renew_slot(slot, holder, until)
                yield result
        finally:
            refresh_state.release_slot(slot, holder)

    def _now(self) -> float:
        return self.context.now().timestamp()

    def _work(self, batch: Batch, host: Host) -> Iterator[PackageResult]:
        stored = self._read_sources(batch)
        writer = ResultWriter(batch.planned, self.interval, self.context)
        session = Session(host, self.budget, self.context, self.user_agent)
        statuses = self.results.setdefault(host.name, Counter())
        try:
            if stored:
                to_fetch = [entry.source for entry in stored.values()]
                for source, result in self._fetch_with_bisection(host, to_fetch, session):
                    entry = stored[source.package.id]
                    status = writer.write(source, entry.item, entry.package, result)
                    statuses[status] += 1
                    yield PackageResult(source.package.id, status, getattr(result, "reason", ""))
        finally:
            session.close()
            sent = self.requests.get(host.name, 0) + session.requests_sent
            self.requests[host.name] = sent

    def _fetch_with_bisection(
        self, host: Host, batch: list[Source], session: Session
    ) -> Iterator[tuple[Source, FetchResult]]:
        """Yield the host's results.

        If the host's module raises, bisect the sources that have no result yet until the failing
        one is isolated.
        """
        remaining = {source.package.id: source for source in batch}
        results = iter(host.fetch(batch, session))
        while True:
            try:
                source, result = next(results)
            except StopIteration:
                return
            except STORAGE_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - a bug in the host's module; it is logged
                _log.exception("the module of %s broke", host.name)
                yield from self._fetch_halves(host, list(remaining.values()), session, error)
                return
            del remaining[source.package.id]
            yield source, result

    def _fetch_halves(
        self, host: Host, remaining: list[Source], session: Session, error: Exception
    ) -> Iterator[tuple[Source, FetchResult]]:
        if len(remaining) == 1:
            yield remaining[0], Failed(f"internal error: {type(error).__name__}")
            return
        middle = (len(remaining) + 1) // 2
        for half in (remaining[:middle], remaining[middle:]):
            if half:
                yield from self._fetch_with_bisection(host, half, session)

    def _read_sources(self, batch: Batch) -> dict[int, _StoredSource]:
        """Return the sources of a batch that are still to be refreshed, by package.

        Sources whose package no longer exists are deleted.
        """
        items = {
            package_id: item
            for package_id, item in sources.get_sources(batch.kind, batch.packages).items()
            if item.host == batch.host and not self._is_handled(item, batch)
        }
        packages = repository.get_many(Package, items)
        repositories: Mapping[int, SourceItem] = {}
        if batch.kind == PROJECT:
            repositories = sources.get_sources(REPOSITORY, packages)
        stored = {}
        for package_id, item in items.items():
            if package_id not in packages:
                sources.delete_source(item)
                continue
            source = Source(
                package=packages[package_id].entity,
                kind=batch.kind,
                host=batch.host,
                address=str(item.address),
                state=item.state or {},
                checked=_to_datetime(sources.get_timestamp(item, "checked")),
                is_check_due=batch.is_full or self._is_check_due(item),
                shows_fetched=not _is_refreshed(repositories.get(package_id)),
            )
            stored[package_id] = _StoredSource(source, item, packages[package_id])
        return stored

    def _is_handled(self, item: SourceItem, batch: Batch) -> bool:
        """Return whether a source was refreshed for this batch, or since it was planned."""
        planned, latest = batch.planned.timestamp(), self._now() + _MAX_CLOCK_SKEW_SECONDS
        refreshed = max(
            sources.get_timestamp(item, name) or 0.0 for name in ("checked", "failed_at")
        )
        return planned <= float(item.handled or 0) <= latest or planned < refreshed <= latest

    def _is_check_due(self, item: SourceItem) -> bool:
        check_at = sources.get_timestamp(item, "check_at")
        limit = self._now() + get_early_limit(self.interval).total_seconds()
        return check_at is None or check_at <= limit


def _is_refreshed(item: SourceItem | None) -> bool:
    """Return whether a source is ever refreshed: unsupported ones are never due."""
    return item is not None and sources.get_timestamp(item, "due") is not None


def _to_datetime(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
