"""``make drill``: lose every table, restore them from the bucket, and see that nothing is missing.

The same comparison as ``make conformance``, of a directory that was restored.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from chalicelib.local.engine import Engine
from tests.contract.__main__ import DEFAULT_FOLDER, compare, load
from tests.contract.golden import RECORDED_AT


def main() -> int:
    """Returns 0 if every row is as it was, and every answer as it was recorded."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    if not folder.is_dir():
        print(f"drill: there are no recordings at {folder}")
        return 2
    os.environ["PACKGRID_NOW"] = RECORDED_AT
    with tempfile.TemporaryDirectory() as state, Engine(Path(state), persist=False) as engine:
        os.environ.update(engine.environment)
        return load(folder) or _lose_and_restore() or compare(folder)


def _lose_and_restore() -> int:
    from chalicelib.backup import manifest
    from chalicelib.cli.__main__ import main as cli
    from tests.support import state

    if code := cli(["export"]):
        return code
    (export,) = manifest.iter_exports()
    before = state.rows()
    _lose_everything_but_exports()
    begun = time.monotonic()
    if code := cli(["init"]) or cli(["restore", export.prefix]):
        return code
    print(f"restored in {time.monotonic() - begun:.0f} s")
    after = state.rows()
    different = sorted(
        place for place in before.keys() | after.keys() if before.get(place) != after.get(place)
    )
    for kind, key in different:
        print(f"DIFFERENT {kind} {key}")
    return 1 if different else 0


def _lose_everything_but_exports() -> None:
    from chalicelib.backup.manifest import EXPORTS_PREFIX
    from chalicelib.storage import models, objects

    for model in models.MODELS.values():
        model.delete_table()
    for key, _ in objects.iter_keys(""):
        if not key.startswith(EXPORTS_PREFIX):
            objects.delete(key)


if __name__ == "__main__":
    sys.exit(main())
