"""A small catalogue with one host, and workers for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.catalog import changes, repository
from chalicelib.catalog.entities import Package
from chalicelib.refresh import enrolment, planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import REPOSITORY
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import PackageResult, Worker
from chalicelib.settings import Upstreams
from chalicelib.storage import sources
from chalicelib.storage.refresh_models import HistoryItem, SourceItem
from tests.support.entities import category, package
from tests.support.upstream.asking import FakeTime

EVERY = timedelta(hours=20)


@dataclass(slots=True)
class Site:
    """Packages 1 to ``count`` of category 1, each with a repository ``owner/package-N``."""

    count: int
    time: FakeTime = field(default_factory=FakeTime)

    def build(self) -> "Site":
        changes.create(category())
        for identifier in range(1, self.count + 1):
            changes.create(package(identifier, pypi_url=""))
        enrolment.enrol(Upstreams(), self.time.now().timestamp())
        return self

    def worker(self, host: Host) -> Worker:
        return Worker({host.name: host}, EVERY, "packgrid/test", self.time.context())

    def batch(self, *ids: int, planned: datetime | None = None) -> Batch:
        wanted = ids or tuple(range(1, self.count + 1))
        return Batch("github", REPOSITORY, planned or self.time.now(), wanted)

    def work(
        self, host: Host, batch: Batch | None = None, holder: str = "one"
    ) -> list[PackageResult]:
        return list(self.worker(host).work(batch or self.batch(), holder))

    def results(self, host: Host, batch: Batch | None = None) -> dict[int, RefreshStatus]:
        return {done.package_id: done.result for done in self.work(host, batch)}

    def planned(self, host: Host) -> list[Batch]:
        sent: list[Batch] = []
        planner.plan({host.name: host}, self.time.now(), sent.extend, EVERY)
        return sent


def read(identifier: int) -> Package:
    return repository.get(Package, identifier).entity


def row(identifier: int, kind: str = REPOSITORY) -> SourceItem:
    return sources.get_sources(kind, [identifier])[identifier]


def history(identifier: int) -> list[dict[str, Any]]:
    return [item.figures for item in HistoryItem.query(identifier, consistent_read=True)]


def stars(number: int, **headers: str) -> Callable[[Any], Any]:
    """A route that always answers so many stars."""
    return lambda request: (200, headers, {"stars": number})
