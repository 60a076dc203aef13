"""The refresh as Lambda runs it: what the schedule and the queue call, through Chalice."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from chalice.app import Rate
from chalice.test import Client

import app
from chalicelib import __version__, clock
from chalicelib.refresh import enrolment
from chalicelib.refresh.batch import parse_message
from chalicelib.refresh.tokens import TokenUnavailable
from chalicelib.refresh.worker import SLOT_SECONDS
from chalicelib.settings import Upstreams
from chalicelib.storage import aws, sources
from tests.support.aws import failing
from tests.support.queues import Queues, queues
from tests.support.refresh_site import Site, history, read, row
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables")

#: What GraphQL is asked for, at any address.
GRAPHQL = "POST /graphql"
CONFIG = Path(__file__).resolve().parents[3] / ".chalice" / "config.json"


@pytest.fixture
def both(engine: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    with queues(monkeypatch) as found:
        yield found


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, TODAY.isoformat())
    monkeypatch.setenv("GITHUB_TOKEN", "github-token")
    return Client(app.app)


class Context:
    """What Lambda tells a function of the time that it has."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(self._seconds * 1000)


def event(client: Client, *bodies: str) -> dict[str, Any]:
    """An event of the queue; its messages are named m0, m1..."""
    found: dict[str, Any] = client.events.generate_sqs_event(list(bodies), "packgrid-refresh")
    for number, record in enumerate(found["Records"]):
        record["messageId"] = f"m{number}"
    return found


def tick(client: Client) -> dict[str, Any]:
    """An event of the schedule."""
    found: dict[str, Any] = client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
    return found


def repositories(*stars: int) -> Routes:
    """GitHub's answer about so many repositories, without commits."""
    data = {
        f"r{place}": {
            "databaseId": 100 + place,
            "nameWithOwner": f"owner/package-{place + 1}",
            "description": "",
            "stargazerCount": count,
            "forkCount": 1,
            "isArchived": False,
            "archivedAt": None,
            "defaultBranchRef": None,
        }
        for place, count in enumerate(stars)
    }
    return {GRAPHQL: [(200, {}, {"data": data})]}


def test_what_is_scheduled_how_often_and_which_queue_leads_where() -> None:
    wired: dict[str, Any] = {source.name: source for source in app.app.event_sources}
    assert set(wired) == {"publish", "plan", "enrol", "export", "work"}
    rates = {
        name: wired[name].schedule_expression.to_string()
        for name in ("publish", "plan", "enrol", "export")
        if isinstance(wired[name].schedule_expression, Rate)
    }
    assert rates == {
        "publish": "rate(1 hour)",
        "plan": "rate(10 minutes)",
        "enrol": "rate(1 day)",
        "export": "rate(1 day)",
    }
    assert (wired["work"].queue, wired["work"].batch_size) == ("packgrid-refresh", 1)


def test_every_function_has_the_time_that_it_needs() -> None:
    configured = json.loads(CONFIG.read_text())
    functions = configured["lambda_functions"]
    seconds = {name: functions[name]["lambda_timeout"] for name in ("plan", "enrol", "work")}
    assert min(seconds.values()) >= 120
    # Of a worker that is killed the slot is free before its message comes again.
    assert seconds["work"] > SLOT_SECONDS
    assert not any("lambda_functions" in stage for stage in configured["stages"].values())


def test_the_schedule_enrols_what_the_catalogue_has(client: Client) -> None:
    Site(3).build()
    for item in sources.iter_sources():
        item.delete()
    client.lambda_.invoke("enrol", tick(client))
    assert [(item.package_id, item.host) for item in sources.iter_sources()] == [
        (1, "github"),
        (2, "github"),
        (3, "github"),
    ]


def test_the_schedule_sends_what_is_due(client: Client, both: Queues) -> None:
    Site(3).build()
    client.lambda_.invoke("plan", tick(client))
    (message,) = both.receive()
    batch = parse_message(message["Body"])
    assert (batch.host, batch.packages, batch.planned) == ("github", (1, 2, 3), TODAY)
    client.lambda_.invoke("plan", tick(client))
    assert both.receive() == []


