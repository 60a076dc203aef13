"""A file of any size needs little memory."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.fixtures import generate

LARGE = 100_000
_MEASURED = """
import resource, sys
from pathlib import Path
from chalicelib.cli.__main__ import main
code = main(sys.argv[1:])
try:
    # The peak since the process was started; getrusage's is never below its parent's.
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) << 10
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("peak", peak, file=sys.stderr)
sys.exit(code)
"""


def test_100_000_packages_are_checked_in_less_than_300_mb(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    generate(file, LARGE)
    command = [sys.executable, "-c", _MEASURED, "load", "--dry-run", "--strict", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stdout.count("refused package")) == (0, 0), done.stderr
    peak = int(done.stderr.split("peak ")[1])
    assert peak < 300 << 20
