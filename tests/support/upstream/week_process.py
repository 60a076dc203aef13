"""Living through a simulated week, in a process of its own so that its memory is its own."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.support.upstream.week import Report


def lived(*arguments: str, prefix: str) -> Report:
    """The report of ``python -m tests.support.upstream.week``; its tables begin with ``prefix``."""
    environment = {**os.environ, "PACKGRID_TABLE_PREFIX": prefix}
    command = [sys.executable, "-m", "tests.support.upstream.week", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return Report(**found)
