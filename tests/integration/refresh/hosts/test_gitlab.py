"""GitLab: batches at gitlab.com, one by one elsewhere; what is new is counted, and no more."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import (
    Failed,
    Figures,
    Gone,
    Moved,
    Postponed,
    Source,
    Unchanged,
)
from tests.integration.refresh.hosts import gitlabs
from tests.integration.refresh.hosts.gitlabs import (
    Site,
    build_document,
    build_node,
    own,
    public,
    source,
)
from tests.support.outcomes import assert_storable, figures, json_values, known
from tests.support.spoiling import spoilt, subset
from tests.support.statuses import each_status
from tests.support.upstream.asking import TODAY, Asked, FakeTime, asked
from tools.fakehosts.scripted import History, ScriptedRepository
from tools.fakehosts.server import Request

pytestmark = pytest.mark.usefixtures("tables")

AGES = [500, 400, 60, 30, 8, 7, 6, 0.1]
CONTRIBUTORS = "/api/v4/projects/7/repository/contributors"


def project(path: str = "group/sub/name", id: int = 7, **values: Any) -> ScriptedRepository:
    values.setdefault("history", History(TODAY).add_line("a", AGES))
    return gitlabs.project(path, id, **values)


def settled(site: Site, first: Source) -> Source:
    """The source after it was asked for once."""
    with site.serving() as replay:
        return known(first, asked(public(replay), [first]).only)


def test_the_first_time_everything_is_read() -> None:
    tree = (
        History(TODAY)
        .add_line("a", [500, 400], "bob")
        .add_line("b", [60, 30, 8, 7, 6, 0.1], "ada, the first")
    )
    with Site([project(history=tree)]).serving() as replay:
        found = asked(public(replay), [source("group/sub/name")])
    assert json_values(found.only) == {
        "repo_watchers": 5,
        "repo_forks": 2,
        "repo_description": "Example",
        "date_repo_archived": None,
        "last_commit_date": tree.commits["b5"].at,
        "commit_count": 8,
        "commits_over_52w": tree.count_weeks(),
        "participants": "ada the first,bob",
    }
    assert found.sent == 3
    assert figures(found.only).marks["commits_over_52w"].token == "oid:b5"


def test_fifty_projects_of_which_nothing_moved_cost_one_request() -> None:
    projects = [project(f"group/name-{number}", number) for number in range(1, 51)]
    sources = [source(each.path, each.id) for each in projects]
    site = Site(projects)
    clock = FakeTime()
    with site.serving() as replay:
        first = asked(public(replay, "secret"), sources, clock.context())
        sources = [known(each, first.outcomes[each.package.id]) for each in sources]
        clock.advance(days=1)
        site.projects[3].stars = 99
        second = asked(public(replay, "secret"), sources, clock.context())
    assert first.sent == 1 + 2 * 50
    assert second.sent == 1
    assert json_values(second.outcomes[4])["repo_watchers"] == 99
    assert replay.requests[0].headers.get("Authorization") == "Bearer secret"


def test_sources_of_more_than_fifty_paths_are_asked_for_in_fifties() -> None:
    projects = [
        project(f"group/name-{number}", number, history=History(TODAY)) for number in range(1, 61)
    ]
    with Site(projects).serving() as replay:
        asked(public(replay), [source(each.path, each.id) for each in projects])
    assert [len(each.json["variables"]["paths"]) for each in replay.requests] == [50, 10]


def test_where_nothing_was_committed_the_weeks_move_on() -> None:
    site = Site([project()])
    before = settled(site, source("group/sub/name"))
    clock = FakeTime(TODAY + timedelta(days=15))
    with site.serving() as replay:
        found = asked(public(replay), [before], clock.context())
    assert found.sent == 1
    weeks = before.package.commits_over_52w
    assert json_values(found.only)["commits_over_52w"] == (*weeks[2:], 0, 0)
    assert "commit_count" not in json_values(found.only)


def test_a_merge_of_old_commits_is_counted_in_their_weeks_and_not_in_the_total() -> None:
    site = Site([project()])
    before = settled(site, source("group/sub/name"))
    tree = site.projects[0].history
    tree.add_commit("branch", 20, "a3", author="eve").add_commit("merge", 0, "branch", "a7")
    with site.serving() as replay:
        found = asked(public(replay), [before])
    assert found.sent == 3
    values = json_values(found.only)
    assert values["commits_over_52w"] == tree.count_weeks()
    assert values["commit_count"] == len(AGES) + 1
    assert values["participants"] == "ada,eve"


def test_history_that_was_rewritten_is_counted_anew() -> None:
    site = Site([project()])
    before = settled(site, source("group/sub/name"))
    site.projects[0].history = History(TODAY).add_line("b", [300, 20])
    with site.serving() as replay:
        values = json_values(asked(public(replay), [before]).only)
    assert values["commit_count"] == 2
    assert values["commits_over_52w"] == site.projects[0].history.count_weeks()


def test_a_year_of_several_pages() -> None:
    tree = History(TODAY).add_line("a", [350 - place for place in range(330)])
    with Site([project(history=tree)]).serving() as replay:
        found = asked(public(replay), [source("group/sub/name")])
    assert json_values(found.only)["commits_over_52w"] == tree.count_weeks()
    assert found.sent == 1 + 4 + 1


def test_a_year_that_is_too_long_leaves_the_weeks_out_and_asks_no_more() -> None:
    tree = History(TODAY).add_line("a", [350 - place / 10 for place in range(2_050)])
    site = Site([project(history=tree)])
    with site.serving() as replay:
        first = source("group/sub/name", commits_over_52w=(1,) * 52)
        found = asked(public(replay), [first])
        again = asked(public(replay), [known(first, found.only)])
    values = json_values(found.only)
    assert "commits_over_52w" not in values
    assert values["commit_count"] == 2_050
    assert found.sent == 1 + 20 + 1
    assert again.sent == 1
    assert "commits_over_52w" not in json_values(again.only)


def test_a_sum_at_which_gitlab_stops_counting_is_no_total() -> None:
    answer: list[Any] = [
        (200, {}, [{"name": "ada", "commits": 1_500}, {"name": "bob", "commits": 500}])
    ]
    broken: dict[str, Any] = {"GET /api/v4/projects/7/repository/contributors": answer}
    with Site([project()], broken=broken).serving() as replay:
        values = json_values(asked(public(replay), [source("group/sub/name")]).only)
    assert "commit_count" not in values
    assert values["participants"] == "ada,bob"


def test_more_contributors_than_are_read_give_no_total() -> None:
    people = [{"name": f"p{number}", "commits": 1} for number in range(100)]
    answer: list[Any] = [(200, {"X-Next-Page": "2"}, people)]
    broken: dict[str, Any] = {"GET /api/v4/projects/7/repository/contributors": answer}
    with Site([project()], broken=broken).serving() as replay:
        values = json_values(asked(public(replay), [source("group/sub/name")]).only)
        assert replay.count("GET /api/v4/projects/7/repository/contributors") == 10
    assert "commit_count" not in values


@pytest.mark.parametrize(
    "headers",
    [
        {"Link": f'<https://gitlab.com{CONTRIBUTORS}?page=2>; rel="next"'},
        {"X-Next-Page": "2"},
        # As behind a proxy of which GitLab knows nothing.
        {"X-Next-Page": "2", "Link": f'<http://10.0.0.7{CONTRIBUTORS}?page=2>; rel="next"'},
    ],
)
def test_the_next_page_is_found_by_its_number_or_its_link(headers: dict[str, str]) -> None:
    def answer(request: Request) -> Any:
        if request.query.get("page") == "2":
            return 200, {"X-Next-Page": ""}, [{"name": "bob", "commits": 2}]
        return 200, headers, [{"name": "ada", "commits": 3}]

    with Site([project()], broken={f"GET {CONTRIBUTORS}": answer}).serving() as replay:
        values = json_values(asked(public(replay), [source("group/sub/name")]).only)
    assert (values["commit_count"], values["participants"]) == (5, "ada,bob")


def test_a_project_without_a_commit_has_zeros() -> None:
    with Site([project(history=History(TODAY))]).serving() as replay:
        found = asked(public(replay), [source("group/sub/name")])
    values = json_values(found.only)
    assert found.sent == 1
    assert (values["commit_count"], values["participants"]) == (0, "")
    assert values["commits_over_52w"] == (0,) * 52
    assert values["last_commit_date"] is None


def test_a_project_whose_code_is_hidden_keeps_what_was_counted() -> None:
    with Site([project(is_code_hidden=True)]).serving() as replay:
        found = asked(public(replay), [source("group/sub/name")])
    assert found.sent == 1
    assert sorted(json_values(found.only)) == [
        "date_repo_archived",
        "repo_description",
        "repo_forks",
        "repo_watchers",
    ]


def test_an_archived_project_keeps_the_day_on_which_that_was_seen() -> None:
    site = Site([project(archived=1)])
    before = settled(site, source("group/sub/name"))
    assert before.package.date_repo_archived == TODAY
    with site.serving() as replay:
        clock = FakeTime(TODAY + timedelta(days=3))
        again = asked(public(replay), [before], clock.context()).only
        site.projects[0].archived = None
        back = asked(public(replay), [before], clock.context()).only
    assert json_values(again)["date_repo_archived"] == TODAY
    assert json_values(back)["date_repo_archived"] is None


def test_what_the_query_lacks_is_gone_or_renamed() -> None:
    there = project("new/place", 9)
    site = Site([project(), there], renamed={"old/place": there})
    sources = [source("group/sub/name", 1), source("old/place", 2), source("not/there", 3)]
    with site.serving() as replay:
        found = asked(public(replay), sources)
    assert found.outcomes[3] == Gone("404 Not Found")
    moved = found.outcomes[2]
    assert isinstance(moved, Moved)
    assert (moved.address, moved.url) == ("new/place", "https://gitlab.com/new/place")
    assert moved.values["repo_watchers"] == 5
    assert moved.values["commit_count"] == len(AGES)
    assert isinstance(found.outcomes[1], Figures)
    assert not isinstance(found.outcomes[1], Moved)


def test_another_letter_case_is_no_move() -> None:
    with Site([project("Group/Sub/Name")]).serving() as replay:
        outcome = asked(public(replay), [source("group/sub/name")]).only
    assert isinstance(outcome, Figures)
    assert not isinstance(outcome, Moved)


def test_a_query_that_is_too_complex_is_halved() -> None:
    projects = [
        project(f"group/name-{number}", number, history=History(TODAY)) for number in range(1, 41)
    ]
    with Site(projects, too_many=12).serving() as replay:
        found = asked(public(replay), [source(each.path, each.id) for each in projects])
    sizes = [len(each.json["variables"]["paths"]) for each in replay.requests]
    assert sizes == [40, 20, 10, 10, 20, 10, 10]
    assert all(isinstance(outcome, Figures) for outcome in found.outcomes.values())


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}, {"message": "404 Not Found"}),
        (500, {}, b""),
        (200, {}, {"errors": [{"message": "Field 'projects' doesn't accept 'fullPaths'"}]}),
        (200, {}, {"data": {"projects": {"nodes": None}}}),
        (200, {}, b'{"data": {"projects": {"nod'),
    ],
)
def test_where_the_query_fails_projects_are_asked_for_by_path(answer: Any) -> None:
    projects = [project(f"group/name-{number}", number) for number in range(1, 5)]
    site = Site(projects, broken={"POST /api/graphql": [answer]})
    with site.serving() as replay:
        found = asked(public(replay), [source(each.path, each.id) for each in projects])
    assert all(json_values(each)["commit_count"] == 8 for each in found.outcomes.values())
    # A query is not halved for ever: 4, 2, 1, 1 and 2, three times each if it is a fault.
    assert replay.count("POST /api/graphql") in {5, 5 * 3}


def test_bad_credentials_are_said() -> None:
    answer: list[Any] = [(401, {}, {"message": "401 Unauthorized"})]
    broken: dict[str, Any] = {"POST /api/graphql": answer, "GET /api/v4/projects/a/b": answer}
    with Site([], broken=broken).serving() as replay:
        outcome = asked(public(replay, "wrong"), [source("a/b")]).only
    assert outcome == Postponed(TODAY + timedelta(minutes=15), "401 bad credentials")


def test_a_limit_postpones_what_is_left() -> None:
    projects = [project(f"group/name-{number}", number) for number in range(1, 4)]
    limit: list[Any] = [(429, {"Retry-After": "30"}, b"Retry later")]
    site = Site(projects, broken={"GET /api/v4/projects/2/repository/commits": limit})
    with site.serving() as replay:
        found = asked(public(replay), [source(each.path, each.id) for each in projects])
    assert isinstance(found.outcomes[1], Figures)
    until = TODAY + timedelta(seconds=30)
    for number in (2, 3):
        outcome = found.outcomes[number]
        assert isinstance(outcome, Postponed)
        assert outcome.until == until
    assert found.sent == 4


def test_a_limit_of_one_endpoint_names_no_time_and_means_a_minute() -> None:
    limit: list[Any] = [
        (429, {}, {"message": {"error": "This endpoint has been requested too many times."}})
    ]
    projects = [project(f"group/name-{number}", number) for number in range(1, 61)]
    sources = [source(each.path, each.id) for each in projects]
    with Site(projects, broken={"POST /api/graphql": limit}).serving() as replay:
        found = asked(public(replay), sources)
    assert found.sent == 1
    until = TODAY + timedelta(seconds=60)
    assert {each.until for each in found.outcomes.values() if isinstance(each, Postponed)} == {
        until
    }
    assert all(isinstance(each, Postponed) for each in found.outcomes.values())


def test_the_limit_that_the_host_names_is_kept() -> None:
    headers = {
        "RateLimit-Limit": "60",
        "RateLimit-Remaining": "1",
        "RateLimit-Reset": str(int(TODAY.timestamp()) + 45),
    }
    answer: list[Any] = [(404, headers, {"message": "404 Project Not Found"})]
    broken: dict[str, Any] = {"GET /api/v4/projects/a/b": answer}
    budget, clock = SharedBudget(), FakeTime()
    with Site([], broken=broken).serving() as replay:
        host = public(replay)
        first = asked(host, [source("a/b")], clock.context(), budget)
        second = asked(host, [source("a/b")], clock.context(), budget)
    assert isinstance(first.only, Gone)
    assert isinstance(second.only, Postponed)
    assert second.only.until == TODAY + timedelta(seconds=46)
    assert second.sent == 0


def test_a_host_that_is_down_is_left_alone() -> None:
    projects = [project(f"group/name-{number}", number) for number in range(1, 61)]
    with Site(projects).serving() as replay:
        host = public(replay)
    found = asked(host, [source(each.path, each.id) for each in projects])
    outcomes = list(found.outcomes.values())
    assert sum(isinstance(outcome, Failed) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, Postponed) for outcome in outcomes) == 57
    assert found.sent == 3 * (3 + 3)


def test_time_that_is_up_puts_everything_back() -> None:
    with Site([project()]).serving() as replay:
        outcome = asked(public(replay), [source("group/sub/name")], FakeTime().context(5)).only
    assert isinstance(outcome, Postponed)
    assert outcome.until == TODAY


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("starCount", "5"),
        ("starCount", None),
        ("forksCount", -1),
        ("description", 7),
        ("archived", "no"),
        ("id", "gid://gitlab/Group/1"),
        ("id", None),
    ],
)
def test_a_member_of_a_wrong_type_fails_its_package_alone(member: str, value: Any) -> None:
    nodes = [
        build_node(project("group/one", 1)) | {member: value},
        build_node(project("group/two", 2)),
    ]
    broken: dict[str, Any] = {
        "POST /api/graphql": [(200, {}, {"data": {"projects": {"nodes": nodes}}})]
    }
    with Site([project("group/two", 2)], broken=broken).serving() as replay:
        found = asked(public(replay), [source("group/one", 1), source("group/two", 2)])
    assert isinstance(found.outcomes[1], Failed)
    assert isinstance(found.outcomes[2], Figures)


# Self-hosted.


def one(site: Site, before: Source, at: datetime = TODAY) -> Asked:
    with site.serving() as replay:
        return asked(own(replay), [before], FakeTime(at).context())


def test_elsewhere_an_unchanged_project_costs_one_conditional_request() -> None:
    site = Site([project()])
    first = one(site, source("group/sub/name"))
    assert first.sent == 3
    assert json_values(first.only)["commits_over_52w"] == site.projects[0].history.count_weeks()
    before = known(source("group/sub/name"), first.only)
    same = one(site, before, TODAY + timedelta(hours=1))
    assert same.sent == 1
    assert isinstance(same.only, Unchanged)
    later = one(site, before, TODAY + timedelta(days=8))
    assert later.sent == 1
    assert json_values(later.only) == {
        "commits_over_52w": (*before.package.commits_over_52w[1:], 0)
    }


def test_elsewhere_a_star_costs_one_request() -> None:
    site = Site([project()])
    before = known(source("group/sub/name"), one(site, source("group/sub/name")).only)
    site.projects[0].stars, site.projects[0].version = 6, 2
    found = one(site, before)
    assert found.sent == 1
    assert json_values(found.only)["repo_watchers"] == 6


def test_elsewhere_activity_without_a_commit_costs_two() -> None:
    site = Site([project()])
    before = known(source("group/sub/name"), one(site, source("group/sub/name")).only)
    moved = datetime.fromisoformat("2026-11-01T00:00:00Z")
    site.projects[0].pushed, site.projects[0].version = int(moved.timestamp()), 2
    found = one(site, before)
    assert found.sent == 2
    assert "commit_count" not in json_values(found.only)


def test_elsewhere_a_push_costs_three() -> None:
    site = Site([project()])
    before = known(source("group/sub/name"), one(site, source("group/sub/name")).only)
    site.projects[0].history.add_commit("new", 0.05)
    moved = datetime.fromisoformat("2026-11-23T00:00:00Z")
    site.projects[0].pushed, site.projects[0].version = int(moved.timestamp()), 2
    found = one(site, before)
    assert found.sent == 3
    assert json_values(found.only)["commit_count"] == len(AGES) + 1


def test_a_push_soon_after_another_is_seen_although_the_activity_did_not_move() -> None:
    site = Site([project(activity=TODAY - timedelta(minutes=10))])
    before = known(source("group/sub/name"), one(site, source("group/sub/name")).only)
    site.projects[0].history.add_commit("new", -0.01)
    tomorrow = TODAY + timedelta(days=1)
    found = one(site, before, tomorrow)
    assert json_values(found.only)["last_commit_date"] == TODAY + timedelta(days=0.01)
    after = one(site, known(before, found.only), tomorrow + timedelta(days=1))
    assert after.sent == 1
    assert isinstance(after.only, Unchanged)


def test_elsewhere_without_code_to_be_seen_one_request_is_enough_too() -> None:
    site = Site([project(is_code_hidden=True)])
    before = known(source("group/sub/name"), one(site, source("group/sub/name")).only)
    assert "commit_count" not in before.state
    assert one(site, before).sent == 1


def test_weeks_that_something_else_overwrote_are_counted_anew() -> None:
    site = Site([project()])
    before = known(source("group/sub/name"), one(site, source("group/sub/name")).only)
    spoilt = replace(before, package=replace(before.package, commits_over_52w=()))
    values = json_values(one(site, spoilt).only)
    assert values["commits_over_52w"] == site.projects[0].history.count_weeks()


@each_status
def test_what_a_status_means(status: int, outcome: Gone | Failed) -> None:
    broken: dict[str, Any] = {"GET /api/v4/projects/a/b": [(status, {}, {})]}
    assert one(Site([], broken=broken), source("a/b")).only == outcome


VALID = project("a/b")
VALID_DOCUMENT = subset(
    build_document(VALID),
    "id path_with_namespace star_count forks_count description archived last_activity_at",
)
COMMIT = {"id": "a7", "committed_date": "2026-11-01T00:00:00Z", "author_name": "ada"}
PERSON = {"name": "ada", "commits": 3}

#: Moves on with each example, or the budget would be spent by all of them together.
CLOCK = FakeTime()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spoilt({"data": {"projects": {"nodes": [build_node(VALID)]}}}),
    spoilt(VALID_DOCUMENT),
    spoilt([COMMIT]),
    spoilt([PERSON]),
)
def test_any_json_comes_to_an_outcome(
    answer: Any, document: Any, commits: Any, contributors: Any
) -> None:
    CLOCK.advance(minutes=5)
    broken: dict[str, Any] = {
        "POST /api/graphql": [(200, {}, answer)],
        "GET /api/v4/projects/a/b": [(200, {}, document)],
        "GET /api/v4/projects/7/repository/commits": [(200, {}, commits)],
        "GET /api/v4/projects/7/repository/contributors": [(200, {}, contributors)],
    }
    with Site([], broken=broken).serving() as replay:
        for host in (public(replay), own(replay)):
            outcome = asked(host, [source("a/b")], CLOCK.context()).only
            assert isinstance(outcome, Figures | Failed)
            if isinstance(outcome, Figures):
                assert_storable(outcome)
