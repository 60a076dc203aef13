"""How many requests a refresh needs; `make bench` tells the same of 5,800 packages."""

from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.storage import sources
from chalicelib.storage.capacity import compute_item_size
from tests.support.upstream.asking import FakeTime
from tests.support.upstream.counting import cost
from tests.support.upstream.simulation import Simulation
from tools.fakehosts import World

COUNT = 400
STEP = timedelta(minutes=20)


@pytest.mark.usefixtures("tables", "bucket")
def test_requests_of_the_first_refresh_and_of_a_day(tmp_path: Path) -> None:
    clock = FakeTime()
    with World(2, COUNT, clock) as world:
        simulation = Simulation(world, clock)
        simulation.load(tmp_path)
        for _ in simulation.run(timedelta(hours=18), STEP):
            pass
        assert COUNT < world.log.total <= 3.5 * COUNT
        clock.advance(hours=2)
        changes = world.advance(1)
        world.log.clear()
        for _ in simulation.run(simulation.every - STEP, STEP):
            pass
        assert not world.violations
        changed = {*changes.repositories, *changes.projects}
        # Everything was asked about.
        assert all(simulation.requests[host] for host in ("github", "gitlab", "index", "codeberg"))
        unchanged = cost(world, set(world.packages) - changed)
        assert 0 < unchanged.together <= 0.05
        assert 0 < unchanged.elsewhere <= 1
        assert 0.5 < cost(world, changed).each <= 4
        # A row is written once a round, by units of 1 KB; only long lists of authors are larger.
        rows = list(sources.iter_sources())
        large = [row for row in rows if compute_item_size(row.serialize()) > 1024]
        assert all("authors" in row.state for row in large)
        assert len(large) < 0.01 * len(rows)
