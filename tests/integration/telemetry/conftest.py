"""Functions called as Lambda calls them, and what they print."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from chalice.test import Client

import app
from chalicelib import clock
from tests.integration.refresh.test_lambda import Context, event, tick
from tests.support import emf
from tests.support.queues import Queues, queues
from tests.support.upstream.asking import TODAY

TOKEN = "github-token-0123456789"
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "metrics.md").read_text()
#: What every line of a function has.
COMMON = {"level", "event", "stage", "seconds"}
#: What a worker says where there was nothing to do.
NOTHING = {
    "refreshed": 0,
    "changed": 0,
    "unchanged": 0,
    "gone": 0,
    "failed": 0,
    "postponed": 0,
    "superseded": 0,
    "requests": 0,
}
Told = Callable[[], emf.Printed]


def documented() -> Mapping[str, set[str]]:
    """The fields that the page gives to the line of each function."""
    found = defaultdict(set)
    for name, field in re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE):
        found[name].add(field)
    return found


@pytest.fixture
def both(engine: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    with queues(monkeypatch) as found:
        yield found


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, TODAY.isoformat())
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "packgrid-dev-plan")
    monkeypatch.setenv("PACKGRID_STAGE", "dev")
    return Client(app.app)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """What was printed since it was asked last; functions' lines are as the page has them."""
    fields = documented()

    def read() -> emf.Printed:
        text = capsys.readouterr().out
        assert TOKEN not in text
        printed = emf.read(text)
        for line in printed.lines:
            if line["level"] == "INFO":
                assert set(line) == COMMON | fields[line["event"]]
        return printed

    read()
    return read


class Days:
    """Functions called as time goes by."""

    def __init__(self, client: Client, told: Told, patch: pytest.MonkeyPatch) -> None:
        self.client, self.told, self.patch = client, told, patch
        self.now = TODAY

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)
        self.patch.setenv(clock.FREEZE_VARIABLE, self.now.isoformat())

    def staleness(self) -> float:
        """What the plan of this moment says."""
        self.client.lambda_.invoke("plan", tick(self.client))
        return self.told().of(Stage="dev")["StalenessSeconds"]

    def work(self, message: dict[str, Any]) -> dict[str, Any]:
        """What the worker says of a message."""
        app.work(event(self.client, message["Body"]), Context(60))
        return self.told().line("work")


@pytest.fixture
def days(client: Client, told: Told, monkeypatch: pytest.MonkeyPatch) -> Days:
    return Days(client, told, monkeypatch)
