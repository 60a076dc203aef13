"""Each recorded conversation with GitLab, and what comes of it.

The recordings ask with other pages and members than we do (``license``, twenty a page), which is
not compared. What a recording lacks of a refresh is made up, or taken from the other recording
of the same project; the test says so.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.refresh.budget import SharedBudget, read_budget
from chalicelib.refresh.fetch_result import Figures, Gone, Postponed, Source, Unchanged
from chalicelib.refresh.hosts.commit_history import compute_begin
from chalicelib.refresh.hosts.gitlab import GitLab, SelfHostedGitLab
from chalicelib.refresh.hosts.gitlab_commits import read_commits, read_contributors
from chalicelib.refresh.hosts.registry import locate
from chalicelib.refresh.http.client import Session
from chalicelib.settings import Upstreams
from tests.contract.recordings.recorded import answers, body
from tests.support.upstream.asking import USER_AGENT, Asked, FakeTime, asked, source
from tools.fakehosts.replay import Replay, ResponseParts, Routes

pytestmark = pytest.mark.usefixtures("tables")

NAME = "lansharkconsulting/django/django-encrypted-model-fields"
CODE = "/api/v4/projects/6812925/repository"
#: What is not compared: how many a page, and what is asked for beside.
IGNORED = ("license", "statistics", "per_page", "order_by", "sort", "id", "order", "trailers")
#: When both of that project were recorded.
RECORDED = datetime(2024, 1, 13, 2, 47, 40, tzinfo=UTC)
#: When the window of the documented answers ends.
RESET = datetime.fromtimestamp(1790000000, UTC)


def host(replay: Replay, name: str = "gitlab", token: str | None = None) -> GitLab:
    if name == "gitlab":
        return GitLab(replay.url, token)
    own = SelfHostedGitLab(replay.url, token, name)
    # The recordings are of gitlab.com, to which their links lead.
    own.public_url = "https://gitlab.com"
    return own


def project(address: str, **values: Any) -> Source:
    return source(address, "gitlab", repo_url=f"https://gitlab.com/{address}", **values)


def by_path(replay: Replay, before: Source, at: datetime = RECORDED) -> Asked:
    """Ask for a project by its path alone, as self-hosted ones are asked for."""
    return asked(host(replay, "gitlab.example.org"), [before], FakeTime(at).context())


def figures(found: Asked) -> Figures:
    assert isinstance(found.only, Figures), found.only
    return found.only


def commits(recordings: Path) -> list[ResponseParts]:
    """The first page of the commits of the project that was recorded twice."""
    return answers(recordings / "gitlab-commits-5-pages.har", "/repository/commits")


def test_a_project_in_a_nested_group_and_its_contributors(recordings: Path) -> None:
    # The commits are those of the other recording of the project.
    made: Routes = {f"GET {CODE}/commits": commits(recordings)}
    place = locate(f"https://gitlab.com/{NAME}/-/tree/develop", Upstreams())
    assert place == ("gitlab", NAME)
    with Replay.from_har(recordings / "gitlab-nested-group.har", made, IGNORED) as replay:
        found = by_path(replay, project(place[1]))
        assert replay.targets[0] == f"GET /api/v4/projects/{NAME.replace('/', '%2F')}"
        assert found.sent == 3 and not replay.unknown
    values = dict(figures(found).values)
    people = values.pop("participants").split(",")
    assert values == {
        "repo_watchers": 33,
        "repo_forks": 25,
        "repo_description": "A set of fields that wrap standard Django fields with encryption "
        "provided by the python cryptography library.",
        "date_repo_archived": None,
        "last_commit_date": datetime(2022, 7, 12, 13, 28, 12, tzinfo=UTC),
        # The sum over the contributors: merges are not in it, of which the list of commits has 16.
        "commit_count": 76,
        "commits_over_52w": (0,) * 52,
    }
    # Fifteen addresses of fourteen names; those of one name are one.
    assert people[:3] == ["Scott Sharkey", "Dana Spiegel", "ghalebkhaled"]
    assert len(people) == 14
    state = figures(found).state
    assert (state["id"], state["etag"]) == (6812925, 'W/"c3e472f3a8e54f5bab17379e2696b477"')
    assert state["is_unsettled"] is False


def test_a_project_is_asked_for_with_the_etag_that_it_had(recordings: Path) -> None:
    path = f"/api/v4/projects/{NAME}"
    made: Routes = {f"GET {CODE}/commits": commits(recordings)}
    with Replay.from_har(recordings / "gitlab-nested-group.har", made, IGNORED) as replay:
        first = figures(by_path(replay, project(NAME)))
    weeks = first.values["commits_over_52w"]
    before = project(NAME, state=first.state, commits_over_52w=weeks)
    # The recording has no 304.
    same: Routes = {f"GET {path}": [(304, {"ETag": first.state["etag"]}, b"")]}
    with Replay.from_har(recordings / "gitlab-nested-group.har", same, IGNORED) as replay:
        second = by_path(replay, before)
        assert replay.requests[0].headers["If-None-Match"] == first.state["etag"]
    assert second.only == Unchanged(state=first.state)
    assert second.sent == 1


def test_five_pages_of_commits_without_a_total(recordings: Path) -> None:
    with Replay.from_har(recordings / "gitlab-commits-5-pages.har", {}, IGNORED) as replay:
        session = Session(host(replay), SharedBudget(), FakeTime().context(), USER_AGENT)
        listing = read_commits(session, 6812925, datetime(2015, 1, 1, tzinfo=UTC), is_bounded=False)
        session.close()
        assert session.requests_sent == 5 and not replay.unknown
    assert listing is not None and listing.is_complete
    assert len(listing.commits) == 20 + 20 + 20 + 20 + 12
    instants = [commit.at for commit in listing.commits]
    assert instants[0] == datetime(2022, 7, 12, 13, 28, 12, tzinfo=UTC)
    assert instants[-1] == datetime(2015, 4, 29, 22, 49, 48, tzinfo=UTC)


def test_the_pages_are_read_as_far_as_the_52_weeks_reach(recordings: Path) -> None:
    # As of an earlier day, on which these were the newest; contributors are those of the other.
    at = datetime(2022, 7, 13, 12, tzinfo=UTC)
    people = answers(recordings / "gitlab-nested-group.har", "/repository/contributors")
    made: Routes = {f"GET {CODE}/contributors": people}
    with Replay.from_har(recordings / "gitlab-commits-5-pages.har", made, IGNORED) as replay:
        found = by_path(replay, project(NAME), at)
        # The second page begins in August 2021, and has some from before 14 July.
        pages = [target for target in replay.targets if "/commits" in target]
        assert len(pages) == 2 and not replay.unknown
    listed = [
        datetime.fromisoformat(commit["committed_date"])
        for part in ("/repository/commits", "&page=2&per_page=20&trailers=false")
        for commit in body(recordings / "gitlab-commits-5-pages.har", part)
    ]
    weeks = figures(found).values["commits_over_52w"]
    assert sum(weeks) == sum(instant >= compute_begin(at.date()) for instant in listed) > 0
    assert weeks[-1] == 1
    assert figures(found).marks["commits_over_52w"].source != (
        figures(found).marks["commit_count"].source
    )
    assert figures(found).state["weeks"]["series"] == "commits"


def test_contributors_leave_out_the_merges_that_commits_have(recordings: Path) -> None:
    with Replay.from_har(recordings / "gitlab-nested-group.har", {}, IGNORED) as replay:
        session = Session(host(replay), SharedBudget(), FakeTime().context(), USER_AGENT)
        people = read_contributors(session, 6812925)
        session.close()
    listed = [
        commit
        for page in ["/commits", *(f"&page={n}&per_page=20&trailers=false" for n in range(2, 6))]
        for commit in body(recordings / "gitlab-commits-5-pages.har", page)
    ]
    assert people is not None
    assert people.total == sum(len(commit["parent_ids"]) < 2 for commit in listed) == 76


def test_a_project_that_does_not_exist_is_gone(recordings: Path) -> None:
    time = FakeTime(datetime(2024, 1, 13, 2, 47, 42, tzinfo=UTC))
    with Replay.from_har(recordings / "gitlab-not-found.har", {}, IGNORED) as replay:
        before = project("jeff.triplett/does-not-exist")
        found = asked(host(replay, token="secret"), [before], time.context())
        # The query, which names no reason where a project is left out; then its path.
        assert [request.method for request in replay.requests] == ["POST", "GET"]
    assert found.only == Gone("404 Not Found")
    budget, _ = read_budget("gitlab")
    assert (budget.meters["all"].limit, budget.meters["all"].remaining) == (2000, 1999)


def test_the_limit_of_the_whole_api_is_waited_for(recordings: Path) -> None:
    time = FakeTime(RESET - timedelta(seconds=10))
    # The recording lacks what comes afterwards.
    path = "GET /api/v4/projects/group/sub/project"
    limited = answers(recordings / "docs-gitlab-429.har", "project")
    made: Routes = {path: [*limited, (404, {}, {"message": "404 Project Not Found"})]}
    with Replay.from_har(recordings / "docs-gitlab-429.har", made) as replay:
        ours, before = host(replay, "gitlab.example.org"), project("group/sub/project")
        first = asked(ours, [before], time.context())
        early = asked(ours, [before], time.context())
        time.advance(seconds=30)
        second = asked(ours, [before], time.context())
    assert isinstance(first.only, Postponed)
    assert first.only.until == RESET + timedelta(seconds=20)
    assert isinstance(early.only, Postponed) and early.sent == 0
    assert early.only.until == first.only.until
    assert second.only == Gone("404 Not Found")


def test_the_total_that_members_are_told_is_of_another_series(recordings: Path) -> None:
    # Commits and contributors are made up.
    head = [{"id": "a" * 40, "committed_date": "2026-08-30T10:00:00Z", "author_name": "Ada"}]
    code = "GET /api/v4/projects/77/repository"
    made: Routes = {
        f"{code}/commits": [(200, {}, head)],
        f"{code}/contributors": [(200, {}, [{"name": "Ada", "commits": 1100}])],
    }
    at = RESET - timedelta(seconds=30)
    with Replay.from_har(recordings / "docs-gitlab-statistics.har", made, IGNORED) as replay:
        found = figures(by_path(replay, project("group/sub/project"), at))
        assert not any("statistics" in target for target in replay.targets)
    assert found.values["commit_count"] == 1100
    assert (found.values["repo_watchers"], found.values["repo_forks"]) == (5, 2)
    assert found.state["etag"] == 'W/"stat-1"'
    budget, _ = read_budget("gitlab.example.org")
    assert (budget.meters["all"].limit, budget.meters["all"].remaining) == (2000, 1999)
