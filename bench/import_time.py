"""Measuring a cold start of the API: imports with and without the package's bytecode."""

import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from deploy.package import PACKAGE_NAME, build_package

_REPEATS = 7
#: The imports of every application on this stack.
_BASELINE = "import chalice.app, pynamodb.models"


def run() -> None:
    """Print CPU times as ratios to the stack's own imports in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        build_package("prod", target)
        with zipfile.ZipFile(target / PACKAGE_NAME) as archived:
            archived.extractall(target / "code")
        code = target / "code"
        baseline, app = _measure_cpu(code, _BASELINE), _measure_cpu(code, "import app")
        for path in code.rglob("*.pyc"):
            path.unlink()
        print(f"importing Chalice and PynamoDB from the package: {baseline * 1000:.0f} ms CPU")
        print(f"importing the API: {app / baseline:.2f} of that")
        without_bytecode = _measure_cpu(code, "import app") / baseline
        print(f"without the bytecode in the package: {without_bytecode:.2f}")


def _measure_cpu(code: Path, statement: str) -> float:
    """Return the median CPU seconds of a new process that imports from a folder."""
    script = f"import sys; sys.path.insert(0, {str(code)!r}); {statement}"
    # Without site-packages, and without writing bytecode.
    command = [sys.executable, "-I", "-S", "-B", "-c", script]
    environment = {"AWS_DEFAULT_REGION": "us-east-1"}
    times = []
    for _ in range(_REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)
