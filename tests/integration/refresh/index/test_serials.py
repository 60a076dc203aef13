"""The root of the Simple API, read once for all workers, whatever comes of it."""

import gzip
import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.refresh.fetch_result import Postponed
from chalicelib.refresh.hosts.index.serials import KEY, Serials
from chalicelib.refresh.http.failures import RateLimited, WorkerTimeout
from chalicelib.storage import objects
from tests.support.index_documents import root
from tests.support.index_projects import (
    NAMES,
    SERIALS,
    fetched,
    known,
    serials_of,
    serving,
    sources,
)
from tests.support.upstream.asking import TODAY, FakeTime
from tools.fakehosts.replay import Replay, ResponseParts
from tools.fakehosts.server import RESET, Request, Response


@pytest.fixture(autouse=True)
def _storage(tables: None, bucket: None) -> Iterator[None]:
    return iter([None])


def test_names_compare_normalised() -> None:
    with serving((200, {}, root({"Tool_A": 5, "0-._.-0": 6}))) as replay:
        found = known(replay, serials_of(["TOOL.a", "0-0", "b"]), FakeTime())
    assert found == {"tool-a": 5, "0-0": 6, "b": None}


def test_a_project_that_is_listed_without_a_serial_is_not_said_to_be_missing() -> None:
    with serving((200, {}, root({"a": None, "b": 5}))) as replay:
        found = known(replay, serials_of(["a", "b", "c"]), FakeTime())
    assert found == {"b": 5, "c": None}


def test_the_root_is_good_for_an_hour_for_all_workers_and_then_asked_for_conditionally() -> None:
    clock = FakeTime()
    answers: list[ResponseParts] = [
        (200, {"ETag": '"a"'}, root(SERIALS)),
        (304, {"ETag": '"a"'}, ""),
    ]
    answers.append((200, {"ETag": '"b"'}, root(dict.fromkeys(NAMES, 51))))
    with serving(*answers) as replay:
        first = known(replay, serials_of(), clock)
        clock.advance(minutes=59)
        assert known(replay, serials_of(), clock) == first == SERIALS
        assert len(replay.requests) == 1
        clock.advance(minutes=1)
        assert known(replay, serials_of(), clock) == first
        assert replay.requests[1].headers["If-None-Match"] == '"a"'
        clock.advance(minutes=59)
        assert known(replay, serials_of(), clock) == first
        assert len(replay.requests) == 2
        clock.advance(minutes=2)
        assert known(replay, serials_of(), clock) == dict.fromkeys(NAMES, 51)


def test_a_process_remembers_it_for_as_long() -> None:
    clock, serials = FakeTime(), serials_of()
    with serving((200, {}, root(SERIALS))) as replay:
        known(replay, serials, clock)
        objects.delete(KEY)
        assert known(replay, serials, clock) == SERIALS
        assert len(replay.requests) == 1
        clock.advance(minutes=61)
        known(replay, serials, clock)
        assert len(replay.requests) == 2


