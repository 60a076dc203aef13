"""The package index asked project by project, conditionally, and what comes of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import (
    PROJECT,
    Failed,
    Figures,
    Gone,
    Postponed,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.index.package_index import PackageIndex
from chalicelib.refresh.hosts.index.public_url import find_public_url
from tests.support.index_documents import document
from tests.support.upstream.asking import TODAY, FakeTime, asked, source
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.server import RESET, Response

NOW = TODAY.isoformat()


@pytest.fixture(autouse=True)
def _storage(tables: None) -> Iterator[None]:
    return iter([None])


def _tool(id: int = 1, name: str = "tool", **values: Any) -> Source:
    return source(name, "index", id, kind=PROJECT, **values)


def _answering(*answers: ResponseParts | Response) -> Any:
    return Replay.from_routes({"GET /pypi/tool/json": answers})


def _index(replay: Replay) -> PackageIndex:
    return PackageIndex(replay.url, None)


def test_the_public_index_is_what_the_packaging_library_names() -> None:
    index, public_url = PackageIndex(None, None), find_public_url()
    assert index.base_url == index.public_url == public_url
    assert public_url is not None
    assert public_url.startswith("https://")
    assert public_url.count("/") == 2


def test_a_document_becomes_figures_with_its_serial() -> None:
    json = document(project_urls={"Documentation": "https://tool.example/docs"})
    with _answering((200, {"ETag": '"a"'}, json)) as replay:
        outcome = asked(_index(replay), [_tool()]).only
    assert isinstance(outcome, Figures)
    assert outcome.values["pypi_version"] == "1.2"
    assert outcome.values["last_released"] == datetime(2024, 3, 2, 1, 0, 0, 500000, tzinfo=UTC)
    assert outcome.values["documentation_url"] == "https://tool.example/docs"
    assert outcome.marks == dict.fromkeys(outcome.values, Provenance("index json", "serial:100"))
    assert outcome.state == {
        "index": replay.url,
        "etag": '"a"',
        "serial": 100,
        "read_at": NOW,
        "documentation_url": "https://tool.example/docs",
    }
    assert "If-None-Match" not in replay.requests[0].headers
    assert replay.requests[0].headers["User-Agent"] == "Packgrid/0.1.0 (tests)"


def test_what_has_not_changed_is_a_304() -> None:
    state = {"etag": '"a"', "serial": 100, "documentation_url": None, "downloads_at": NOW}
    with _answering((304, {"ETag": '"a"'}, "")) as replay:
        outcome = asked(_index(replay), [_tool(state=state)]).only
    assert outcome == Unchanged(state=state | {"read_at": NOW})
    assert replay.requests[0].headers["If-None-Match"] == '"a"'


def test_what_another_index_said_tells_nothing_of_this_one() -> None:
    state = {"index": "https://other.example", "etag": '"a"', "serial": 900}
    with _answering((200, {"ETag": '"a"'}, document())) as replay:
        outcome = asked(_index(replay), [_tool(state=state)]).only
    assert isinstance(outcome, Figures)
    assert (outcome.state["index"], outcome.state["serial"]) == (replay.url, 100)
    assert "If-None-Match" not in replay.requests[0].headers


def test_names_are_asked_for_normalised() -> None:
    with _answering((200, {}, document("Tool"))) as replay:
        assert isinstance(asked(_index(replay), [_tool(name="TOOL")]).only, Figures)
        assert replay.targets == ["GET /pypi/tool/json"]


def test_the_serial_of_the_header_counts_where_the_document_has_none() -> None:
    with _answering((200, {"X-PyPI-Last-Serial": "7"}, document(serial=None))) as replay:
        outcome = asked(_index(replay), [_tool()]).only
    assert isinstance(outcome, Figures)
    assert outcome.state["serial"] == 7


def test_figures_are_marked_with_the_etag_where_there_is_no_serial() -> None:
    with _answering((200, {"ETag": '"a"'}, document(serial=None))) as replay:
        outcome = asked(_index(replay), [_tool()]).only
    assert isinstance(outcome, Figures)
    assert outcome.marks["pypi_version"] == Provenance("index json", 'etag:"a"')


@pytest.mark.parametrize(("serial", "is_taken"), [(99, False), (100, True), (101, True)])
def test_an_older_document_of_a_cache_is_not_taken(serial: int, is_taken: bool) -> None:
    state = {"etag": '"b"', "serial": 100}
    with _answering((200, {"ETag": '"old"'}, document(serial=serial))) as replay:
        outcome = asked(_index(replay), [_tool(state=state)]).only
    assert isinstance(outcome, Figures) is is_taken
    if not is_taken:
        assert outcome == Unchanged(state=state)


@pytest.mark.parametrize(("stored", "is_new"), [("1.1", True), ("1.2", False), (None, True)])
def test_a_new_version_has_no_id(stored: str | None, is_new: bool) -> None:
    with _answering((200, {}, document())) as replay:
        tool = _tool(pypi_version=stored, latest_version_id=5)
        outcome = asked(_index(replay), [tool]).only
    assert isinstance(outcome, Figures)
    assert ("latest_version_id" in outcome.values) is is_new
    assert outcome.values.get("latest_version_id") is None


@pytest.mark.parametrize(
    ("stored", "given_before", "reported"),
    [
        ("", None, "https://new.example"),
        (None, "https://old.example", "https://new.example"),
        ("https://old.example", "https://old.example", "https://new.example"),
        ("https://own.example", "https://old.example", None),
        ("https://own.example", None, None),
    ],
)
def test_documentation_that_a_person_set_stays(
    stored: str | None, given_before: str | None, reported: str | None
) -> None:
    tool = _tool(documentation_url=stored, state={"documentation_url": given_before})
    json = document(project_urls={"Docs": "https://new.example"})
    with _answering((200, {}, json)) as replay:
        outcome = asked(_index(replay), [tool]).only
    assert isinstance(outcome, Figures)
    assert outcome.values.get("documentation_url") == reported
    assert outcome.state["documentation_url"] == "https://new.example"


def test_documentation_that_is_not_named_any_more_stays_and_is_still_the_indexs() -> None:
    tool = _tool(
        documentation_url="https://old.example", state={"documentation_url": "https://old.example"}
    )
    with _answering((200, {}, document())) as replay:
        outcome = asked(_index(replay), [tool]).only
    assert isinstance(outcome, Figures)
    assert "documentation_url" not in outcome.values
    assert outcome.state["documentation_url"] == "https://old.example"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Gone("404 Not Found")),
        (410, Gone("410 Gone")),
        (451, Gone("451 Unavailable For Legal Reasons")),
        (401, Failed("401 bad credentials")),
        (403, Failed("403 Forbidden")),
        (400, Failed("400 Bad Request")),
        (304, Failed("status 304 without having been asked")),
        (503, Failed("status 503")),
    ],
)
def test_statuses(status: int, outcome: Any) -> None:
    with _answering((status, {}, {"message": "no"})) as replay:
        assert asked(_index(replay), [_tool()]).only == outcome


@pytest.mark.parametrize(
    ("answer", "until"),
    [
        ((429, {"Retry-After": "120"}, ""), TODAY + timedelta(seconds=120)),
        ((429, {}, "slow down"), TODAY + timedelta(seconds=60)),
        ((403, {"Retry-After": "90"}, ""), TODAY + timedelta(seconds=90)),
    ],
)
def test_limits_put_off_all_that_is_left(answer: ResponseParts, until: datetime) -> None:
    routes: Routes = {
        "GET /pypi/a/json": [(200, {}, document("a"))],
        "GET /pypi/b/json": [answer],
    }
    with Replay.from_routes(routes) as replay:
        batch = [_tool(place, name) for place, name in enumerate("abc", 1)]
        found = asked(_index(replay), batch)
        assert isinstance(found.outcomes[1], Figures)
        assert isinstance(found.outcomes[2], Postponed)
        assert found.outcomes[2] == found.outcomes[3]
        assert found.outcomes[2].until == until
        assert replay.targets == ["GET /pypi/a/json", "GET /pypi/b/json"]


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {}, document(), fault=RESET),
        Response(200, {}, '{"info": {"name": "tool"'),
        Response(200, {"Content-Type": "text/html"}, "<html>"),
        Response(200, {}, {}),
        Response(200, {}, []),
        Response(200, {}, document("other")),
        Response(200, {}, document(version=[1])),
    ],
)
def test_useless_answers_fail_and_store_nothing(answer: Response) -> None:
    with _answering(answer) as replay:
        assert isinstance(asked(_index(replay), [_tool()]).only, Failed)


def test_an_answer_that_was_broken_once_is_asked_for_again() -> None:
    with _answering(Response(fault=RESET, body="x" * 1000), (200, {}, document())) as replay:
        found = asked(_index(replay), [_tool()])
    assert isinstance(found.only, Figures)
    assert found.sent == 2


def test_without_time_nothing_is_asked() -> None:
    clock = FakeTime()
    with _answering((200, {}, document())) as replay:
        outcome = asked(_index(replay), [_tool()], clock.context(seconds=5)).only
        assert isinstance(outcome, Postponed)
        assert replay.requests == []
