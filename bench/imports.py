"""What a cold start of the API costs: importing, with and without the package's bytecode."""

import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from deploy.packaging import PACKAGE, package

_REPEATS = 7
#: What everything on this stack imports anyway.
_FLOOR = "import chalice.app, pynamodb.models"


def bench() -> None:
    """Print CPU times as ratios to those of the stack's own imports in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        package("prod", target)
        with zipfile.ZipFile(target / PACKAGE) as archived:
            archived.extractall(target / "code")
        code = target / "code"
        floor, app = _cpu(code, _FLOOR), _cpu(code, "import app")
        for path in code.rglob("*.pyc"):
            path.unlink()
        print(f"importing Chalice and PynamoDB from the package: {floor * 1000:.0f} ms CPU")
        print(f"importing the API: {app / floor:.2f} of that")
        print(f"without the bytecode in the package: {_cpu(code, 'import app') / floor:.2f}")


def _cpu(code: Path, statement: str) -> float:
    """Median CPU seconds of a new process that imports from a folder, as on Lambda."""
    script = f"import sys; sys.path.insert(0, {str(code)!r}); {statement}"
    # Nothing installed, nothing written.
    command = [sys.executable, "-I", "-S", "-B", "-c", script]
    environment = {"AWS_DEFAULT_REGION": "us-east-1"}
    times = []
    for _ in range(_REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)