def test_a_message_is_worked_on(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(2).build()
    with Replay.from_routes(repositories(7, 8)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        monkeypatch.setenv("PACKGRID_REFRESH_SECONDS", "3600")
        monkeypatch.setenv("PACKGRID_CONTACT", "mail@example.org")
        message = event(client, site.batch().to_message())
        assert app.work(message, Context(60)) == {"batchItemFailures": []}
        (request,) = replay.requests
        assert request.headers["Authorization"] == "Bearer github-token"
        assert request.headers["User-Agent"] == f"packgrid/{__version__} (+mail@example.org)"
        # Delivered once more, it finds nothing to do.
        assert app.work(message, Context(60)) == {"batchItemFailures": []}
        assert len(replay.requests) == 1
    assert [read(n).repo_watchers for n in (1, 2)] == [7, 8]
    assert [len(history(n)) for n in (1, 2)] == [1, 1]
    assert row(1).due == (TODAY + timedelta(hours=1)).timestamp()


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", '{"version": 2}', '{"version": 1, "host": "github"}']
)
def test_a_message_that_is_none_of_ours_is_reported_and_the_others_are_worked_on(
    client: Client, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    site = Site(1).build()
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        message = event(client, body, site.batch().to_message(), body)
        answer = app.work(message, Context(60))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m2"}]}
    assert read(1).repo_watchers == 7


def test_a_message_about_a_host_that_is_no_longer_asked_is_reported(client: Client) -> None:
    text = Site(1).batch().to_message().replace("github", "git.example.org")
    answer = app.work(event(client, text), Context(60))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_a_message_that_could_not_be_written_is_reported_and_worked_on_the_next_time(
    client: Client, monkeypatch: pytest.MonkeyPatch, both: Queues
) -> None:
    site = Site(1).build()
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        message = event(client, site.batch().to_message())
        with failing("TransactWriteItems", lambda arguments: True):
            answer = app.work(message, Context(60))
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
        assert (read(1).repo_watchers, history(1)) == (0, [])
        message["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"
        assert app.work(message, Context(60)) == {"batchItemFailures": []}
    assert read(1).repo_watchers == 7


@pytest.mark.parametrize("seconds", [0.0, 3.0, 22.9])
def test_a_function_with_no_time_left_asks_nothing_and_puts_all_of_it_back(
    client: Client, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    site = Site(2).build()
    with Replay.from_routes(repositories(7, 8)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        message = event(client, site.batch().to_message())
        assert app.work(message, Context(seconds)) == {"batchItemFailures": []}
        assert replay.requests == []
        # Due within half a minute, when the next plan sends it again.
        for number in (1, 2):
            assert TODAY.timestamp() <= float(row(number).due or 0) <= TODAY.timestamp() + 30
            assert row(number).failures == 0
        site.time.advance(minutes=1)
        again = event(client, site.batch().to_message())
        assert app.work(again, Context(60)) == {"batchItemFailures": []}
        assert len(replay.requests) == 1
    assert [read(n).repo_watchers for n in (1, 2)] == [7, 8]


def test_the_time_is_that_of_the_context_of_chalice_too(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Chalice's own test context has three seconds left.
    site = Site(1).build()
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        answer = client.lambda_.invoke("work", event(client, site.batch().to_message()))
        assert answer.payload == {"batchItemFailures": []}
        assert replay.requests == []


def test_without_knowing_the_token_nothing_is_asked_and_the_message_comes_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(1).build()
    monkeypatch.setenv("GITHUB_TOKEN", "two words")
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        with pytest.raises(TokenUnavailable):
            app.work(event(client, site.batch().to_message()), Context(60))
        assert replay.requests == []
    assert row(1).handled == 0


def test_from_the_schedule_to_the_figures(
    client: Client, monkeypatch: pytest.MonkeyPatch, both: Queues
) -> None:
    Site(2).build()
    enrolment.enrol(Upstreams(), TODAY.timestamp())
    with Replay.from_routes(repositories(7, 8)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        client.lambda_.invoke("plan", tick(client))
        (message,) = both.receive()
        answer = app.work(event(client, message["Body"]), Context(60))
        both.delete(message)
    assert answer == {"batchItemFailures": []}
    assert [read(n).repo_watchers for n in (1, 2)] == [7, 8]
    assert aws.client("sqs").receive_message(QueueUrl=both.url).get("Messages", []) == []
