"""What GitHub's answers say of its limits."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from chalicelib.refresh.hosts.github import GitHub
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.rate_limit import Reading
from tests.support.upstream.asking import TODAY

HOST = GitHub(None, "secret")
RESET = TODAY + timedelta(minutes=20)
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."


def reply(status: int, body: str = "", **headers: str) -> HostResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HostResponse(status, CaseInsensitiveDict(named), body.encode())


def spent(remaining: int = 0, reset: datetime = RESET, **headers: str) -> dict[str, str]:
    return {
        "x_ratelimit_limit": "5000",
        "x_ratelimit_remaining": str(remaining),
        "x_ratelimit_reset": str(int(reset.timestamp())),
        **headers,
    }


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (reply(403, **spent(retry_after="7")), 7),
        (reply(429, retry_after="90"), 90),
        (reply(429, retry_after="0"), 1),
        (reply(403, **spent()), 20 * 60 + 1),
        (reply(429, **spent()), 20 * 60 + 1),
        (reply(403, **spent(reset=TODAY - timedelta(days=900))), 60),
        (reply(403, '{"message": "API rate limit exceeded"}', x_ratelimit_remaining="0"), 3600),
        (reply(403, SECONDARY, **spent(4000)), 60),
        (reply(403, "You have triggered an abuse detection mechanism", **spent(4000)), 60),
        (reply(403, gh_limited_by="elapsed", **spent(4000)), 60),
        (reply(403, "API rate limit exceeded for user ID 1."), 60),
        (reply(429, **spent(4000)), 60),
        (reply(403, "Resource not accessible", **spent(4000)), None),
        (reply(403, "list is too large to list contributors for this", **spent(0)), None),
        (reply(200, **spent(0)), None),
        (reply(404, **spent(0)), None),
        (reply(304, **spent(0)), None),
    ],
)
def test_until_when_nothing_may_be_asked(answer: HostResponse, seconds: int | None) -> None:
    until = None if seconds is None else TODAY + timedelta(seconds=seconds)
    assert HOST.limited_until(answer, TODAY) == until


@pytest.mark.parametrize(
    ("answer", "meter"),
    [
        (reply(200, **spent(9, x_ratelimit_resource="core")), "core"),
        (reply(200, **spent(9, x_ratelimit_resource="graphql")), "graphql"),
        (reply(200, '{"id": 1}', **spent(9)), "core"),
        (reply(304, **spent(9)), "core"),
        (reply(200, '{"data": {}}', **spent(9)), "graphql"),
        (reply(200, '{"errors": []}', **spent(9)), "graphql"),
    ],
)
def test_the_hourly_limit_that_an_answer_tells_of(answer: HostResponse, meter: str) -> None:
    at = RESET + timedelta(seconds=1)
    assert list(HOST.read_limits(answer, TODAY)) == [Reading(meter, 5000, 9, at)]


@pytest.mark.parametrize(
    "answer",
    [
        reply(200),
        reply(200, **spent(9, x_ratelimit_resource="search")),
        reply(200, x_ratelimit_limit="many", x_ratelimit_remaining="1", x_ratelimit_reset="2"),
    ],
)
def test_what_tells_nothing(answer: HostResponse) -> None:
    assert list(HOST.read_limits(answer, TODAY)) == []


def test_a_secondary_limit_is_one_of_rest_and_graphql_alike() -> None:
    found = HOST.read_limits(reply(403, SECONDARY, retry_after="120"), TODAY)
    until = TODAY + timedelta(seconds=120)
    assert {(reading.meter, reading.remaining, reading.reset) for reading in found} == {
        ("rest_minute", 0, until),
        ("graphql_minute", 0, until),
    }


def test_how_it_may_be_asked() -> None:
    def limits(token: str | None) -> dict[str, Any]:
        policy = GitHub(None, token).policy
        assert (policy.batch, policy.concurrency) == (50, 4)
        return {name: (rate.limit, rate.seconds) for name, rate in policy.meters.items()}

    shared = {"graphql": (5000, 3600), "rest_minute": (900, 60), "graphql_minute": (2000, 60)}
    assert limits("secret") == {"core": (5000, 3600), **shared}
    assert limits(None) == {"core": (60, 3600), **shared}
