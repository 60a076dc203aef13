"""``make bench``: what Packgrid spends, on this machine, over a generated catalogue.

    python -m bench [--packages 5800] [--large 100000]

Times are also given as ratios to a plain request of the same run, because machines differ.
Requests and read units do not: they are counted, units by DynamoDB's published rules.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import imports, search
from chalicelib.local.engine import Engine
from tests.support.fixtures import generate

_REPEATS = 200


def main() -> int:
    """Run everything and print it; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--packages", type=int, default=5_800)
    parser.add_argument("--large", type=int, default=100_000, help="packages of the memory check")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with Engine(state, persist=False) as engine:
            os.environ.update(engine.environment)
            _bench_loading(Path(folder), options.packages)
            _bench_reads(options.packages)
        search.bench(Path(folder), options.packages)
        _bench_checking(Path(folder), options.large)
    imports.bench()
    # In a process of its own: its engine and its memory are not those of the others.
    command = [sys.executable, "-m", "bench.refresh", "--packages", str(options.packages)]
    return subprocess.run(command, check=False).returncode


def _bench_loading(folder: Path, packages: int) -> None:
    file = folder / "catalogue.json"
    generate(file, packages)
    _cli("init")
    first = _timed(lambda: _cli("load", str(file)))
    again = _timed(lambda: _cli("load", str(file)))
    print(f"load {packages:,} packages: {first:.1f} s ({packages / first:,.0f} a second)")
    print(f"load them again, unchanged: {again:.1f} s ({again / first:.2f} of the first)")
    print(f"peak memory of a load so far: {_peak_of_children():.0f} MB")


def _bench_checking(folder: Path, packages: int) -> None:
    file = folder / "large.json.gz"
    generate(file, packages)
    seconds = _timed(lambda: _cli("load", "--dry-run", str(file)))
    print(f"check a file of {packages:,} packages: {seconds:.1f} s")
    print(f"peak memory of any command: {_peak_of_children():.0f} MB")


def _bench_reads(packages: int) -> None:
    from chalicelib.catalog import queries
    from chalicelib.storage.models import DirectoryItem, PackageItem, get_connection
    from chalicelib.storage.reads import get_ids
    from tests.support.aws import recorded

    ids = get_ids("packages", 0, packages)[1]
    middle, slug = ids[packages // 2], PackageItem.get(ids[packages // 2]).slug
    table = PackageItem.Meta.table_name
    limit = 5_500_000
    key = {"id": {"N": str(middle)}}
    client: Any = get_connection().client
    plain = _median(lambda: client.get_item(TableName=table, Key=key))
    print(f"plain botocore GetItem: {plain * 1000:.2f} ms (the measure of the ratios below)")
    reads: dict[str, Callable[[], object]] = {
        "detail by id": lambda: queries.get_body_by_id("packages", middle),
        "detail by slug": lambda: queries.get_body_by_slug("packages", slug),
        "page of 20 at offset 0": lambda: queries.get_page("packages", 0, 20, limit),
        "page of 20, the last": lambda: queries.get_page("packages", packages - 20, 20, limit),
        "page of 100 at offset 0": lambda: queries.get_page("packages", 0, 100, limit),
    }
    for name, read in reads.items():
        with recorded() as calls:
            read()
        ratio = _median(read) / plain
        cost = f"{len(calls)} requests, {calls.read_units} read units"
        print(f"{name}: {cost}, {ratio:.1f} x plain")
    size = sum(len(block.ids) for block in DirectoryItem.query("packages"))
    print(f"directory: {size:,} bytes, {size / packages:.3f} a package")


def _median(run: Callable[[], object]) -> float:
    run()
    return statistics.median(_timed(run) for _ in range(_REPEATS))


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _cli(*arguments: str) -> None:
    command = [sys.executable, "-m", "chalicelib.cli", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _peak_of_children() -> float:
    """The largest resident size of any child that has ended, in MB."""
    size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return size / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    sys.exit(main())
