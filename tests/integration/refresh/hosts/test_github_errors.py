"""What goes wrong with a query of GitHub's GraphQL, and what becomes of each repository of it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import Failed, FetchResult, Figures, Gone, Postponed
from tests.integration.refresh.hosts.githubs import (
    GraphQL,
    all_known,
    all_nodes,
    build_node,
    error,
    host,
    known,
    node,
    routes,
)
from tests.support.upstream.asking import TODAY, FakeTime, asked
from tools.fakehosts.replay import Replay, ResponseParts

pytestmark = pytest.mark.usefixtures("tables")

NAMES = [f"owner/package-{number}" for number in range(1, 9)]
RESET = TODAY + timedelta(minutes=40)
SPENT = {
    "X-RateLimit-Limit": "5000",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": str(int(RESET.timestamp())),
    "X-RateLimit-Resource": "graphql",
}
WORDS = "Something went wrong while executing your query."


def kinds(outcomes: dict[int, FetchResult]) -> list[str]:
    return [type(outcomes[number]).__name__ for number in sorted(outcomes)]


def more_than(size: int, made: ResponseParts) -> Callable[[Sequence[str]], ResponseParts | None]:
    return lambda addresses: made if len(addresses) > size else None


@pytest.mark.parametrize(
    "made",
    [
        (502, {}, {"data": None, "errors": [error(None, WORDS)]}),
        (504, {}, "<html>"),
        (200, {}, {"data": None, "errors": [error("RESOURCE_LIMITS_EXCEEDED")]}),
        (200, {}, {"data": None, "errors": [error(None, WORDS)]}),
        (200, {}, {"data": {}, "errors": [error("RESOURCE_LIMITS_EXCEEDED", path=["rateLimit"])]}),
    ],
)
def test_a_query_that_is_too_heavy_is_halved_at_once(made: ResponseParts) -> None:
    graphql = GraphQL(all_nodes(NAMES), refused=more_than(2, made))
    time = FakeTime()
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(NAMES), time.context())
    assert kinds(found.outcomes) == ["Figures"] * 8
    assert [len(query) for query in graphql.queries] == [8, 4, 2, 2, 4, 2, 2]
    assert not time.slept


def test_a_redirect_loop_of_a_query_is_not_the_end_of_all_its_repositories() -> None:
    graphql = GraphQL(all_nodes(NAMES), refused=more_than(4, (302, {"Location": "/graphql"}, "")))
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(NAMES))
    assert kinds(found.outcomes) == ["Figures"] * 8


def test_only_what_was_too_heavy_is_asked_for_again() -> None:
    heavy = dict.fromkeys(NAMES[2:4], error("RESOURCE_LIMITS_EXCEEDED"))
    graphql = GraphQL(all_nodes(NAMES), heavy)
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(NAMES))
    assert graphql.queries == [NAMES, [NAMES[2]], [NAMES[3]]]
    assert kinds(found.outcomes) == ["Figures"] * 2 + ["Failed"] * 2 + ["Figures"] * 4
    assert found.outcomes[3] == Failed("RESOURCE_LIMITS_EXCEEDED: No.")


def test_a_single_repository_that_is_too_heavy_fails_alone() -> None:
    def refused(addresses: Sequence[str]) -> ResponseParts | None:
        return (502, {}, "") if NAMES[5] in addresses else None

    graphql = GraphQL(all_nodes(NAMES), refused=refused)
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(NAMES))
    assert kinds(found.outcomes) == ["Figures"] * 5 + ["Failed"] + ["Figures"] * 2
    assert found.outcomes[6] == Failed("status 502")


def test_when_three_in_a_row_do_not_answer_the_rest_is_left_alone() -> None:
    graphql = GraphQL({}, refused=more_than(0, (503, {}, "")))
    names = [f"o/r{number}" for number in range(40)]
    time = FakeTime()
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(names), time.context())
    assert kinds(found.outcomes) == ["Failed"] * 3 + ["Postponed"] * 37
    # 40, 20, 10, 5, 3, 2 and three single ones, thrice each.
    assert found.sent == 6 + 9
    last = found.outcomes[40]
    assert last == Postponed(time.now() + timedelta(minutes=5), "github does not answer")


@pytest.mark.parametrize("kind", ["RATE_LIMITED", "RATE_LIMIT"])
def test_a_spent_limit_with_status_200_postpones_everything_until_its_end(kind: str) -> None:
    body = {"errors": [error(kind, code="graphql_rate_limit")]}
    graphql = GraphQL({}, refused=more_than(0, (200, SPENT, body)))
    budget, time = SharedBudget(), FakeTime()
    names = [f"o/r{number}" for number in range(60)]
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(names), time.context(), budget)
        later = asked(host(replay), all_known(names), time.context(), SharedBudget())
    assert found.sent == 1 and later.sent == 0
    for outcome in [*found.outcomes.values(), *later.outcomes.values()]:
        assert isinstance(outcome, Postponed)
        assert timedelta() <= outcome.until - RESET <= timedelta(seconds=2)


def test_the_window_ends_as_the_body_says_where_no_header_does() -> None:
    data = {"rateLimit": {"resetAt": RESET.isoformat()}}
    body = {"data": data, "errors": [error("RATE_LIMITED")]}
    with Replay.from_routes({"POST /graphql": [(200, {}, body)]}) as replay:
        found = asked(host(replay), [known("o/r")]).only
    assert isinstance(found, Postponed) and found.until == RESET


def test_a_limit_of_which_no_end_is_named_lasts_an_hour() -> None:
    body = {"errors": [error("RATE_LIMITED")]}
    with Replay.from_routes({"POST /graphql": [(200, {}, body)]}) as replay:
        found = asked(host(replay), [known("o/r")]).only
    assert isinstance(found, Postponed) and found.until == TODAY + timedelta(hours=1)


def test_what_was_answered_before_the_limit_is_kept() -> None:
    graphql = GraphQL(all_nodes(NAMES), dict.fromkeys(NAMES[1:], error("RATE_LIMITED")))
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(NAMES))
    assert kinds(found.outcomes) == ["Figures"] + ["Postponed"] * 7
    assert found.sent == 1


def test_an_answer_that_spent_the_last_point_is_a_good_answer() -> None:
    graphql = GraphQL(all_nodes(NAMES), headers=SPENT)
    budget = SharedBudget()
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(NAMES), budget=budget)
        second = asked(host(replay), all_known(NAMES), budget=budget)
    assert kinds(found.outcomes) == ["Figures"] * 8
    assert kinds(second.outcomes) == ["Postponed"] * 8
    assert second.sent == 0


@pytest.mark.parametrize("status", [200, 403])
def test_a_secondary_limit_stops_rest_too(status: int) -> None:
    said = {"message": "You have exceeded a secondary rate limit."}
    graphql = GraphQL({}, refused=more_than(0, (status, {"Retry-After": "60"}, said)))
    left = known("o/r", is_check_due=False, state={"open": ["contributors"]})
    with Replay.from_routes(routes(graphql)) as replay:
        first = asked(host(replay), all_known(NAMES))
        second = asked(host(replay), [left])
    assert kinds(first.outcomes) == ["Postponed"] * 8
    assert isinstance(second.only, Postponed)
    assert second.only.until == TODAY + timedelta(minutes=1)
    assert (first.sent, second.sent) == (1, 0)


def test_bad_credentials_are_the_fault_of_no_repository_and_cost_one_request() -> None:
    with Replay.from_routes({"POST /graphql": [(401, {}, {"message": "Bad"})]}) as replay:
        found = asked(host(replay), all_known(NAMES))
    until = TODAY + timedelta(minutes=15)
    assert set(found.outcomes.values()) == {Postponed(until, "401 bad credentials")}
    assert found.sent == 1


def test_what_is_not_allowed_is_no_limit() -> None:
    said = {"message": "Resource not accessible by personal access token"}
    with Replay.from_routes({"POST /graphql": [(403, {}, said)]}) as replay:
        found = asked(host(replay), all_known(NAMES))
    assert set(found.outcomes.values()) == {Failed("403 from GraphQL")}


def test_errors_below_an_alias_fail_that_repository_only() -> None:
    path = ["r1", "defaultBranchRef", "target", "history"]
    broken = node("o/b", 2, defaultBranchRef=None)
    nodes = {"o/a": node("o/a", 1), "o/b": broken, "o/c": node("o/c", 3)}
    graphql = GraphQL(nodes, {"o/b": error("NOT_FOUND", path=path)})
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(["o/a", "o/b", "o/c"]))
    assert kinds(found.outcomes) == ["Figures", "Failed", "Figures"]


@pytest.mark.parametrize(
    "changes",
    [
        {"stargazerCount": -1},
        {"stargazerCount": True},
        {"forkCount": 2**60},
        {"forkCount": None},
        {"description": 5},
        {"isArchived": "yes"},
        {"archivedAt": "soon"},
        {"nameWithOwner": None},
        {"nameWithOwner": "o/../x"},
        {"nameWithOwner": "https://example.org/o/r"},
        {"databaseId": "7"},
        {"defaultBranchRef": {}},
        {"defaultBranchRef": {"target": {"oid": "x y"}}},
        {"defaultBranchRef": []},
    ],
)
def test_a_member_of_a_wrong_type_fails_that_repository_only(changes: dict[str, Any]) -> None:
    nodes = {"o/a": node("o/a", 1, **changes), "o/b": node("o/b", 2)}
    with Replay.from_routes(routes(GraphQL(nodes))) as replay:
        found = asked(host(replay), all_known(["o/a", "o/b"]))
    assert kinds(found.outcomes) == ["Failed", "Figures"]


def test_out_of_time_puts_everything_back() -> None:
    with Replay.from_routes(routes(GraphQL({}))) as replay:
        found = asked(host(replay), all_known(NAMES), FakeTime().context(seconds=5))
    assert kinds(found.outcomes) == ["Postponed"] * 8
    assert found.sent == 0


KINDS = st.sampled_from(["plain", "gone", "renamed", "bare", "archived", "shut", "heavy", "slow"])
EXPECTED = {
    "plain": "Figures",
    "gone": "Gone",
    "renamed": "Moved",
    "bare": "Figures",
    "archived": "Figures",
    "shut": "Failed",
    "heavy": "Failed",
    "slow": "Figures",
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KINDS, min_size=1, max_size=40), st.integers(1, 40))
def test_any_mix_is_told_apart_and_none_is_lost(given_kinds: list[str], most: int) -> None:
    names = [f"o/{kind}-{number}" for number, kind in enumerate(given_kinds, 1)]
    nodes = {}
    for number, (name, kind) in enumerate(zip(names, given_kinds, strict=True), 1):
        all_changes: dict[str, dict[str, Any]] = {
            "renamed": {"nameWithOwner": f"n/{number}"},
            "bare": {"defaultBranchRef": None},
            "archived": {"isArchived": True},
        }
        if kind not in {"gone", "shut", "heavy"}:
            nodes[name] = node(name, number, **all_changes.get(kind, {}))
    errors = {name: error("FORBIDDEN") for name in names if "shut" in name}
    errors |= {name: error("RESOURCE_LIMITS_EXCEEDED") for name in names if "heavy" in name}

    def refused(addresses: Sequence[str]) -> ResponseParts | None:
        is_slow = any("slow" in address for address in addresses)
        return (502, {}, "") if is_slow and len(addresses) > most else None

    graphql = GraphQL(nodes, errors, refused)
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(names))
    assert kinds(found.outcomes) == [EXPECTED[kind] for kind in given_kinds]
    assert set().union(*graphql.queries) == set(names)
    for number, outcome in found.outcomes.items():
        if isinstance(outcome, Figures):
            assert outcome.values["repo_watchers"] == 10 * number
        assert isinstance(outcome, Gone) == (given_kinds[number - 1] == "gone")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
PATH = st.lists(st.sampled_from(["r0", "r1", "r2", "data", 0]) | JSON, max_size=3)
TYPES = st.sampled_from(["NOT_FOUND", "FORBIDDEN", "RESOURCE_LIMITS_EXCEEDED"]) | JSON
ERROR = st.fixed_dictionaries({}, optional={"type": TYPES, "path": PATH | JSON, "message": JSON})


def mangled(members: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A repository of which any member may be anything."""
    return st.fixed_dictionaries(
        {},
        optional={name: st.just(value) | JSON for name, value in members.items()},
    )