_WHOLE = root(SERIALS)
_USELESS = [
    Response(200, {}, _WHOLE[:-1]),
    Response(200, {}, _WHOLE[: len(_WHOLE) // 2]),
    Response(200, {}, _WHOLE, fault=RESET),
    Response(200, {}, _WHOLE + "garbage"),
    Response(200, {"Content-Type": "text/html"}, "<html><a href='/simple/tool'>tool</a></html>"),
    Response(200, {}, b'{"projects": [{"name": "tool-1\xff", "_last-serial": 1}]}'),
    Response(200, {}, '{"projects": [{"name": "tool-1", "_last-serial": 1e999999999999}]}x'),
    Response(200, {}, {"projects": []}),
    Response(200, {}, []),
    Response(200, {}, ""),
    Response(503, {}, _WHOLE),
    Response(404, {}, {}),
    Response(304, {}, ""),
    Response(301, {"Location": "https://elsewhere.example/"}, ""),
    Response(200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 310_000_000, 1)),
]


@pytest.mark.parametrize("answer", _USELESS, ids=range(len(_USELESS)))
def test_a_useless_root_is_not_stored_and_puts_the_batch_off(answer: Response) -> None:
    clock = FakeTime()
    with serving(answer, (200, {}, _WHOLE)) as replay:
        outcomes = fetched(replay, serials_of(), sources(), clock)
        assert set(map(type, outcomes.values())) == {Postponed}
        postponed = outcomes["tool-1"]
        assert isinstance(postponed, Postponed)
        assert postponed.until == TODAY + timedelta(minutes=5)
        # Nobody asks before, in this process or another.
        clock.advance(minutes=4)
        assert set(map(type, fetched(replay, serials_of(), sources(), clock).values())) == {
            Postponed
        }
        assert replay.targets == ["GET /simple/"]
        clock.advance(minutes=1)
        assert known(replay, serials_of(), clock) == SERIALS


def test_an_older_answer_is_kept_and_used_conditionally_through_a_failure() -> None:
    clock = FakeTime()
    answers: list[ResponseParts] = [(200, {"ETag": '"a"'}, _WHOLE), (502, {}, ""), (304, {}, "")]
    with serving(*answers) as replay:
        known(replay, serials_of(), clock)
        clock.advance(hours=2)
        with pytest.raises(RateLimited):
            known(replay, serials_of(), clock)
        clock.advance(minutes=5)
        assert known(replay, serials_of(), clock) == SERIALS


def test_projects_are_asked_for_one_by_one_while_the_root_fails_for_long() -> None:
    clock = FakeTime()
    with serving((500, {}, "")) as replay:
        for _ in range(2):
            with pytest.raises(RateLimited):
                known(replay, serials_of(), clock)
            clock.advance(minutes=5)
        assert known(replay, serials_of(), clock) is None
        clock.advance(minutes=59)
        assert known(replay, serials_of(), clock) is None
        assert len(replay.requests) == 3
        clock.advance(minutes=1)
        assert known(replay, serials_of(), clock) is None
        assert len(replay.requests) == 4


def test_a_limit_is_passed_on() -> None:
    clock = FakeTime()
    with serving((429, {"Retry-After": "70"}, ""), (200, {}, _WHOLE)) as replay:
        outcomes = fetched(replay, serials_of(), sources(), clock)
        assert outcomes["tool-1"] == Postponed(
            TODAY + timedelta(seconds=70), "the host's limit is spent (status 429)"
        )
        clock.advance(seconds=70)
        assert known(replay, serials_of(), clock) == SERIALS


def test_a_worker_with_little_time_leaves_the_root_to_another() -> None:
    clock = FakeTime()
    with serving((200, {}, _WHOLE)) as replay:
        with pytest.raises(WorkerTimeout):
            known(replay, serials_of(), clock, seconds=30)
        assert replay.requests == []
        assert known(replay, serials_of(), clock, seconds=60) == SERIALS


def test_while_one_worker_reads_another_waits_its_turn() -> None:
    clock = FakeTime()
    seen: list[RateLimited] = []

    def answer(request: Request) -> ResponseParts:
        # In the midst of the first worker's request, a second one wants to know.
        with pytest.raises(RateLimited) as raised:
            known(replay, serials_of(), clock)
        seen.append(raised.value)
        return 200, {}, _WHOLE

    with Replay.from_routes({"GET /simple/": answer}) as replay:
        assert known(replay, serials_of(), clock) == SERIALS
        assert known(replay, serials_of(), clock) == SERIALS
        assert len(replay.requests) == 1
    assert TODAY < seen[0].until <= TODAY + timedelta(minutes=3)


def test_a_worker_that_was_killed_while_reading_is_replaced() -> None:
    clock = FakeTime()

    def names() -> list[str]:
        raise SystemExit("killed")

    with serving((200, {}, _WHOLE)) as replay:
        with pytest.raises(SystemExit):
            known(replay, Serials(names), clock)
        with pytest.raises(RateLimited) as raised:
            known(replay, serials_of(), clock)
        clock.move_to(raised.value.until)
        assert known(replay, serials_of(), clock) == SERIALS


def test_threads_of_a_process_read_it_once() -> None:
    clock, serials, found = FakeTime(), serials_of(), []
    with serving((200, {}, _WHOLE)) as replay:
        threads = [
            threading.Thread(target=lambda: found.append(known(replay, serials, clock)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(replay.requests) == 1
    assert found == [SERIALS] * 4


def test_a_slow_worker_does_not_overwrite_what_another_stored_meanwhile() -> None:
    clock = FakeTime()
    newer = dict.fromkeys(NAMES, 60)

    def answer(request: Request) -> ResponseParts:
        if len(replay.requests) > 1:
            return 200, {}, root(newer)
        clock.advance(minutes=10)
        assert known(replay, serials_of(), clock) == newer
        return 200, {}, _WHOLE

    with Replay.from_routes({"GET /simple/": answer}) as replay:
        assert known(replay, serials_of(), clock) == SERIALS
        assert known(replay, serials_of(), clock) == newer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(b"[]"),
        gzip.compress(json.dumps({"serials": {"a": "1"}}).encode()),
        gzip.compress(b'{"serials": {}, "index": "x", "checked_at": 5, "failures": 0}'),
        gzip.compress(b"{}" * 1000)[:-9],
    ],
    # The bytes have the time in them.
    ids=["empty", "no gzip", "no JSON", "a list", "a text for a serial", "no serials", "cut"],
)
def test_a_stored_object_of_no_use_is_replaced(body: bytes) -> None:
    assert objects.replace(KEY, body, None)
    with serving((200, {}, _WHOLE)) as replay:
        assert known(replay, serials_of(), FakeTime()) == SERIALS
        assert known(replay, serials_of(), FakeTime()) == SERIALS
        assert len(replay.requests) == 1


def test_serials_of_another_index_are_not_used() -> None:
    with serving((200, {"ETag": '"a"'}, _WHOLE)) as replay:
        known(replay, serials_of(), FakeTime())
    with serving((200, {}, root({"tool-1": 7}))) as other:
        found = known(other, serials_of(["tool-1"]), FakeTime())
        assert "If-None-Match" not in other.requests[0].headers
    assert found == {"tool-1": 7}
