"""A load killed as a process, and run again."""

import signal
import subprocess
import threading
from pathlib import Path

from chalicelib.cli.__main__ import main
from tests.support import process, state
from tests.support.fixtures import load_file
from tests.support.halfway import worse_faults

_SECONDS = 30


def test_a_killed_load_is_finished_by_the_next(tables: None, sample: Path) -> None:
    load_file(sample)
    wanted = state.contents(state.catalogue_rows())
    state.restore({})
    killed = _killed_at_the_first_packages(sample)
    assert killed.returncode == -signal.SIGKILL
    assert worse_faults() == []
    assert 0 < len(state.listed("packages")) < 67
    assert main(["load", "--strict", str(sample)]) == 0
    assert state.contents(state.catalogue_rows()) == wanted
    state.assert_sound()


def _killed_at_the_first_packages(file: Path) -> subprocess.Popen[bytes]:
    """A load, killed as soon as the directory lists packages."""
    started = subprocess.Popen(
        [*process.COMMAND, "load", str(file)],
        env=process.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    limit = threading.Timer(_SECONDS, started.terminate)
    limit.start()
    # Each turn asks the engine, which takes its time.
    while started.poll() is None and not state.listed("packages"):
        pass
    started.kill()
    started.wait()
    limit.cancel()
    return started
