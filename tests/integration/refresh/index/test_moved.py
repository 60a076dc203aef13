"""Only projects whose serial moved are asked for."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import PROJECT, Figures, Gone, Unchanged
from chalicelib.refresh.hosts.index.serials import MEDIA_TYPE
from tests.support.index_documents import document, root
from tests.support.index_projects import NAMES, SERIALS, fetched, serials_of, serving, sources
from tests.support.upstream.asking import TODAY, FakeTime, source
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.server import Request


@pytest.fixture(autouse=True)
def _storage(tables: None, bucket: None) -> Iterator[None]:
    return iter([None])


def test_only_projects_whose_serial_moved_are_asked_for() -> None:
    moved = root(SERIALS | {"tool-3": 51, "unrelated": 9})
    with serving((200, {}, moved), tool_3=(200, {}, document("tool-3", 51))) as replay:
        batch = sources()
        outcomes = fetched(replay, serials_of(), batch)
        assert replay.targets == ["GET /simple/", "GET /pypi/tool-3/json"]
        assert replay.requests[0].headers["Accept"] == MEDIA_TYPE
    assert isinstance(outcomes.pop("tool-3"), Figures)
    assert set(map(type, outcomes.values())) == {Unchanged}
    assert outcomes["tool-1"] == Unchanged(state=batch[1].state)


def test_a_serial_beyond_that_of_the_root_is_no_change() -> None:
    with serving((200, {}, root(SERIALS))) as replay:
        outcomes = fetched(replay, serials_of(), sources(tool_3={"serial": 60}))
        assert replay.targets == ["GET /simple/"]
    assert isinstance(outcomes["tool-3"], Unchanged)


def test_a_project_that_the_root_does_not_list_is_confirmed_to_be_gone() -> None:
    listed = {name: 50 for name in NAMES if name not in {"tool-3", "tool-4"}}
    with serving((200, {}, root(listed)), tool_4=(200, {}, document("tool-4", 50))) as replay:
        outcomes = fetched(replay, serials_of(), sources())
        assert sorted(replay.targets[1:]) == ["GET /pypi/tool-3/json", "GET /pypi/tool-4/json"]
    assert outcomes["tool-3"] == Gone("404 Not Found")
    assert isinstance(outcomes["tool-4"], Figures)


@pytest.mark.parametrize("serial", [None, "50", -1, True, 1.5])
def test_a_project_without_a_usable_serial_is_asked_for(serial: Any) -> None:
    listed = root(SERIALS | {"tool-3": serial})
    with serving((200, {}, listed), tool_3=(200, {}, document("tool-3"))) as replay:
        outcomes = fetched(replay, serials_of(), sources())
        assert replay.count("GET /pypi/tool-3/json") == 1
    assert isinstance(outcomes["tool-3"], Figures)


def test_projects_that_were_added_since_are_asked_for() -> None:
    with serving((200, {}, root(SERIALS)), tool_3=(200, {}, document("tool-3"))) as replay:
        others = [name for name in NAMES if name != "tool-3"]
        outcomes = fetched(replay, serials_of(others), sources())
        assert replay.targets == ["GET /simple/", "GET /pypi/tool-3/json"]
    assert isinstance(outcomes["tool-3"], Figures)


def test_few_projects_are_asked_for_without_the_root_unless_it_is_at_hand() -> None:
    answers: list[ResponseParts] = [(200, {}, root(SERIALS))]
    with serving(*answers, tool_0=(304, {}, ""), tool_1=(304, {}, "")) as replay:
        few = sources(tool_0={"serial": 50, "etag": '"a"'}, tool_1={"serial": 50, "etag": '"a"'})
        fetched(replay, serials_of(), few[:2])
        assert replay.targets == ["GET /pypi/tool-0/json", "GET /pypi/tool-1/json"]
        fetched(replay, serials_of(), few)
        assert replay.targets[2:] == ["GET /simple/"]
        fetched(replay, serials_of(), few[:2])
        assert len(replay.requests) == 3


def test_a_first_refresh_has_nothing_to_compare_and_does_without_the_root() -> None:
    def answer(request: Request) -> ResponseParts:
        return 200, {}, document(request.path.split("/")[2])

    with Replay.from_routes({f"GET /pypi/{name}/json": answer for name in NAMES}) as replay:
        batch = [source(name, "index", place, kind=PROJECT) for place, name in enumerate(NAMES, 1)]
        outcomes = fetched(replay, serials_of(), batch)
        assert len(replay.requests) == len(NAMES)
    assert set(map(type, outcomes.values())) == {Figures}


def test_a_document_is_looked_at_after_some_weeks_whatever_the_serial_says() -> None:
    clock = FakeTime()
    state = {"serial": 50, "etag": '"a"', "read_at": TODAY.isoformat()}
    routes: Routes = {
        "GET /simple/": [(200, {}, root(SERIALS))],
        **{f"GET /pypi/{name}/json": [(304, {}, "")] for name in NAMES},
    }
    days = set()
    with Replay.from_routes(routes) as replay:
        batch = [
            source(name, "index", place, kind=PROJECT, state=state)
            for place, name in enumerate(NAMES, 1)
        ]
        clock.advance(days=41)
        fetched(replay, serials_of(), batch, clock)
        assert replay.targets == ["GET /simple/"]
        for day in range(29):
            clock.advance(days=1)
            states = fetched(replay, serials_of(), batch, clock)
            for at, each in enumerate(batch):
                outcome = states[each.address]
                assert isinstance(outcome, Unchanged)
                if outcome.state != state and each.state == state:
                    days.add(day)
                batch[at] = source(each.address, "index", at + 1, kind=PROJECT, state=outcome.state)
        assert sorted(set(replay.targets)) == sorted(routes)
        assert len(replay.targets) - replay.count("GET /simple/") == len(NAMES)
    assert len(days) > 10
