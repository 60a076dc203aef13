"""A simulated week: ``python -m tests.support.upstream.week --packages 150 --faults 0.3``.

Four workers refresh a world on which every day something happens; then comes a day without
faults, and what is stored is compared with the truth. Needs an engine in the environment; prints
one line of JSON, a ``Report``. The memory it tells is that of workers and world together.
"""

import argparse
import json
import os
import resource
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from chalicelib.catalog import repository
from chalicelib.catalog.entities import Package
from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY
from chalicelib.refresh.hosts.registry import UNSUPPORTED
from chalicelib.storage import models, objects, sources
from chalicelib.storage.refresh_models import SourceItem
from tests.support import tables
from tests.support.upstream.asking import FakeTime
from tests.support.upstream.simulation import Simulation
from tools.fakehosts import World
from tools.fakehosts.comparison import find_differences
from tools.fakehosts.faults import Faults

_STEP = timedelta(minutes=20)
_DAY = timedelta(days=1)
#: The first refresh may take so long; ages count from then on.
_FIRST = timedelta(days=1)


@dataclass(slots=True)
class Report:
    """What a week was like.

    ``late``: packages that answer, but whose source was not checked for more than a day: how
    long, and why. ``backwards``: stars or forks that became fewer, which they never do in a world
    (package, figure, before, after). ``wrong``: what differs from the truth at the end.
    ``limits``: requests past a limit.
    """

    requests: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    limits: list[str] = field(default_factory=list)
    late: dict[str, str] = field(default_factory=dict)
    backwards: list[tuple[int, str, int, int]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    peak_mb: float = 0.0


class Week:
    """A week of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.world = simulation.world
        self.report = Report()
        self._began = simulation.time.now()
        self._seen: dict[int, tuple[int, int]] = {}
        self._rows: dict[tuple[str, int], SourceItem] = {}
        #: Packages of which anything was written since it was looked at.
        self._written: set[int] = set(self.world.packages)

    def run(self, days: int, faults: Faults | None) -> Report:
        """Live through the days, and one more in peace."""
        self.world.faults = faults
        for day in range(1, days + 1):
            self._day()
            if day < days:
                self.world.advance(day)
        self.world.faults = None
        self._day()
        log = self.world.log
        self.report.requests = {
            host: sum(n for (name, _, _), n in log.counts.items() if name == host)
            for host in self.world.hosts
        }
        self.report.faults = dict(log.faults)
        self.report.limits = [f"{each.host}: {each.limit}" for each in log.violations]
        self.report.wrong = find_differences(self.world)
        self.report.peak_mb = _peak_mb()
        return self.report

    def _day(self) -> None:
        with tables.listening(self._note):
            for _ in self.simulation.run(_DAY, _STEP):
                self._look()

    def _note(self, table: str, item: tables.Item | None) -> None:
        key = {models.PackageItem.Meta.table_name: "id", SourceItem.Meta.table_name: "package_id"}
        if table in key:
            self._written |= {int(item[key[table]]["N"])} if item else set(self.world.packages)

    def _look(self) -> None:
        """Look at everything that is stored; what was not written is as it was."""
        now = self.simulation.time.now()
        written, self._written = self._written, set()
        packages = repository.get_many(Package, written)
        for id, found in packages.items():
            figures = found.entity.repo_watchers, found.entity.repo_forks
            for name, before, after in zip(
                ("stars", "forks"), self._seen.get(id, figures), figures, strict=True
            ):
                if after < before:
                    self.report.backwards.append((id, name, before, after))
            self._seen[id] = figures
        for kind in (REPOSITORY, PROJECT):
            rows = sources.get_sources(kind, written)
            for id in written:
                self._rows.pop((kind, id), None)
            self._rows |= {(kind, id): row for id, row in rows.items()}
        if now - self._began <= _FIRST + _DAY:
            return
        for row in self._rows.values():
            if self._answers(row):
                hours = (now.timestamp() - float(row.checked or 0)) / 3600
                place = f"{row.host} {row.address}"
                if hours > 24:
                    why = f"{int(row.failures or 0)} x {row.reason}, {row.state}"
                    self.report.late[place] = f"{hours:.1f} h: {why}"

    def _answers(self, row: SourceItem) -> bool:
        id = int(row.package_id)
        # Of all others one that is due never again is late.
        if row.host == UNSUPPORTED:
            return False
        if row.kind == PROJECT:
            return not self.world.projects[id].is_gone
        return not self.world.repositories[id].status


def _peak_mb() -> float:
    """The most memory this process ever had; getrusage's is never below its parent's."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / (1 << 10)
    except OSError:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_maxrss / (1 << 20)


def main() -> None:
    """Live through a week, and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", type=int, default=150)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shares", type=json.loads, help="shares of the hosts, as JSON")
    parser.add_argument("--no-tokens", action="store_true")
    given = parser.parse_args()
    models.create_tables()
    objects.create_bucket()
    try:
        print(json.dumps(asdict(_week(given))))
    finally:
        for model in models.MODELS.values():
            model.delete_table()


def _week(given: argparse.Namespace) -> Report:
    clock = FakeTime()
    options: dict[str, Any] = {"shares": given.shares} if given.shares else {}
    faults = Faults(given.faults, given.seed) if given.faults else None
    with (
        tempfile.TemporaryDirectory() as folder,
        World(
            given.seed, given.packages, clock, has_tokens=not given.no_tokens, **options
        ) as world,
    ):
        simulation = Simulation(world, clock)
        simulation.load(Path(folder))
        return Week(simulation).run(given.days, faults)


if __name__ == "__main__":
    os.environ.setdefault("PACKGRID_TABLE_PREFIX", "week-")
    main()
