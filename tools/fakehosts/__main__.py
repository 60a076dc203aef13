"""Run the simulated hosts: ``python -m tools.fakehosts --packages 5800 --seed 1``.

Prints one line of JSON: ``urls`` by host, ``environment`` (the variables that make a refresh use
these hosts), and ``control`` (the base URL of ``Control``). Ends at the end of its standard input.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from tools.fakehosts.catalogue import write_fixture
from tools.fakehosts.clocks import FrozenClock, SystemClock
from tools.fakehosts.control import Control
from tools.fakehosts.server import Server
from tools.fakehosts.world import World


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.fakehosts", description="Run the simulated hosts on loopback."
    )
    parser.add_argument("--packages", type=int, default=5800, help="how many packages (5800)")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds give equal worlds (1)")
    parser.add_argument(
        "--frozen",
        metavar="INSTANT",
        help="a clock that stands still at this ISO instant until POST clock moves it",
    )
    parser.add_argument("--no-limits", action="store_true", help="no rate limits")
    parser.add_argument(
        "--no-tokens",
        action="store_true",
        help="the hosts accept no tokens, and the environment has none",
    )
    parser.add_argument(
        "--index-others", type=int, default=0, help="how many further projects the index lists"
    )
    parser.add_argument(
        "--catalogue",
        type=Path,
        help="write the packages to this file, as a fixture for packgrid load",
    )
    options = parser.parse_args()
    clock = FrozenClock(datetime.fromisoformat(options.frozen)) if options.frozen else SystemClock()
    world = World(
        options.seed,
        options.packages,
        clock,
        has_limits=not options.no_limits,
        has_tokens=not options.no_tokens,
        index_others=options.index_others,
    )
    if options.catalogue:
        write_fixture(options.catalogue, world.build_records())
    with world, Server(Control(world, clock).handle) as control:
        addresses = {
            "urls": world.urls,
            "environment": world.get_environment(),
            "control": control.url,
        }
        print(json.dumps(addresses), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
