"""What Lambda loads when it starts."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
NOT_NEEDED = (
    "rich",
    "requests",
    "ijson",
    "msgspec",
    "packaging",
    "http.server",
    "ministack",
    "aws_lambda_powertools",
    "chalicelib.cli",
    "chalicelib.functions",
    "chalicelib.local",
    "chalicelib.importer",
    "chalicelib.catalog.changes",
    "chalicelib.refresh",
    "chalicelib.backup",
    "chalicelib.storage.transaction",
    "chalicelib.storage.writes",
    "chalicelib.telemetry",
    "chalicelib.search.publisher",
)


def test_the_app_imports_only_what_serving_needs() -> None:
    code = "import app, sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "chalicelib.api.dispatcher" in loaded
    assert _unneeded(loaded) == []
    # The names are right: what the refresh loads is told apart from what it does not.
    code = "import chalicelib.refresh.service, sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert {"requests", "chalicelib.refresh"} <= {*_unneeded(done.stdout.split())}


def _unneeded(loaded: list[str]) -> list[str]:
    """Of the modules that were loaded, those that serving does not need."""
    return [
        module for module in loaded if any(f"{module}.".startswith(f"{n}.") for n in NOT_NEEDED)
    ]


#: The budget of a cold start, in modules, which no machine's speed changes. What these are is
#: Chalice's and PynamoDB's own; `make bench` gives the time.
THIRD_PARTIES = {
    "chalice",
    "pynamodb",
    "botocore",
    "urllib3",
    "certifi",
    "dateutil",
    "jmespath",
    "six",
}
MOST_MODULES_OF_OURS = 40


def test_a_cold_start_stays_within_its_budget() -> None:
    code = (
        "import sys; before = set(sys.modules); import app\n"
        "for name in set(sys.modules) - before:\n"
        "    print(name, getattr(sys.modules[name], '__file__', None) or '')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    installed = {n.partition(".")[0] for n, file in loaded.items() if "site-packages" in file}
    assert "pynamodb" in installed
    assert installed <= THIRD_PARTIES
    ours = [name for name in loaded if name.startswith("chalicelib")]
    assert 0 < len(ours) <= MOST_MODULES_OF_OURS


#: What the code below asks with, where API Gateway would.
STAND_INS = ("chalicelib.local", "http.server")
ANSWERING = """
import sys
import app
from chalicelib.local.server import Gateway
event = Gateway(app.app, 0, listen=False).build_event
headers = {"Host": "example.org", "Accept": sys.argv[1]}
for method, path in (("GET", "/api/v4/"), ("OPTIONS", "/api/v4/grids/"), ("PUT", "/api/v4/")):
    answer = app.app(event(method, path, headers, b""), None)
    print(answer["headers"]["Content-Type"], file=sys.stderr)
print(*sys.modules, sep="\\n")
"""


@pytest.mark.parametrize(
    ("accept", "is_needed"),
    [("application/json", False), ("image/png", False), ("text/html", True)],
)
def test_only_a_page_imports_what_pages_are_made_with(accept: str, is_needed: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ANSWERING, accept],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("text/html" in done.stderr) == is_needed
    loaded = done.stdout.split()
    for name in ("jinja2", "markupsafe", "chalicelib.api.html"):
        assert (name in loaded) == is_needed
    assert _unneeded([name for name in loaded if not name.startswith(STAND_INS)]) == []
