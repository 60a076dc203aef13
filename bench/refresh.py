"""Measuring the refresh: requests by package and host beside the original's, time, memory.

    python -m bench.refresh [--packages 5800]

The hosts are simulated (tools/fakehosts), have the limits of the real ones and respond at once.
Requests are counted in simulated time: of the first refresh of everything, then of a day on which
3 % of the repositories and 4 % of the projects changed. Time and memory are those of the command
over such a day, by the real clock.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chalicelib.local.engine import Engine
from chalicelib.storage import models, objects
from tests.support.peak import peak_mb
from tests.support.upstream.asking import FakeTime
from tests.support.upstream.counting import TOGETHER, Cost, cost
from tests.support.upstream.simulation import EVERY, Simulation
from tools.fakehosts import World

_STEP = timedelta(minutes=10)
_BEFORE = timedelta(days=3)


class _Clock(FakeTime):
    """Simulated time that can switch to real time."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC) - _BEFORE)
        self.is_real = False

    def now(self) -> datetime:
        return datetime.now(UTC) if self.is_real else super().now()


def main() -> int:
    """Run and print all measurements; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.refresh")
    parser.add_argument("--packages", type=int, default=5_800)
    packages = parser.parse_args().packages
    with tempfile.TemporaryDirectory() as name, Engine(Path(name) / "state", persist=False) as own:
        os.environ.update(own.environment)
        models.create_tables()
        objects.create_bucket()
        clock = _Clock()
        with World(1, packages, clock) as world:
            simulation = Simulation(world, clock)
            simulation.load(Path(name))
            _measure_first_refresh(simulation)
            clock.move_to(clock.now() + EVERY)
            _measure_day(simulation)
            _measure_command(simulation, clock)
    return 0


def _measure_first_refresh(simulation: Simulation) -> None:
    """Refresh everything for the first time and print the requests."""
    world = simulation.world
    _settle(simulation, timedelta(hours=18))
    total = world.log.total
    original = [world.get_original_requests(package) for package in world.packages]
    print(f"first refresh of {len(world.packages):,} packages: {total:,} requests, ", end="")
    print(f"{total / len(world.packages):.2f} a package, {len(world.violations)} past a limit")
    asked = sum(each.total for each in original)
    without = sum(each.others for each in original)
    print(f"the original's rule: {asked / len(original):.1f} a package, ", end="")
    print(f"{without / len(original):.1f} without its look-ups of the limit; every day anew")
    print(f"  that is {asked / total:.0f} and {without / total:.1f} times as many")


def _measure_day(simulation: Simulation) -> None:
    """Refresh the changes of a day and print the requests."""
    world = simulation.world
    changes = world.advance(1)
    world.log.clear()
    _settle(simulation, EVERY - _STEP)
    changed = {*changes.repositories, *changes.projects}
    unchanged = set(world.packages) - changed
    total = world.log.total
    print(f"a day with {len(changes.repositories)} repositories and ", end="")
    print(f"{len(changes.projects)} projects changed: {total:,} requests, ", end="")
    print(f"{len(world.violations)} past a limit")
    _print_shares("unchanged", cost(world, unchanged))
    _print_shares("changed", cost(world, changed))
    asked = [world.get_original_requests(package) for package in world.packages]
    with_look_ups = sum(each.total for each in asked)
    without_look_ups = sum(each.others for each in asked)
    print(f"  the original: {with_look_ups:,}, {with_look_ups / total:.0f} times as many; ", end="")
    print(f"{without_look_ups:,} without look-ups, {without_look_ups / total:.0f} times")


def _print_shares(title: str, cost: Cost) -> None:
    print(f"  {title}: {cost.each:.4f} requests a package")
    print(f"    {', '.join(TOGETHER)} together: {cost.together:.4f} a package")
    for host, (requests, sources) in cost.hosts.items():
        if sources and requests:
            print(f"    {host}: {requests / sources:.4f} for each of {sources:,}")


def _settle(simulation: Simulation, span: timedelta) -> None:
    """Run plans and workers through a span of simulated time."""
    for _ in simulation.run(span, _STEP):
        pass


def _measure_command(simulation: Simulation, clock: _Clock) -> None:
    """Run the command over another such day in real time and print what it took."""
    world = simulation.world
    clock.is_real = True
    world.advance(2)
    world.log.clear()
    environment = {**os.environ, **world.get_environment()}
    del environment["DOWNLOADS_URL"]
    start = time.perf_counter()
    command = [sys.executable, "-m", "chalicelib.cli", "refresh", "--all"]
    process = subprocess.Popen(command, env=environment)
    peak = peak_mb(process)
    seconds = time.perf_counter() - start
    print(
        f"the command over {len(world.packages):,} packages: {seconds:.0f} s, {peak:.0f} MB, ",
        end="",
    )
    print(f"{world.log.total:,} requests, exit code {process.returncode}")


if __name__ == "__main__":
    sys.exit(main())
