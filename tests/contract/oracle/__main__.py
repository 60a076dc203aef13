"""``python -m tests.contract.oracle``: thousands of requests, put to both and compared.

``--count`` requests (5,000), made from ``--seed`` (a new one each time, which is printed).
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, given

from chalicelib import settings
from chalicelib.local.engine import Engine
from chalicelib.storage import models


def main() -> int:
    """Returns 0 if all answers agree; else 1, and prints the smallest request they do not."""
    parser = argparse.ArgumentParser(prog="tests.contract.oracle")
    parser.add_argument("--count", type=int, default=5000, help="how many requests to compare")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as state, Engine(Path(state), persist=False) as engine:
        os.environ.update(engine.environment)
        models.bind_tables({name: f"oracle-{name}" for name in settings.TABLES})
        return _compare(options.count, options.seed)


def _compare(count: int, seed: int) -> int:
    # Only now, when the environment says where the engine is, can our app be imported.
    from tests.contract.oracle.asking import Tally, compare
    from tests.contract.oracle.doors import Asked, Oracle, serving
    from tests.contract.oracle.strategies import requests

    tally = Tally()
    began = time.monotonic()
    with serving() as ours:
        oracle = Oracle(ours.port)

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(asked=requests())
        def agree(asked: Asked) -> None:
            found = compare(oracle, ours, asked, tally)
            assert not found, "\n".join([str(asked), *found])

        try:
            agree()
            differs = False
        except AssertionError as difference:
            print(difference, file=sys.stderr)
            differs = True
    for title, counts in (("status", tally.statuses), ("of", tally.kinds)):
        for name, number in sorted(counts.items(), key=lambda pair: str(pair[0])):
            print(f"{title} {name}: {number}")
    for reason, number in sorted(tally.left_out.items()):
        print(f"not compared, {reason}: {number}")
    seconds = time.monotonic() - began
    print(f"{tally.compared} requests compared in {seconds:.0f} s, --seed {seed}")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
