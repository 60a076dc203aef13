"""The command line as a process of its own, on the tables of the tests."""

import os
import pty
import subprocess
import sys

from chalicelib.storage import models

COMMAND = (sys.executable, "-m", "chalicelib.cli")


def environment(**values: str) -> dict[str, str]:
    """The environment that leads a command to the engine and tables of the tests."""
    tables = {
        f"{kind.upper()}_TABLE": model.Meta.table_name for kind, model in models.MODELS.items()
    }
    return {**os.environ, **tables, **values}


def run(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**values),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def on_a_terminal(*arguments: str, **values: str) -> tuple[int, str, str]:
    """Run a command on a terminal: exit code, standard output, and what the terminal got."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(TERM="xterm", COLUMNS="100", **values),
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
