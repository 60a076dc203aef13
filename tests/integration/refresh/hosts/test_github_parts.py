"""Contributors and weeks of GitHub: asked for when a head moved, complete or left open."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import Figures, Gone
from tests.integration.refresh.hosts.githubs import (
    NEXT,
    WEEKS,
    GraphQL,
    again,
    contributors,
    host,
    known,
    node,
    participation,
    rest,
    routes,
    source,
)
from tests.support.upstream.asking import TODAY, Asked, FakeTime, asked
from tools.fakehosts.replay import Replay, ResponseParts, Routes

pytestmark = pytest.mark.usefixtures("tables")

PEOPLE: ResponseParts = (200, {"ETag": '"p2"'}, contributors("ada", "alan"))
NUMBERS: ResponseParts = (200, {"ETag": '"w2"'}, participation(1, 2))
COMPUTING: ResponseParts = (202, {"ETag": '"w2"'}, {})
CONTRIBUTORS = "GET /repos/o/r/contributors?per_page=100"
PARTICIPATION = "GET /repos/o/r/stats/participation"
MOVED = GraphQL({"o/r": node("o/r", oid=NEXT)})


def moved(
    people: Sequence[ResponseParts] = (PEOPLE,),
    weeks: Sequence[ResponseParts] = (NUMBERS,),
    more: Routes | None = None,
) -> Routes:
    """A GitHub whose repository has a new head."""
    return routes(MOVED, {**rest("o/r", people, weeks), **(more or {})})


def figures(found: Asked) -> Figures:
    assert isinstance(found.only, Figures)
    return found.only


def test_a_304_keeps_the_contributors_and_is_asked_for_with_the_etag() -> None:
    with Replay.from_routes(moved([(304, {}, b"")])) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert replay.requests[1].headers["If-None-Match"] == '"people"'
    assert "participants" not in found.values
    assert found.again_at is None


def test_where_no_contributors_are_kept_there_is_no_condition() -> None:
    with Replay.from_routes(moved()) as replay:
        found = figures(asked(host(replay), [known("o/r", participants="")]))
    assert "If-None-Match" not in replay.requests[1].headers
    assert found.values["participants"] == "ada,alan"


def test_further_pages_are_read_and_who_has_no_login_is_left_out() -> None:
    link = '<https://api.github.com/repositories/1/contributors?per_page=100&page=2>; rel="next"'
    anonymous = [{"type": "Anonymous", "name": "x"}, {"login": None}]
    first = (200, {"ETag": '"p"', "Link": link}, [*contributors("ada"), *anonymous])
    page = "GET /repositories/1/contributors?per_page=100&page=2"
    more: Routes = {page: [(200, {"ETag": '"q"'}, contributors("a,b", "ada"))]}
    with Replay.from_routes(moved([first], more=more)) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert found.values["participants"] == "ada,a b"
    assert found.state["contributors_etag"] == '"p"'
    assert len(replay.requests) == 4


def test_no_more_than_ten_pages_are_read() -> None:
    link = '<https://api.github.com/more>; rel="next"'
    page: ResponseParts = (200, {"Link": link}, contributors("ada"))
    with Replay.from_routes(moved([page], more={"GET /more": [page]})) as replay:
        figures(asked(host(replay), [known("o/r")]))
        assert replay.count("GET /more") == 9


def test_a_list_whose_second_page_is_missing_is_not_taken_and_left_open() -> None:
    link = '<https://api.github.com/more>; rel="next"'
    first: ResponseParts = (200, {"ETag": '"p"', "Link": link}, contributors("ada"))
    with Replay.from_routes(moved([first], more={"GET /more": [(502, {}, "")]})) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert "participants" not in found.values
    assert found.state["open"] == ["contributors"]
    assert found.state["contributors_etag"] == '"people"'
    assert found.values["commits_over_52w"][-1] == 2


def test_a_link_that_leads_elsewhere_is_not_followed() -> None:
    first: ResponseParts = (
        200,
        {"Link": '<https://example.org/x>; rel="next"'},
        contributors("ada"),
    )
    with Replay.from_routes(moved([first])) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert found.state["open"] == ["contributors"]
    assert len(replay.requests) == 3


def test_no_content_means_no_contributors() -> None:
    with Replay.from_routes(moved([(204, {}, b"")])) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert found.values["participants"] == ""


def test_a_list_that_is_too_large_stays_as_it_is_and_stops_nothing() -> None:
    said = "The history or contributor list is too large to list contributors for this repository."
    answer: ResponseParts = (403, {"X-RateLimit-Remaining": "0"}, {"message": said})
    with Replay.from_routes(moved([answer])) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert "participants" not in found.values
    assert found.values["commits_over_52w"][-1] == 2
    assert found.again_at is None and "open" not in found.state


def test_a_statistic_that_is_being_computed_keeps_the_old_weeks_and_is_asked_for_again() -> None:
    time = FakeTime(TODAY + timedelta(days=7))
    with Replay.from_routes(moved(weeks=[COMPUTING] * 5 + [NUMBERS])) as replay:
        before = known("o/r")
        found = figures(asked(host(replay), [before], time.context()))
        assert found.values["commits_over_52w"] == (*WEEKS[1:], 0)
        waits = []
        while found.again_at:
            assert found.state["open"] == ["weeks"]
            assert "participation_etag" not in found.state
            waits.append((found.again_at - time.now()).total_seconds() / 60)
            time.move_to(found.again_at)
            before = again(before, found, is_check_due=False)
            found = figures(asked(host(replay), [before], time.context()))
    assert waits == [1, 5, 15, 60, 60]
    assert found.values == {"commits_over_52w": (*participation(1, 2)["all"],)}
    assert found.state["participation_etag"] == '"w2"'
    assert {"open", "tries"}.isdisjoint(found.state)
    assert replay.count("POST /graphql") == 1 and replay.count(CONTRIBUTORS) == 1


def test_a_push_while_the_weeks_are_open_leads_to_all_of_it_at_the_next_check() -> None:
    third = GraphQL({"o/r": node("o/r", oid="c" * 40)})
    with Replay.from_routes(moved(weeks=[COMPUTING])) as replay:
        before = known("o/r")
        first = figures(asked(host(replay), [before]))
        before = again(before, first)
    with Replay.from_routes(routes(third, rest("o/r", [PEOPLE], [NUMBERS]))) as replay:
        second = figures(asked(host(replay), [before]))
    assert second.state["oid"] == "c" * 40
    assert "open" not in second.state
    assert len(replay.requests) == 3


def test_what_is_open_is_asked_for_at_the_next_check_though_the_head_stayed() -> None:
    with Replay.from_routes(moved([(500, {}, "")], [COMPUTING])) as replay:
        before = known("o/r")
        first = figures(asked(host(replay), [before]))
    assert first.state["open"] == ["contributors", "weeks"]
    with Replay.from_routes(moved()) as replay:
        second = figures(asked(host(replay), [again(before, first)]))
    assert second.values["participants"] == "ada,alan"
    assert second.values["commits_over_52w"][-1] == 2
    assert "open" not in second.state


def test_the_weeks_of_a_304_are_those_of_today() -> None:
    with Replay.from_routes(moved(weeks=[(304, {}, b"")])) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert replay.requests[2].headers["If-None-Match"] == '"weeks"'
    assert found.values["commits_over_52w"] == WEEKS
    assert found.state["weeks"]["until"] == "2026-11-23"


def test_weeks_that_were_shifted_since_are_asked_for_without_condition() -> None:
    time = FakeTime(TODAY + timedelta(days=7))
    with Replay.from_routes(moved()) as replay:
        found = figures(asked(host(replay), [known("o/r")], time.context()))
    assert "If-None-Match" not in replay.requests[2].headers
    assert found.values["commits_over_52w"][-1] == 2


@pytest.mark.parametrize("zeros", [participation(), {"all": [], "owner": []}])
def test_weeks_without_commits(zeros: Any) -> None:
    with Replay.from_routes(moved(weeks=[(200, {}, zeros)])) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert found.values["commits_over_52w"] == (0,) * 52


def test_a_head_of_more_than_53_weeks_ago_has_no_commits_in_its_weeks() -> None:
    old = GraphQL({"o/r": node("o/r", oid=NEXT, committed=TODAY - timedelta(weeks=53, hours=1))})
    with Replay.from_routes(routes(old, rest("o/r", [PEOPLE]))) as replay:
        found = figures(asked(host(replay), [source("o/r")]))
    assert found.values["commits_over_52w"] == (0,) * 52
    assert found.state["weeks"] == {"until": "2026-11-23", "series": "participation"}
    assert replay.targets == ["POST /graphql", CONTRIBUTORS]


def test_commits_of_today_are_in_the_weeks_of_tomorrow() -> None:
    fresh = GraphQL({"o/r": node("o/r", oid=NEXT, committed=TODAY - timedelta(hours=3))})
    time = FakeTime()
    with Replay.from_routes(routes(fresh, rest("o/r", [PEOPLE], [NUMBERS]))) as replay:
        before = known("o/r")
        first = figures(asked(host(replay), [before], time.context()))
        assert first.values["participants"] == "ada,alan"
        assert first.values["commits_over_52w"] == WEEKS
        assert first.state["open"] == ["weeks"]
        assert first.again_at == datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
        assert replay.count(PARTICIPATION) == 0
        # Somebody asks too early: still nothing is asked for.
        before = again(before, first, is_check_due=False)
        early = figures(asked(host(replay), [before], time.context()))
        assert early.values == {} and early.again_at == first.again_at
        time.move_to(first.again_at)
        last = figures(
            asked(host(replay), [again(before, early, is_check_due=False)], time.context())
        )
    assert last.values == {"commits_over_52w": (*participation(1, 2)["all"],)}
    assert last.state["weeks"]["until"] == "2026-11-24"
    assert last.again_at is None
    assert len(replay.requests) == 3


def test_a_commit_dated_far_ahead_does_not_keep_the_weeks_open() -> None:
    wrong = GraphQL({"o/r": node("o/r", oid=NEXT, committed=TODAY + timedelta(days=400))})
    with Replay.from_routes(routes(wrong, rest("o/r", [PEOPLE], [NUMBERS]))) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert found.again_at is None
    assert len(replay.requests) == 3


def test_just_after_midnight_it_is_not_certain_yet_which_day_the_weeks_end_at() -> None:
    time = FakeTime(datetime(2026, 11, 24, 0, 1, tzinfo=UTC))
    with Replay.from_routes(moved()) as replay:
        found = figures(asked(host(replay), [known("o/r")], time.context()))
        assert replay.count(PARTICIPATION) == 0
    assert found.again_at == datetime(2026, 11, 24, 0, 5, tzinfo=UTC)


def test_weeks_that_were_asked_for_across_midnight_are_not_taken() -> None:
    time = FakeTime(datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC))
    with Replay.from_routes(moved(weeks=[(502, {}, ""), (502, {}, ""), NUMBERS])) as replay:
        found = figures(asked(host(replay), [known("o/r")], time.context()))
    assert time.now().day == 24
    assert found.values["commits_over_52w"] == WEEKS
    assert found.state["open"] == ["weeks"]
    assert found.again_at == datetime(2026, 11, 24, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, {}),
        (200, {}, []),
        (200, {}, {"all": [1] * 51}),
        (200, {}, {"all": [1] * 51 + [-1]}),
        (200, {}, {"all": [1] * 51 + [True]}),
        (200, {}, {"all": "x" * 52}),
        (200, {"Content-Type": "text/html"}, "<html>"),
        (404, {}, {"message": "Not Found"}),
        (422, {}, {"message": "no"}),
        (500, {}, ""),
    ],
)
def test_weeks_that_are_none_leave_the_old_ones_and_are_asked_for_again(
    answer: ResponseParts,
) -> None:
    with Replay.from_routes(moved(weeks=[answer])) as replay:
        time = FakeTime()
        found = figures(asked(host(replay), [known("o/r")], time.context()))
    assert found.values["commits_over_52w"] == WEEKS
    assert found.values["participants"] == "ada,alan"
    assert found.state["open"] == ["weeks"]
    assert found.again_at is not None
    assert timedelta() <= found.again_at - time.now() <= timedelta(minutes=10)


@pytest.mark.parametrize("body", [{}, ["ada"], [{"login": 5}], None, "ada"])
def test_contributors_that_are_none_leave_the_old_ones(body: Any) -> None:
    with Replay.from_routes(moved([(200, {"ETag": '"bad"'}, body)])) as replay:
        found = figures(asked(host(replay), [known("o/r")]))
    assert "participants" not in found.values
    assert found.state["open"] == ["contributors"]
    assert found.state["contributors_etag"] == '"people"'


def test_faults_are_asked_for_again_ever_later_but_four_times_a_day_at_least() -> None:
    time, waits = FakeTime(), []
    with Replay.from_routes(moved([(404, {}, {})])) as replay:
        before = known("o/r")
        for _ in range(8):
            found = figures(asked(host(replay), [before], time.context()))
            assert found.again_at is not None
            waits.append((found.again_at - time.now()).total_seconds() / 60)
            before = again(before, found, is_check_due=False)
    assert waits == [10, 20, 40, 80, 160, 320, 360, 360]


@pytest.mark.parametrize("part", ["contributors", "stats/participation"])
def test_a_part_that_is_blocked_for_legal_reasons_means_the_repository_is(part: str) -> None:
    blocked: ResponseParts = (451, {}, {"message": "Repository access blocked"})
    is_people = part == "contributors"
    made = moved([blocked if is_people else PEOPLE], [NUMBERS if is_people else blocked])
    with Replay.from_routes(made) as replay:
        found = asked(host(replay), [known("o/r")]).only
    assert found == Gone("451 Unavailable For Legal Reasons")
