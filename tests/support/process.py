"""The command line as a process of its own, on the tables of the tests."""

import os
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
