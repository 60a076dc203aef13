"""``make conformance``: replay the recorded requests over HTTP and compare byte for byte."""

import os
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from chalicelib.local.engine import Engine
from tests.contract import searches
from tests.contract.golden import RECORDED_AT, ask, differences, out_of_scope, recordings

DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "golden"


def main() -> int:
    """Returns 0 if every answer in scope is the recorded one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    if not folder.is_dir():
        print(f"conformance: there are no recordings at {folder}")
        return 2
    os.environ["PACKGRID_NOW"] = RECORDED_AT
    with tempfile.TemporaryDirectory() as state, Engine(Path(state), persist=False) as engine:
        os.environ.update(engine.environment)
        return load(folder) or compare(folder)


def load(folder: Path) -> int:
    """Load the catalogue that the recordings are of; the exit code."""
    from chalicelib.cli.__main__ import main as cli

    for command in (["init"], ["load", "--strict", str(folder / "catalog_a.json.gz")], ["check"]):
        if code := cli(command):
            return code
    return 0


def compare(folder: Path) -> int:
    """Ask what was asked of the original; 0 if every answer in scope is the recorded one."""
    import app
    from chalicelib.local.server import Gateway

    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    is_found = False
    # With the query string as it was sent, and with no more of it than API Gateway tells.
    for raw_query in (True, False):
        with Gateway(app.app, 0, raw_query=raw_query) as gateway:
            threading.Thread(target=gateway.serve_forever, daemon=True).start()
            left_out = _replay(folder, gateway.port, passed, total)
            if raw_query:
                is_found = searches.compare(folder, gateway.port)
            gateway.shutdown()
    for endpoint in sorted(total):
        print(f"{endpoint}: {passed[endpoint]}/{total[endpoint]}")
    for reason, number in sorted(left_out.items()):
        print(f"not in scope, {reason}: {number}")
    failed = sum(total.values()) - sum(passed.values())
    print("each request was sent twice, with and without the raw query string")
    print(f"{sum(passed.values())} passed, {failed} failed")
    return 1 if failed or not total or not is_found else 0


def _replay(folder: Path, port: int, passed: Counter[str], total: Counter[str]) -> Counter[str]:
    left_out: Counter[str] = Counter()
    for recorded in recordings(folder):
        if reason := out_of_scope(recorded):
            left_out[reason] += 1
            continue
        total[recorded.endpoint] += 1
        found = differences(recorded, ask(port, recorded.request))
        if not found:
            passed[recorded.endpoint] += 1
            continue
        request = recorded.request
        print(f"DIFFERENT {request['id']} {request['method']} {request['path'][:120]}")
        for line in found:
            print(f"  {line}")
    return left_out


if __name__ == "__main__":
    sys.exit(main())
