"""``make bench``: measure Packgrid on this machine with a generated catalogue.

    python -m bench [--packages 5800] [--large 100000]

Times are also printed as ratios to a plain request of the same run, because machines differ.
Requests and read units are counted, units by DynamoDB's published rules.
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

from bench import import_time, search
from chalicelib.local.engine import Engine
from tests.support.fixtures import generate

_REPEATS = 200


def main() -> int:
    """Run and print all measurements; return an exit code."""
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
        search.run(Path(folder), options.packages)
        _bench_checking(Path(folder), options.large)
    import_time.run()
    # In a process of its own, with an engine and memory of its own.
    command = [sys.executable, "-m", "bench.refresh", "--packages", str(options.packages)]
    return subprocess.run(command, check=False).returncode


def _bench_loading(folder: Path, packages: int) -> None:
    file = folder / "catalogue.json"
    generate(file, packages)
    _run_command("init")
    first = _measure_seconds(lambda: _run_command("load", str(file)))
    again = _measure_seconds(lambda: _run_command("load", str(file)))
    print(f"load {packages:,} packages: {first:.1f} s ({packages / first:,.0f} a second)")
    print(f"load them again, unchanged: {again:.1f} s ({again / first:.2f} of the first)")
    print(f"peak memory of a load so far: {_get_peak_of_children():.0f} MB")


def _bench_checking(folder: Path, packages: int) -> None:
    file = folder / "large.json.gz"
    generate(file, packages)
    seconds = _measure_seconds(lambda: _run_command("load", "--dry-run", str(file)))
    print(f"check a file of {packages:,} packages: {seconds:.1f} s")
    print(f"peak memory of any command: {_get_peak_of_children():.0f} MB")


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
    plain = _measure_median(lambda: client.get_item(TableName=table, Key=key))
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
        ratio = _measure_median(read) / plain
        cost = f"{len(calls)} requests, {calls.read_units} read units"
        print(f"{name}: {cost}, {ratio:.1f} x plain")
    size = sum(len(block.ids) for block in DirectoryItem.query("packages"))
    print(f"directory: {size:,} bytes, {size / packages:.3f} a package")


def _measure_median(run: Callable[[], object]) -> float:
    run()
    return statistics.median(_measure_seconds(run) for _ in range(_REPEATS))


def _measure_seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _run_command(*arguments: str) -> None:
    command = [sys.executable, "-m", "chalicelib.cli", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _get_peak_of_children() -> float:
    """Return the largest resident size of any finished child, in MB."""
    size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return size / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    sys.exit(main())
