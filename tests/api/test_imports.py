"""What Lambda loads when it starts."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
NOT_NEEDED = (
    "rich",
    "requests",
    "http.server",
    "ministack",
    "chalicelib.cli",
    "chalicelib.local",
    "chalicelib.catalog.loading",
    "chalicelib.catalog.writing",
)


def test_the_app_imports_only_what_serving_needs() -> None:
    code = "import app, sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "chalicelib.api.dispatch" in loaded
    for name in NOT_NEEDED:
        assert not [module for module in loaded if f"{module}.".startswith(f"{name}.")]
