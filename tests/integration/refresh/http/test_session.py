"""Asking a host over real HTTP: retries, limits, redirects, and who may be reached."""

import gzip
import socket
from datetime import timedelta

import pytest

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from tests.support.toy_host import COST, Toy
from tests.support.upstream.asking import TODAY, FakeTime
from tools.fakehosts.replay import Replay, ResponseParts, Routes

pytestmark = pytest.mark.usefixtures("tables")


def session(host: Toy, time: FakeTime | None = None, seconds: float | None = None) -> Session:
    return Session(host, SharedBudget(), (time or FakeTime()).context(seconds), "packgrid/test")


def answers(*made: ResponseParts) -> Routes:
    return {"GET /a": list(made)}


def test_an_answer_comes_with_its_json_and_etag() -> None:
    with Replay.from_routes(answers((200, {"ETag": '"1"'}, {"stars": 7}))) as replay:
        reply = session(Toy(replay.url)).get("/a", cost=COST, etag='"0"')
    assert (reply.status, reply.json, reply.etag) == (200, {"stars": 7}, '"1"')
    (request,) = replay.requests
    assert request.headers["If-None-Match"] == '"0"'
    assert request.headers["User-Agent"] == "packgrid/test"
    assert request.headers["Authorization"] == "Bearer secret-token"


@pytest.mark.parametrize("status", [202, 204, 304, 401, 403, 404, 409, 410, 451])
def test_what_is_no_fault_of_the_host_is_answered_as_it_is(status: int) -> None:
    with Replay.from_routes(answers((status, {"ETag": '"x"'}, b""))) as replay:
        reply = session(Toy(replay.url)).get("/a", cost=COST)
    assert reply.status == status
    # The tag of an answer that is not final must not be asked with.
    assert reply.etag is None
    assert len(replay.requests) == 1


@pytest.mark.parametrize(
    "bad",
    [
        (500, {}, b"oops"),
        (502, {}, {"error": "Server Error"}),
        (503, {}, b"<html>"),
        (200, {"Content-Type": "application/json"}, b'{"stars": 7'),
        (200, {"Content-Type": "text/html"}, b"<html>maintenance</html>"),
        (200, {"Content-Encoding": "gzip"}, b"this is no gzip"),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"stars": 7}')[:-12]),
        (200, {}, b"[" * 200_000),
    ],
)
def test_a_passing_fault_is_tried_again_with_growing_waits(bad: ResponseParts) -> None:
    time = FakeTime()
    with Replay.from_routes(answers(bad, bad, (200, {}, {"stars": 7}))) as replay:
        assert session(Toy(replay.url), time).get("/a", cost=COST).json == {"stars": 7}
    assert len(replay.requests) == 3
    assert time.slept == [1.0, 2.0]


def test_a_lasting_fault_ends_after_three_tries() -> None:
    with Replay.from_routes(answers((500, {}, b""))) as replay:
        with pytest.raises(Unreachable, match="status 500"):
            session(Toy(replay.url)).get("/a", cost=COST)
    assert len(replay.requests) == 3


def test_nobody_listening_is_no_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match="ConnectionError"):
            session(Toy(url)).get("/a", cost=COST)


def test_a_limit_is_not_tried_again_and_holds_for_all_workers() -> None:
    time = FakeTime()
    with Replay.from_routes(answers((429, {"Retry-After": "90"}, b""))) as replay:
        host = Toy(replay.url)
        with pytest.raises(RateLimited) as caught:
            session(host, time).get("/a", cost=COST)
        assert caught.value.until == TODAY + timedelta(seconds=90)
        with pytest.raises(RateLimited):
            session(host, time).get("/a", cost=COST)
        assert len(replay.requests) == 1
        time.advance(seconds=91)
        with pytest.raises(RateLimited):
            session(host, time).get("/a", cost=COST)
        assert len(replay.requests) == 2


def test_what_the_budget_does_not_allow_is_not_sent() -> None:
    with Replay.from_routes(answers((200, {}, {}))) as replay:
        host, time = Toy(replay.url, limit=4), FakeTime()
        one, other = session(host, time), session(host, time)
        one.get("/a", cost=COST)
        other.get("/a", cost=COST)
        with pytest.raises(RateLimited):
            one.get("/a", cost=COST)
        with pytest.raises(RateLimited):
            other.get("/a", cost=COST)
    assert len(replay.requests) == 2


