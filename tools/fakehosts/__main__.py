"""A world as a process: ``python -m tools.fakehosts --packages 5800 --seed 1``.

Prints one line of JSON: ``urls`` by host, ``environment`` (the variables that lead a refresh
there), and ``control`` (the URL of ``Control``). Ends when its standard input does.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from tests.support import fixtures
from tests.support.upstream.asking import FakeTime
from tools.fakehosts.control import Control, RealTime
from tools.fakehosts.server import Server
from tools.fakehosts.world import World


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tools.fakehosts")
    parser.add_argument("--packages", type=int, default=5800)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frozen", metavar="INSTANT", help="a clock that only POST clock moves")
    parser.add_argument("--no-limits", action="store_true", help="let every request pass")
    parser.add_argument("--no-tokens", action="store_true", help="as without tokens")
    parser.add_argument("--index-others", type=int, default=0, help="further projects of the index")
    parser.add_argument("--catalogue", type=Path, help="write the catalogue there as a fixture")
    given = parser.parse_args()
    time = FakeTime(datetime.fromisoformat(given.frozen)) if given.frozen else RealTime()
    world = World(
        given.seed,
        given.packages,
        time,
        has_limits=not given.no_limits,
        has_tokens=not given.no_tokens,
        index_others=given.index_others,
    )
    if given.catalogue:
        fixtures.write(given.catalogue, world.build_records())
    with world, Server(Control(world, time).answer) as control:
        said = {"urls": world.urls, "environment": world.get_environment(), "control": control.url}
        print(json.dumps(said), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