NODE = build_node(node("o/a"))
NODES = mangled(NODE) | st.just(NODE) | JSON
ANSWER = JSON | st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries({}, optional={"r0": NODES, "r1": NODES, "r2": NODES}) | JSON,
        "errors": st.lists(ERROR | JSON, max_size=3) | JSON,
        "message": JSON,
    },
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANSWER)
def test_any_json_is_borne_and_nothing_of_it_is_stored_that_is_no_figure(answer: Any) -> None:
    with Replay.from_routes({"POST /graphql": [(200, {}, answer)]}) as replay:
        found = asked(host(replay), all_known(["o/a", "o/b", "o/c"]))
    for outcome in found.outcomes.values():
        if isinstance(outcome, Figures):
            assert_sane(outcome)


def assert_sane(outcome: Figures) -> None:
    values = outcome.values
    for name in ("repo_watchers", "repo_forks", "commit_count"):
        assert type(values[name]) is int
        assert 0 <= values[name] <= 2**53
    assert type(values["repo_description"]) is str
    assert "\x00" not in values["repo_description"]
    values["repo_description"].encode()
    for name in ("last_commit_date", "date_repo_archived"):
        assert values[name] is None or values[name].tzinfo is not None
    # Those of a repository that is another one now are not known yet.
    assert len(values.get("commits_over_52w", range(52))) == 52
