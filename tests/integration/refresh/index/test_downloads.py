"""Downloads of the last month: seldom, few at a time, and never to a project's harm."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import (
    PROJECT,
    Failed,
    FetchResult,
    Figures,
    Gone,
    Postponed,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.index.downloads import MAX_PROJECTS, Downloads
from chalicelib.refresh.hosts.index.package_index import PackageIndex
from tests.support.index_documents import document
from tests.support.upstream.asking import TODAY, FakeTime, asked, source
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.server import RESET, Response

RECENT = {"data": {"last_day": 1, "last_week": 20, "last_month": 300}, "package": "tool"}
NOW = TODAY.isoformat()


@pytest.fixture(autouse=True)
def _storage(tables: None) -> Iterator[None]:
    return iter([None])


def _tool(state: Any = None, id: int = 1, name: str = "tool") -> Source:
    return source(name, "index", id, kind=PROJECT, state=state)


def _routes(
    index: ResponseParts, *downloads: ResponseParts | Response, name: str = "tool"
) -> Routes:
    return {f"GET /pypi/{name}/json": [index], f"GET /api/packages/{name}/recent": downloads}


def _fetched(
    replay: Replay, *batch: Source, clock: FakeTime | None = None
) -> dict[int, FetchResult]:
    index = PackageIndex(replay.url, replay.url)
    return asked(index, batch, (clock or FakeTime()).context()).outcomes


def _asked_for(replay: Replay) -> list[str]:
    return [request.path.split("/")[3] for request in replay.requests if "api" in request.path]


def test_downloads_are_added_to_the_figures() -> None:
    with Replay.from_routes(_routes((200, {}, document()), (200, {}, RECENT))) as replay:
        outcome = _fetched(replay, _tool())[1]
        assert replay.requests[1].headers["User-Agent"] == "Packgrid/0.1.0 (tests)"
    assert isinstance(outcome, Figures)
    assert outcome.values["pypi_version"] == "1.2"
    assert outcome.values["pypi_downloads"] == 300
    assert outcome.marks["pypi_downloads"] == Provenance("downloads")
    assert outcome.marks["pypi_version"] == Provenance("index json", "serial:100")
    assert outcome.state["downloads_at"] == NOW


def test_downloads_are_asked_for_though_the_document_is_the_same() -> None:
    state = {"etag": '"a"', "serial": 5, "downloads_at": (TODAY - timedelta(days=7)).isoformat()}
    with Replay.from_routes(_routes((304, {}, ""), (200, {}, RECENT))) as replay:
        outcome = _fetched(replay, _tool(state))[1]
    assert isinstance(outcome, Figures)
    assert outcome.values == {"pypi_downloads": 300}
    assert outcome.marks == {"pypi_downloads": Provenance("downloads")}
    assert outcome.state == state | {"downloads_at": NOW, "read_at": NOW}


def test_downloads_are_asked_for_once_a_week() -> None:
    clock = FakeTime()
    state: Any = {"etag": '"a"'}
    with Replay.from_routes(_routes((304, {}, ""), (200, {}, RECENT))) as replay:
        for _ in range(15):
            outcome = _fetched(replay, _tool(state), clock=clock)[1]
            assert isinstance(outcome, Figures | Unchanged)
            state = outcome.state
            clock.advance(days=1)
        assert len(_asked_for(replay)) == 3


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, ""),
        (403, {}, ""),
        (429, {"Retry-After": "60"}, ""),
        (200, {}, "<html>"),
        (200, {}, {"data": {}}),
        (200, {}, {"data": {"last_month": -1}}),
        (200, {}, {"data": {"last_month": "300"}}),
        (200, {}, []),
        Response(200, {}, RECENT, fault=RESET),
    ],
)
def test_no_failure_of_downloads_is_one_of_the_project(answer: ResponseParts | Response) -> None:
    with Replay.from_routes(_routes((200, {}, document()), answer)) as replay:
        outcome = _fetched(replay, _tool({"downloads_at": "2020-01-01T00:00:00+00:00"}))[1]
    assert isinstance(outcome, Figures)
    assert outcome.values["pypi_version"] == "1.2"
    assert "pypi_downloads" not in outcome.values
    assert outcome.state["downloads_at"] == "2020-01-01T00:00:00+00:00"


def test_a_project_without_statistics_is_asked_for_again_in_a_week_only() -> None:
    with Replay.from_routes(_routes((304, {}, ""), (404, {}, {}))) as replay:
        outcome = _fetched(replay, _tool({"etag": '"a"'}))[1]
    assert isinstance(outcome, Figures)
    assert outcome.values == {}
    assert outcome.state["downloads_at"] == NOW


@pytest.mark.parametrize("answer", [(500, {}, ""), (429, {}, "")])
def test_a_service_that_does_not_answer_is_left_alone(answer: ResponseParts) -> None:
    routes: Routes = {}
    for name in "abcd":
        routes = {**routes, **_routes((200, {}, document(name)), answer, name=name)}
    with Replay.from_routes(routes) as replay:
        batch = [_tool(id=place, name=name) for place, name in enumerate("abcd", 1)]
        outcomes = _fetched(replay, *batch)
        assert set(_asked_for(replay)) == {"a"}
    assert set(map(type, outcomes.values())) == {Figures}


@pytest.mark.parametrize("status", [404, 400])
def test_nothing_is_asked_of_a_project_that_the_index_does_not_have(status: int) -> None:
    with Replay.from_routes(_routes((status, {}, {}), (200, {}, RECENT))) as replay:
        assert isinstance(_fetched(replay, _tool())[1], Gone | Failed)
        assert _asked_for(replay) == []


def test_those_that_waited_longest_come_first_and_few_at_a_time() -> None:
    names = [f"tool-{number}" for number in range(MAX_PROJECTS + 10)]
    routes: Routes = {}
    for name in names:
        routes = {**routes, **_routes((304, {}, ""), (200, {}, RECENT), name=name)}

    def state(place: int) -> dict[str, str]:
        # The first is due last; the very last is not due yet.
        days = 6 if place == len(names) - 1 else 10 + place
        return {"etag": '"a"', "downloads_at": (TODAY - timedelta(days=days)).isoformat()}

    clock = FakeTime()
    with Replay.from_routes(routes) as replay:
        batch = [_tool(state(place), place + 1, name) for place, name in enumerate(names)]
        outcomes = _fetched(replay, *batch, clock=clock)
        assert sorted(_asked_for(replay)) == sorted(names[-1 - MAX_PROJECTS : -1])
    assert sum(isinstance(outcome, Figures) for outcome in outcomes.values()) == MAX_PROJECTS
    assert sum(isinstance(outcome, Unchanged) for outcome in outcomes.values()) == 10
    # Thirty a minute at most.
    assert sum(clock.slept) >= (MAX_PROJECTS - 10) * 2


def test_without_an_address_nobody_is_asked() -> None:
    with Replay.from_routes(_routes((200, {}, document()), (200, {}, RECENT))) as replay:
        index = PackageIndex(replay.url, None)
        assert isinstance(asked(index, [_tool()]).only, Figures)
        assert _asked_for(replay) == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, {}, RECENT), 300),
        ((404, {}, {}), Gone("404 Not Found")),
        ((400, {}, {}), Failed("400 Bad Request")),
        (
            (429, {}, {}),
            Postponed(TODAY + timedelta(seconds=60), "the host's limit is spent (status 429)"),
        ),
    ],
)
def test_the_service_can_be_asked_by_itself(answer: ResponseParts, outcome: Any) -> None:
    with Replay.from_routes({"GET /api/packages/tool/recent": [answer]}) as replay:
        found = asked(Downloads(replay.url), [_tool(name="Tool")]).only
    if isinstance(found, Figures):
        assert found.values == {"pypi_downloads": outcome}
    else:
        assert found == outcome


def test_a_spent_budget_of_the_service_does_not_hold_up_the_index() -> None:
    routes: Routes = {}
    names = [f"tool-{number}" for number in range(14)]
    for name in names:
        routes = {**routes, **_routes((200, {}, document(name)), (200, {}, RECENT), name=name)}
    clock = FakeTime()
    # There is time for the index, but not for the waits that the service's limit needs.
    end: datetime = TODAY + timedelta(seconds=15)
    with Replay.from_routes(routes) as replay:
        batch = [_tool(id=place, name=name) for place, name in enumerate(names, 1)]
        index = PackageIndex(replay.url, replay.url)
        outcomes = asked(index, batch, clock.context(seconds=15)).outcomes
        assert len(_asked_for(replay)) == 10
    assert set(map(type, outcomes.values())) == {Figures}
    assert clock.now() < end