def test_a_host_that_says_its_window_is_spent_is_left_alone_until_it_ends() -> None:
    time = FakeTime()
    spent = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "60"}
    with Replay.from_routes(answers((200, spent, {}))) as replay:
        one = session(Toy(replay.url), time)
        one.get("/a", cost=COST)
        with pytest.raises(RateLimited) as caught:
            one.get("/a", cost=COST)
        assert caught.value.until == TODAY + timedelta(seconds=61)
    assert len(replay.requests) == 1


def test_a_worker_without_time_asks_nothing() -> None:
    with Replay.from_routes(answers((200, {}, {}))) as replay:
        with pytest.raises(WorkerTimeout):
            session(Toy(replay.url), seconds=10).get("/a", cost=COST)
        session(Toy(replay.url), seconds=60).get("/a", cost=COST)
    assert len(replay.requests) == 1


def test_a_redirect_within_the_host_is_followed_and_told() -> None:
    routes: Routes = {
        "GET /old": [(301, {"Location": "/new"}, {"message": "Moved Permanently"})],
        "GET /away": [(302, {"Location": "https://toy.example/new?x=1"}, b"")],
        "GET /new": [(200, {}, {"stars": 1})],
        "GET /new?x=1": [(200, {}, {"stars": 2})],
    }
    with Replay.from_routes(routes) as replay:
        one = session(Toy(replay.url))
        moved = one.get("/old", cost=COST)
        assert (moved.json, moved.is_moved) == ({"stars": 1}, True)
        # The host's public address stands for where its API was put.
        away = one.get("/away", cost=COST)
        assert (away.json, away.is_moved) == ({"stars": 2}, False)


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/a",
        "http://169.254.169.254/latest/meta-data/",
        "//elsewhere.example/a",
        "file:///etc/passwd",
        "https://toy.example.evil.example/a",
        "https://toy.example@evil.example/a",
    ],
)
def test_a_redirect_that_leads_away_is_not_followed(target: str) -> None:
    with Replay.from_routes(answers((302, {"Location": target}, b""))) as replay:
        with pytest.raises(RequestRejected, match="outside github's API"):
            session(Toy(replay.url)).get("/a", cost=COST)
    assert len(replay.requests) == 1


@pytest.mark.parametrize("target", ["http://[", "//[::1/a", "/caf\xe9"])
def test_a_redirect_to_what_is_no_url_is_refused(target: str) -> None:
    with Replay.from_routes(answers((302, {"Location": target}, b""))) as replay:
        with pytest.raises(RequestRejected, match="invalid URL"):
            session(Toy(replay.url)).get("/a", cost=COST)
    assert len(replay.requests) == 1


def test_a_redirect_may_be_written_in_utf_8() -> None:
    location = "/café".encode().decode("latin-1")
    routes: Routes = {
        "GET /a": [(302, {"Location": location}, b"")],
        "GET /caf%C3%A9": [(200, {}, {"stars": 3})],
    }
    with Replay.from_routes(routes) as replay:
        assert session(Toy(replay.url)).get("/a", cost=COST).json == {"stars": 3}


def test_a_tag_that_cannot_be_sent_is_no_answer() -> None:
    with Replay.from_routes(answers((200, {}, {}))) as replay:
        with pytest.raises(Unreachable, match="Unicode"):
            session(Toy(replay.url)).get("/a", cost=COST, etag='"\u20ac"')


def test_a_redirect_loop_ends() -> None:
    with Replay.from_routes(answers((302, {"Location": "/a"}, b""))) as replay:
        with pytest.raises(RequestRejected, match="redirects"):
            session(Toy(replay.url)).get("/a", cost=COST)
    assert len(replay.requests) == 4


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
def test_addresses_that_are_not_public_are_refused_unasked(host: str) -> None:
    with Replay.from_routes(answers((200, {}, {}))) as replay:
        port = replay.url.rsplit(":", 1)[1]
        with pytest.raises(RequestRejected, match="not public"):
            session(Toy(f"http://{host}:{port}", may_be_private=False)).get("/a", cost=COST)
    assert replay.requests == []


def test_no_secret_is_in_an_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="chalicelib")
    routes: Routes = {"GET /a?key=secret-token": [(500, {}, b"secret-token")]}
    with Replay.from_routes(routes) as replay:
        with pytest.raises(Unreachable) as caught:
            session(Toy(replay.url)).get("/a", cost=COST, params={"key": "secret-token"})
    assert "secret-token" not in str(caught.value)
    assert "secret-token" not in caplog.text
