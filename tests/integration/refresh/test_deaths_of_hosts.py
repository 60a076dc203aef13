"""A worker of each real host's module dies at every call, one after the other; then it goes on.

The host is that of a simulated world in which everything was asked once, so that statistics are
computed and answers depend on nothing but what is asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY
from chalicelib.refresh.worker import Worker
from chalicelib.storage import sources
from tests.support.deaths import calls_of, dies
from tests.support.state import Rows, assert_sound, contents, restore, rows, tables_of_a_module
from tests.support.upstream.asking import FakeTime
from tests.support.upstream.simulation import Simulation
from tools.fakehosts import World
from tools.fakehosts.builder import BITBUCKET, CODEBERG, GITHUB, GITLAB, INDEX, OWN_GITLAB

#: How many packages of each host.
SHARES: Mapping[str, float] = {GITHUB: 2, GITLAB: 2, BITBUCKET: 1, CODEBERG: 1, OWN_GITLAB: 1}
NAMES = (GITHUB, GITLAB, BITBUCKET, CODEBERG, "gitlab.forge.example", INDEX)


@dataclass(frozen=True, slots=True)
class Start:
    """The simulation before anything was asked, and before changes were."""

    simulation: Simulation
    fresh: Rows
    settled: Rows


@pytest.fixture(scope="module")
def start(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    clock = FakeTime()
    with (
        tables_of_a_module(),
        World(3, int(sum(SHARES.values())), clock, shares=SHARES, has_limits=False) as world,
    ):
        simulation = Simulation(world, clock)
        simulation.load(tmp_path_factory.mktemp("world"))
        fresh = rows()
        _ask_everything(simulation)
        clock.advance(days=1)
        world.advance(1, repositories=1.0, projects=1.0)
        settled = rows()
        _ask_everything(simulation)
        yield Start(simulation, fresh, settled)


def _ask_everything(simulation: Simulation) -> None:
    """Have the world compute what it computes when it is first asked for."""
    for name in NAMES:
        for _ in range(2):
            _work(simulation, _batch(simulation, name))
            simulation.time.advance(minutes=1)


def _batch(simulation: Simulation, host: str) -> Batch:
    kind = PROJECT if host == INDEX else REPOSITORY
    found = [row for row in sources.iter_sources() if row.host == host and row.kind == kind]
    ids = sorted(int(row.package_id) for row in found)[:2]
    assert ids, host
    return Batch(host, kind, simulation.time.now(), tuple(ids), True)


def _work(simulation: Simulation, batch: Batch) -> None:
    worker = Worker(simulation.hosts, simulation.every, "packgrid/test", simulation.time.context())
    list(worker.work(batch, "one"))


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "changed"])
@pytest.mark.parametrize("host", NAMES)
def test_a_batch_is_finished_whatever_the_worker_dies_of(
    start: Start, host: str, is_first: bool
) -> None:
    simulation = start.simulation
    before = start.fresh if is_first else start.settled
    restore(before)
    batch = _batch(simulation, host)

    def run() -> None:
        _work(simulation, batch)

    run()
    wanted = _final()
    assert [place for place in wanted if place not in before], "nothing changed"
    restore(before)
    names = calls_of(run)
    assert "HTTP" in names
    for at in range(len(names)):
        for after in (False, True):
            restore(before)
            assert dies(run, at, after)
            run()
            assert _final() == wanted, (at, after, names[at])
    assert_sound()


def _final() -> Rows:
    """What there is, without versions, and without the hosts' budgets, which count tries."""
    return {place: row for place, row in contents(rows()).items() if place[0] != "hosts"}
