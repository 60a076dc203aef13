"""Each recorded conversation with GitHub, and what comes of it.

Where a recording asks in a way in which we never do (other aliases, other pages), its answers
are served where ours are asked for; the test says so.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.refresh.budget import SharedBudget, read_budget
from chalicelib.refresh.fetch_result import (
    Failed,
    Figures,
    Gone,
    Moved,
    Postponed,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.github import GitHub
from chalicelib.refresh.hosts.github.quotas import REST_COST
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RateLimited
from tests.contract.recordings.recorded import answers
from tests.support.upstream.asking import TODAY, USER_AGENT, Asked, FakeTime, asked, source
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables")

OID = "a" * 40
#: When the windows of the documented answers end.
RESET = datetime.fromtimestamp(1790000000, UTC)


def host(replay: Replay, token: str | None = "secret") -> GitHub:
    return GitHub(replay.url, token)


def by_rest(replay: Replay, *sources: Source, time: FakeTime | None = None) -> Asked:
    """Ask without a token, so by REST."""
    return asked(host(replay, None), sources, time.context() if time else None)


def repository(address: str, id: int = 1, **values: Any) -> Source:
    return source(address, "github", id, **values)


def left(address: str, *parts: str, head: datetime | None = None, **values: Any) -> Source:
    """A repository of which parts are still open."""
    state = {"id": 1, "oid": OID, "open": list(parts)}
    state |= {"head": head.isoformat()} if head else {}
    return repository(address, state=state, is_check_due=False, **values)


def figures(found: Asked) -> Figures:
    assert isinstance(found.only, Figures)
    return found.only


def test_a_repository_and_its_contributors(recordings: Path) -> None:
    with Replay.from_har(recordings / "github-repo-contributors.har") as replay:
        found = figures(by_rest(replay, repository("django/deps")))
        people = figures(asked(host(replay), [left("django/deps", "contributors")]))
    assert found.values["repo_watchers"] > 0
    assert found.state["id"] == 18764735
    logins = people.values["participants"].split(",")
    assert logins[:2] == ["carljm", "jacobian"]
    assert len(logins) == len(set(logins)) > 10
    assert people.again_at is None


def test_what_an_answer_says_of_the_limit_is_noted(recordings: Path) -> None:
    time = FakeTime(datetime(2024, 1, 13, 2, 46, tzinfo=UTC))
    with Replay.from_har(recordings / "github-repo-contributors.har") as replay:
        by_rest(replay, repository("django/deps"), time=time)
    budget, _ = read_budget("github")
    assert (budget.meters["core"].limit, budget.meters["core"].remaining) == (5000, 4997)


def test_a_repository_that_does_not_exist_is_gone(recordings: Path) -> None:
    with Replay.from_har(recordings / "github-not-found.har") as replay:
        found = by_rest(replay, repository("djangopackages/does-not-exist"))
    assert found.only == Gone("404 Not Found")
    assert found.sent == 1


def test_the_newest_commit_and_the_number_of_the_last_page(recordings: Path) -> None:
    # Recorded with pages of a hundred: so the last page is not the number of commits here.
    har = recordings / "github-commits-page.har"
    with Replay.from_har(har, ignored_parameters={"per_page"}) as replay:
        found = figures(by_rest(replay, repository("django/deps")))
    assert found.state["oid"] == "bd84846d4b2cf39df415706bdebf58add25999f6"
    assert found.values["last_commit_date"] == datetime(2023, 12, 19, 21, 59, 33, tzinfo=UTC)
    assert found.values["commit_count"] == 3


def test_participation_that_is_being_computed_is_had_at_the_second_time(recordings: Path) -> None:
    time = FakeTime(datetime(2013, 11, 11, 12, tzinfo=UTC))
    head = datetime(2013, 11, 10, 12, tzinfo=UTC)
    before = left("PyGithub/PyGithub", "weeks", head=head)
    with Replay.from_har(recordings / "github-stats-participation-202.har") as replay:
        first = figures(asked(host(replay), [before], time.context()))
        assert first.values == {}
        assert first.again_at == time.now() + timedelta(minutes=1)
        # The 202 came with the ETag that the 200 has: it must not be kept.
        assert "participation_etag" not in first.state
        time.move_to(first.again_at)
        second = figures(asked(host(replay), [before], time.context()))
    assert sum(second.values["commits_over_52w"]) == 479
    assert second.values["commits_over_52w"][:3] == (4, 36, 8)
    assert second.state["weeks"] == {"until": "2013-11-11", "series": "participation"}
    assert second.again_at is None


def test_a_202_is_no_answer_and_commit_activity_is_no_participation(recordings: Path) -> None:
    # A statistic that we do not ask for, served as if it were the one that we do.
    har = recordings / "github-stats-commit-activity-202.har"
    made: Routes = {
        "GET /repos/PyGithub/PyGithub/stats/participation": answers(har, "commit_activity")
    }
    before = left("PyGithub/PyGithub", "weeks")
    with Replay.from_har(har, made) as replay:
        first = figures(asked(host(replay), [before]))
        second = figures(asked(host(replay), [before]))
    for found in (first, second):
        assert found.values == {}
        assert found.state["open"] == ["weeks"]
    assert first.again_at == TODAY + timedelta(minutes=1)
    assert second.again_at == TODAY + timedelta(minutes=10)


def test_a_transferred_repository_is_followed_to_its_new_address(recordings: Path) -> None:
    with Replay.from_har(recordings / "github-moved-301.har") as replay:
        found = by_rest(replay, repository("protoncoin/protoncoin"))
    assert isinstance(found.only, Moved)
    assert found.only.address == "padima2/protoncoin"
    assert found.only.url == "https://github.com/padima2/protoncoin"
    assert found.only.state["id"] == 112116543


def test_an_etag_brings_304_until_something_changes(recordings: Path) -> None:
    commit = {"sha": OID, "commit": {"committer": {"date": "2012-01-01T00:00:00Z"}}}
    made: Routes = {
        "GET /repos/akfish/PyGithub/commits?per_page=1": [(200, {}, [commit])],
        "GET /repos/akfish/PyGithub/contributors?per_page=100": [(204, {}, b"")],
    }
    with Replay.from_har(recordings / "github-conditional-304.har", made) as replay:
        first = figures(by_rest(replay, repository("akfish/PyGithub")))
        assert first.state["repository_etag"] == '"8600bedcb7fed1d8065e1693e05529ce"'
        weeks = first.values["commits_over_52w"]
        before = repository("akfish/PyGithub", state=first.state, commits_over_52w=weeks)
        second = by_rest(replay, before)
        third = figures(by_rest(replay, before))
    assert isinstance(second.only, Unchanged) and second.sent == 1
    assert second.only.state["repository_etag"] == first.state["repository_etag"]
    assert third.state["repository_etag"] == '"ef281ef0e821c18f80da36902727160b"'


def test_three_502_fail_and_the_next_time_it_answers(recordings: Path) -> None:
    with Replay.from_har(recordings / "github-502-then-200.har") as replay:
        first = by_rest(replay, repository("PyGithub/PyGithub"))
        second = by_rest(replay, repository("PyGithub/PyGithub"))
    assert first.only == Failed("status 502") and first.sent == 3
    assert figures(second).values["repo_watchers"] > 0


def test_a_spent_limit_stops_everything_until_its_window_is_over(recordings: Path) -> None:
    # A user, for whom we never ask; of the window's end the recording has no header.
    time = FakeTime()
    with Replay.from_har(recordings / "github-primary-limit-403.har") as replay:
        github = host(replay, None)
        session = Session(github, SharedBudget(), time.context(), USER_AGENT)
        assert session.get("/users/jacquev6", cost=REST_COST).status == 200
        with pytest.raises(RateLimited) as caught:
            session.get("/users/jacquev6", cost=REST_COST)
        assert caught.value.until == TODAY + timedelta(hours=1)
        time.advance(minutes=59)
        with pytest.raises(RateLimited):
            session.get("/users/jacquev6", cost=REST_COST)
        session.close()
    assert len(replay.requests) == 2


def test_secondary_limits_are_waited_for(recordings: Path) -> None:
    time = FakeTime(datetime(2020, 2, 6, 18, 33, 37, tzinfo=UTC))
    name = "hub4j-test-org/temp-testHandler_Wait_Secondary_Limits"
    with Replay.from_har(recordings / "github-secondary-limit-403-429.har") as replay:
        for address, seconds in [(name, 60), (f"{name}_Too_Many_Requests", 8)]:
            first = by_rest(replay, repository(address), time=time).only
            assert isinstance(first, Postponed)
            assert first.until == time.now() + timedelta(seconds=seconds)
            early = by_rest(replay, repository(address), time=time)
            assert isinstance(early.only, Postponed) and early.sent == 0
            time.move_to(first.until)
            assert figures(by_rest(replay, repository(address), time=time)).state["id"]


def test_eight_repositories_in_one_query_one_of_them_in_other_letter_case(
    recordings: Path,
) -> None:
    # Recorded under other aliases and without commits, which are added.
    har = recordings / "github-graphql-batch-8.har"
    ((status, headers, text),) = answers(har, "/graphql")
    data = json.loads(re.sub(r'"repo(\d+)":', r'"r\1":', text))["data"]
    for found in data.values():
        found["defaultBranchRef"] = None
    sent = json.loads(har.read_text())["log"]["entries"][0]["request"]["postData"]["text"]
    names = re.findall(r'owner: "(.*?)", name: "(.*?)"', json.loads(sent)["query"])
    sources = [repository("/".join(name), number) for number, name in enumerate(names, 1)]
    made: Routes = {"POST /graphql": [(status, headers, {"data": data})]}
    with Replay.from_har(har, made) as replay:
        found = asked(host(replay), sources)
    assert found.sent == 1 and len(names) == 8
    assert ("tsenart", "VEGETA") in names
    for number, outcome in found.outcomes.items():
        assert type(outcome) is Figures
        assert outcome.values["repo_watchers"] == data[f"r{number - 1}"]["stargazerCount"]


def test_a_missing_repository_is_gone_by_either_way(recordings: Path) -> None:
    # Recorded without an alias, which is put in.
    har = recordings / "github-graphql-not-found.har"
    status, headers, text = answers(har, "/graphql")[0]
    made: Routes = {"POST /graphql": [(status, headers, text.replace('"repository"', '"r0"'))]}
    with Replay.from_har(har, made) as replay:
        by_query = asked(host(replay), [repository("bad/example-for-testing")])
        by_path = by_rest(replay, repository("bad/example-for-testing"))
    assert by_query.only == by_path.only == Gone("404 Not Found")
    assert by_query.sent == by_path.sent == 1


def test_contributors_of_two_pages(recordings: Path) -> None:
    with Replay.from_har(recordings / "github-contributors-two-pages.har") as replay:
        found = asked(host(replay), [left("sigmavirus24/github3.py", "contributors")])
    logins = figures(found).values["participants"].split(",")
    assert logins[0] == "sigmavirus24" and "ministrike3" in logins
    assert len(logins) > 100
    assert figures(found).state["contributors_etag"] == 'W/"8b24d4cb75325e997ed3cdff6f709feb"'
    assert found.sent == 2


def test_the_last_page_of_one_a_page_is_the_count(recordings: Path) -> None:
    # Recorded for issues: the header is served with a commit.
    har = recordings / "github-link-last-count.har"
    ((status, headers, _),) = answers(har, "issues?per_page=1")
    commit = {"sha": OID, "commit": {"committer": {"date": "2024-09-16T00:00:00Z"}}}
    made: Routes = {
        "GET /repos/PyGithub/PyGithub/commits?per_page=1": [(status, headers, [commit])]
    }
    with Replay.from_har(har, made) as replay:
        found = figures(by_rest(replay, repository("PyGithub/PyGithub")))
    assert found.values["commit_count"] == 341


def test_a_repository_with_the_headers_of_2026(recordings: Path) -> None:
    time = FakeTime(datetime(2026, 3, 9, 19, 52, 6, tzinfo=UTC))
    with Replay.from_har(recordings / "github-repo-2026.har") as replay:
        found = figures(by_rest(replay, repository("go-gitea/test_repo"), time=time))
    assert found.state["id"] == 220672974
    assert found.values["repo_description"]
    assert found.state["repository_etag"].startswith('W/"4bd381e9')
    budget, _ = read_budget("github")
    assert budget.meters["core"].remaining == 4935


def test_one_missing_one_renamed_one_empty_one_archived(recordings: Path) -> None:
    names = ["plain", "gone", "former-name", "bare", "old-one"]
    sources = [repository(f"octo-org/{name}", n) for n, name in enumerate(names, 1)]
    with Replay.from_har(recordings / "docs-github-graphql-partial.har") as replay:
        found = asked(host(replay), sources, FakeTime(RESET - timedelta(hours=1)).context())
    plain, gone, renamed, bare, archived = (found.outcomes[number] for number in range(1, 6))
    assert type(plain) is Figures and plain.values["commit_count"] == 42
    assert gone == Gone("404 Not Found")
    assert isinstance(renamed, Moved) and renamed.address == "octo-org/new-name"
    assert type(bare) is Figures and bare.values["commit_count"] == 0
    assert type(archived) is Figures
    assert archived.values["date_repo_archived"] == RESET - timedelta(hours=1)
    assert [request.method for request in replay.requests].count("POST") == 1


def test_the_limits_of_graphql_with_status_200_and_403(recordings: Path) -> None:
    time = FakeTime(RESET - timedelta(minutes=10))
    with Replay.from_har(recordings / "docs-github-graphql-rate-limited.har") as replay:
        before = repository("octo-org/plain")
        first = asked(host(replay), [before], time.context())
        early = asked(host(replay), [before], time.context())
        time.move_to(RESET + timedelta(seconds=2))
        second = asked(host(replay), [before], time.context())
    assert isinstance(first.only, Postponed)
    assert timedelta() <= first.only.until - RESET <= timedelta(seconds=2)
    assert isinstance(early.only, Postponed) and early.sent == 0
    assert isinstance(second.only, Postponed)
    assert second.only.until == time.now() + timedelta(minutes=1)


def test_a_batch_that_is_too_heavy_is_halved(recordings: Path) -> None:
    time = FakeTime(RESET - timedelta(hours=1))
    sources = [repository("octo-org/plain", 1), repository("octo-org/heavy", 2)]
    with Replay.from_har(recordings / "docs-github-graphql-timeout.har") as replay:
        found = asked(host(replay), sources, time.context())
    assert type(found.outcomes[1]) is Figures
    queries = [request.json["query"] for request in replay.requests if request.method == "POST"]
    assert [query.count("repository(owner:") for query in queries] == [2, 1, 1]
    assert not time.slept


def test_a_repository_without_commits_by_rest(recordings: Path) -> None:
    with Replay.from_har(recordings / "docs-github-empty-409.har") as replay:
        commits = figures(asked(host(replay), [left("octo-org/bare", "commits")]))
        parts = figures(asked(host(replay), [left("octo-org/bare", "contributors", "weeks")]))
    assert commits.values["commit_count"] == 0
    assert commits.values["last_commit_date"] is None
    for found in (commits, parts):
        assert found.values["participants"] == ""
        assert found.values["commits_over_52w"] == (0,) * 52
        assert found.again_at is None


def test_a_repository_that_was_taken_down_is_gone(recordings: Path) -> None:
    with Replay.from_har(recordings / "docs-github-blocked-451.har") as replay:
        found = by_rest(replay, repository("octo-org/taken-down"))
    assert found.only == Gone("451 Unavailable For Legal Reasons")


def test_a_list_of_contributors_that_is_too_large_is_no_limit(recordings: Path) -> None:
    before = left("octo-org/kernel", "contributors", participants="linus")
    with Replay.from_har(recordings / "docs-github-contributors-too-large-403.har") as replay:
        found = asked(host(replay), [before])
    assert figures(found).values == {}
    assert figures(found).again_at is None and "open" not in figures(found).state
    assert found.sent == 1


def test_a_document_that_is_cut_short_fails(recordings: Path) -> None:
    with Replay.from_har(recordings / "docs-github-truncated-json.har") as replay:
        found = by_rest(replay, repository("octo-org/plain"))
    assert isinstance(found.only, Failed)
    assert found.sent == 3
