"""GitHub without a token: REST alone, conditional, within sixty requests an hour."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.refresh.fetch_result import Failed, Figures, Gone, Moved, Postponed, Unchanged
from tests.integration.refresh.hosts.githubs import (
    COMMITTED,
    NEXT,
    OID,
    WEEKS,
    again,
    contributors,
    host,
    known,
    participation,
    rest,
    source,
)
from tests.support.spoiling import subset
from tests.support.upstream.asking import TODAY, Asked, FakeTime, asked
from tools.fakehosts.hosts import github
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.scripted import History, ScriptedRepository

pytestmark = pytest.mark.usefixtures("tables")

REPOSITORY, COMMITS = "GET /repos/o/r", "GET /repos/o/r/commits?per_page=1"
PUSHED = ["2026-11-03T10:00:05Z", "main"]
SEEN = {"repository_etag": '"r1"', "commits_etag": '"c1"', "pushed": PUSHED}


def document(**changes: Any) -> dict[str, Any]:
    """A repository as REST has it."""
    pushed = datetime.fromisoformat(PUSHED[0]).timestamp()
    repository = ScriptedRepository(
        "o/r", History(COMMITTED), description="About it", stars=5, forks=6, pushed=int(pushed)
    )
    members = (
        "id full_name description stargazers_count watchers_count forks_count archived pushed_at "
        "default_branch"
    )
    return subset(github.build_document(repository), members) | changes


def newest(oid: str = OID, last: int | None = 42) -> ResponseParts:
    """The newest commit, and where the last page is."""
    pages = "https://api.github.com/repositories/1/commits?per_page=1&page="
    link = {} if last is None else {"Link": f'<{pages}2>; rel="next", <{pages}{last}>; rel="last"'}
    repository = ScriptedRepository("o/r", History(COMMITTED).add_commit(oid, 0))
    return 200, {"ETag": '"c2"', **link}, [github.build_commit(repository, 0)]


def made(repository: ResponseParts, commits: ResponseParts | None = None) -> Routes:
    """A GitHub of one repository."""
    people: ResponseParts = (200, {"ETag": '"p2"'}, contributors("ada"))
    found = rest("o/r", [people], [(200, {}, participation(1, 2))])
    commit = {COMMITS: [commits]} if commits else {}
    return {REPOSITORY: [repository], **commit, **found}


def ask(replay: Replay, before: Any, time: FakeTime | None = None) -> Asked:
    return asked(host(replay, token=None), [before], time.context() if time else None)


def figures(found: Asked) -> Figures:
    assert isinstance(found.only, Figures)
    return found.only


def test_a_304_is_all_that_is_asked_of_what_did_not_change() -> None:
    with Replay.from_routes(made((304, {}, b""))) as replay:
        found = ask(replay, known("o/r", state=SEEN))
    assert isinstance(found.only, Unchanged)
    assert found.sent == 1
    assert replay.requests[0].headers["If-None-Match"] == '"r1"'
    assert "Authorization" not in replay.requests[0].headers


def test_the_weeks_of_what_did_not_change_are_shifted() -> None:
    time = FakeTime(TODAY + timedelta(days=7))
    with Replay.from_routes(made((304, {}, b""))) as replay:
        found = figures(ask(replay, known("o/r", state=SEEN), time))
    assert found.values == {"commits_over_52w": (*WEEKS[1:], 0)}
    assert found.state["repository_etag"] == '"r1"'


def test_a_first_refresh_takes_four_requests_and_the_next_one_is_a_304() -> None:
    repository: ResponseParts = (200, {"ETag": '"r2"'}, document())
    with Replay.from_routes(made(repository, newest())) as replay:
        before = source("o/r")
        found = figures(ask(replay, before))
        assert len(replay.requests) == 4
    assert found.values == {
        "repo_watchers": 5,
        "repo_forks": 6,
        "repo_description": "About it",
        "date_repo_archived": None,
        "commit_count": 42,
        "last_commit_date": COMMITTED,
        "participants": "ada",
        "commits_over_52w": (*participation(1, 2)["all"],),
    }
    assert set(found.marks) == set(found.values)
    with Replay.from_routes(made((304, {}, b""))) as replay:
        second = ask(replay, again(before, found))
    assert isinstance(second.only, Unchanged) and second.sent == 1


def test_a_star_more_costs_one_request() -> None:
    repository: ResponseParts = (200, {"ETag": '"r2"'}, document(stargazers_count=9))
    with Replay.from_routes(made(repository)) as replay:
        found = ask(replay, known("o/r", state=SEEN))
    assert figures(found).values["repo_watchers"] == 9
    assert figures(found).state["repository_etag"] == '"r2"'
    assert "commit_count" not in figures(found).values
    assert found.sent == 1


@pytest.mark.parametrize(
    "changes", [{"pushed_at": "2026-11-20T10:00:00Z"}, {"default_branch": "next"}]
)
def test_a_push_elsewhere_costs_one_more_and_no_statistics(changes: dict[str, str]) -> None:
    repository: ResponseParts = (200, {"ETag": '"r2"'}, document(**changes))
    with Replay.from_routes(made(repository, (304, {}, b""))) as replay:
        before = known("o/r", state=SEEN)
        found = ask(replay, before)
        assert replay.requests[1].headers["If-None-Match"] == '"c1"'
        second = ask(replay, again(before, found.only))
    assert (found.sent, second.sent) == (2, 1)
    assert "open" not in figures(found).state


def test_a_new_head_costs_contributors_and_weeks_too() -> None:
    repository: ResponseParts = (200, {}, document(pushed_at="2026-11-20T10:00:00Z"))
    with Replay.from_routes(made(repository, newest(NEXT, None))) as replay:
        found = ask(replay, known("o/r", state=SEEN))
    assert figures(found).values["commit_count"] == 1
    assert figures(found).values["participants"] == "ada"
    assert figures(found).state["oid"] == NEXT
    assert found.sent == 4


def test_commits_that_could_not_be_asked_for_are_open_until_they_are() -> None:
    repository: ResponseParts = (200, {"ETag": '"r2"'}, document(pushed_at="2026-11-20T10:00:00Z"))
    with Replay.from_routes(made(repository, (500, {}, ""))) as replay:
        before = known("o/r", state=SEEN)
        found = figures(ask(replay, before))
    assert found.state["open"] == ["commits"]
    assert found.again_at is not None
    for is_check_due in (True, False):
        with Replay.from_routes(made((304, {}, b""), newest(NEXT))) as replay:
            left = again(before, found, is_check_due=is_check_due)
            last = figures(ask(replay, left))
            assert len(replay.requests) == 3 + is_check_due
        assert last.values["commit_count"] == 42
        assert last.values["participants"] == "ada"
        assert last.again_at is None


def test_a_repository_without_commits() -> None:
    with Replay.from_routes(made((200, {}, document()), (409, {}, {"message": "x"}))) as replay:
        found = ask(replay, source("o/r"))
    assert figures(found).values["commit_count"] == 0
    assert figures(found).values["last_commit_date"] is None
    assert figures(found).values["participants"] == ""
    assert figures(found).values["commits_over_52w"] == (0,) * 52
    assert found.sent == 2


def test_a_renamed_repository_is_found_by_the_redirect() -> None:
    moved: ResponseParts = (301, {"Location": "https://api.github.com/repositories/1"}, {})
    there: Routes = {"GET /repositories/1": [(200, {}, document(full_name="new/name"))]}
    with Replay.from_routes({**made(moved), **there}) as replay:
        found = ask(replay, known("o/r", state=SEEN))
    assert isinstance(found.only, Moved)
    assert (found.only.address, found.only.url) == ("new/name", "https://github.com/new/name")
    assert found.sent == 2


def test_a_name_that_was_taken_over_is_asked_for_from_the_start() -> None:
    repository: ResponseParts = (200, {}, document(id=99))
    with Replay.from_routes(made(repository, newest())) as replay:
        found = ask(replay, known("o/r", state=SEEN))
    assert figures(found).values["participants"] == "ada"
    assert all("If-None-Match" not in request.headers for request in replay.requests[1:])


def test_archived_keeps_its_date() -> None:
    repository: ResponseParts = (200, {}, document(archived=True))
    with Replay.from_routes(made(repository)) as replay:
        first = figures(ask(replay, known("o/r", state=SEEN)))
        before = known("o/r", state=SEEN, date_repo_archived=COMMITTED)
        second = figures(ask(replay, before))
    assert first.values["date_repo_archived"] == TODAY
    assert second.values["date_repo_archived"] == COMMITTED


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Gone("404 Not Found")),
        (410, Gone("410 Gone")),
        (451, Gone("451 Unavailable For Legal Reasons")),
        (401, Failed("401 bad credentials")),
    ],
)
def test_what_a_status_means(status: int, outcome: Gone | Failed) -> None:
    with Replay.from_routes(made((status, {}, {"message": "x"}))) as replay:
        assert ask(replay, source("o/r")).only == outcome


@pytest.mark.parametrize(
    "repository",
    [
        (304, {}, b""),
        (200, {}, []),
        (200, {}, document(stargazers_count=-1)),
        (200, {}, document(full_name="x")),
        (200, {}, document(id=None)),
        (403, {}, {"message": "no"}),
    ],
)
def test_an_answer_of_no_use_fails(repository: ResponseParts) -> None:
    with Replay.from_routes(made(repository)) as replay:
        assert isinstance(ask(replay, source("o/r")).only, Failed)


@pytest.mark.parametrize(
    "commits",
    [
        (200, {}, []),
        (200, {}, [{"sha": "x y"}]),
        (200, {}, [{"sha": OID, "commit": {"committer": None}}]),
        (200, {"Link": '<https://api.github.com/x?page=2>; rel="next"'}, newest()[2]),
        (200, {"Link": '<https://api.github.com/x?page=z>; rel="last"'}, newest()[2]),
        (404, {}, {}),
    ],
)
def test_commits_of_no_use_are_left_open(commits: ResponseParts) -> None:
    with Replay.from_routes(made((200, {}, document()), commits)) as replay:
        found = figures(ask(replay, source("o/r")))
    assert found.state["open"][0] == "commits"
    assert {"commit_count", "last_commit_date"}.isdisjoint(found.values)


def test_no_more_than_the_burst_is_asked_for_at_once_and_the_rest_is_put_back() -> None:
    routes: Routes = {f"GET /repos/o/r{number}": [(304, {}, b"")] for number in range(20)}
    sources = [known(f"o/r{number}", number + 1, state=SEEN) for number in range(20)]
    with Replay.from_routes(routes) as replay:
        found = asked(host(replay, token=None), sources)
    kinds = [type(outcome) for outcome in found.outcomes.values()]
    assert kinds == [Unchanged] * 12 + [Postponed] * 8
    assert found.sent == 12


def test_paths_are_quoted() -> None:
    with Replay.from_routes({}) as replay:
        ask(replay, source("o w?n/er#&%2e"))
    assert replay.targets == ["GET /repos/o%20w%3Fn/er%23%26%252e"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sha", "commit", "login", "all", "date"]), inner)
    ),
    max_leaves=6,
)


def mangled(members: dict[str, Any]) -> st.SearchStrategy[Any]:
    return JSON | st.fixed_dictionaries(
        {}, optional={name: st.just(value) | JSON for name, value in members.items()}
    )


ENTRY = mangled({"sha": OID, "commit": {"committer": {"date": "2026-11-03T10:00:00Z"}}})


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mangled(document()) | st.just(document()),
    st.lists(ENTRY, max_size=2) | JSON,
    st.lists(mangled({"login": "ada"}), max_size=3) | JSON,
    mangled(participation(1)),
)
def test_any_json_is_borne(repository: Any, commits: Any, people: Any, weeks: Any) -> None:
    answers = {REPOSITORY: repository, COMMITS: commits}
    routes: Routes = {name: [(200, {}, body)] for name, body in answers.items()}
    made_up = rest("o/r", [(200, {}, people)], [(200, {}, weeks)])
    with Replay.from_routes({**routes, **made_up}) as replay:
        found = ask(replay, known("o/r", state=SEEN)).only
    if isinstance(found, Figures):
        assert set(found.marks) == set(found.values)
        assert type(found.values["repo_watchers"]) is int
        assert type(found.values.get("participants", "")) is str
        assert type(found.values.get("commit_count", 0)) is int
        assert len(found.values.get("commits_over_52w", WEEKS)) == 52
        assert (found.again_at is None) == ("open" not in found.state)
