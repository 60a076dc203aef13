"""The progress bar: on a terminal, and nowhere else."""

import os
import pty
import subprocess
from pathlib import Path

from tests.support import process


def _on_a_terminal(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and what the terminal got of a command on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*process.COMMAND, *arguments],
        env=process.environment(TERM="xterm", COLUMNS="80"),
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as started:
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 4096):
                seen += data
        except OSError:
            # The other end was closed: that is how a terminal of Linux ends.
            pass
        os.close(ours)
        assert started.stdout is not None
        output = started.stdout.read().decode()
    return started.returncode, output, seen.decode()


def test_progress_is_drawn_on_a_terminal(tables: None, sample: Path) -> None:
    code, output, seen = _on_a_terminal("load", "--strict", str(sample))
    assert code == 0
    for stage in ("Reading", "Finding latest versions", "Writing"):
        assert stage in seen
    assert "100%" in seen
    assert "Reading" not in output
    assert "package.package" in output


def test_no_progress_is_drawn_into_a_file(tables: None, sample: Path) -> None:
    done = process.run("load", "--dry-run", str(sample))
    assert (done.returncode, done.stderr) == (0, "")
    assert "%" not in done.stdout
