"""GitHub by GraphQL: figures of many repositories for one request, and whose they are."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.refresh.fetch_result import Figures, Gone, Moved, Unchanged
from chalicelib.refresh.hosts.github import GitHub
from tests.integration.refresh.hosts.githubs import (
    COMMITTED,
    NEXT,
    OID,
    WEEKS,
    GraphQL,
    again,
    all_known,
    all_nodes,
    contributors,
    error,
    host,
    known,
    node,
    participation,
    rest,
    routes,
    source,
)
from tests.support.upstream.asking import TODAY, USER_AGENT, FakeTime, asked
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.server import Request

pytestmark = pytest.mark.usefixtures("tables")

PEOPLE: ResponseParts = (200, {"ETag": '"p2"'}, contributors("ada"))
NUMBERS: ResponseParts = (200, {}, participation(1, 2))


def test_forty_unchanged_repositories_cost_exactly_one_request() -> None:
    names = [f"owner/package-{number}" for number in range(1, 41)]
    graphql = GraphQL(all_nodes(names))
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(names))
    assert found.sent == 1
    assert replay.targets == ["POST /graphql"]
    for number, outcome in found.outcomes.items():
        assert isinstance(outcome, Figures)
        assert outcome.values["repo_watchers"] == 10 * number
        assert outcome.again_at is None


def test_a_batch_of_more_is_asked_for_in_fifties() -> None:
    names = [f"owner/package-{number}" for number in range(1, 96)]
    graphql = GraphQL(all_nodes(names))
    with Replay.from_routes(routes(graphql)) as replay:
        asked(host(replay), all_known(names))
    assert [len(query) for query in graphql.queries] == [50, 45]


def test_all_figures_of_a_repository_and_their_marks() -> None:
    graphql = GraphQL({"o/r": node("o/r", 7, description=None, stargazerCount=5, forkCount=6)})
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), [known("o/r", 7)]).only
    assert isinstance(found, Figures) and not isinstance(found, Moved)
    assert found.values == {
        "repo_watchers": 5,
        "repo_forks": 6,
        "repo_description": "",
        "commit_count": 42,
        "last_commit_date": COMMITTED,
        "date_repo_archived": None,
        "commits_over_52w": WEEKS,
    }
    assert set(found.marks) == set(found.values)
    assert found.marks["commit_count"].token == f"oid:{OID}"
    json.dumps(found.state)


def test_what_is_sent_names_the_version_and_the_token() -> None:
    graphql = GraphQL({"o/r": node("o/r")})
    with Replay.from_routes(routes(graphql)) as replay:
        asked(host(replay), [known("o/r")])
    headers = replay.requests[0].headers
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Accept"] == "application/vnd.github+json"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert headers["User-Agent"] == USER_AGENT


def test_without_a_token_none_is_sent_and_it_is_never_shown() -> None:
    assert "Authorization" not in GitHub(None, None).headers()
    assert "secret" not in repr(GitHub(None, "secret"))


def test_the_weeks_of_an_unmoved_head_are_shifted_here() -> None:
    graphql = GraphQL({"o/r": node("o/r")})
    time = FakeTime(datetime(2026, 12, 5, 9, tzinfo=UTC))
    with Replay.from_routes(routes(graphql)) as replay:
        before = known("o/r")
        first = asked(host(replay), [before], time.context()).only
        time.advance(days=7)
        second = asked(host(replay), [again(before, first)], time.context()).only
    assert isinstance(first, Figures) and isinstance(second, Figures)
    # 15 days after 20 November, then 22: two weeks, then one more.
    assert first.values["commits_over_52w"] == (*WEEKS[2:], 0, 0)
    assert first.state["weeks"] == {"until": "2026-12-04", "series": "participation"}
    assert second.values["commits_over_52w"] == (*WEEKS[3:], 0, 0, 0)
    assert len(replay.requests) == 2


def test_a_moved_head_costs_two_more_requests_and_is_known_from_then_on() -> None:
    graphql = GraphQL({"o/r": node("o/r", oid=NEXT)})
    with Replay.from_routes(routes(graphql, rest("o/r", [PEOPLE], [NUMBERS]))) as replay:
        before = known("o/r")
        first = asked(host(replay), [before]).only
        assert replay.targets[1:] == [
            "GET /repos/o/r/contributors?per_page=100",
            "GET /repos/o/r/stats/participation",
        ]
        second = asked(host(replay), [again(before, first)])
    assert isinstance(first, Figures)
    assert first.values["participants"] == "ada"
    assert first.values["commits_over_52w"][-3:] == (0, 1, 2)
    assert first.state["oid"] == NEXT
    assert first.state["weeks"] == {"until": "2026-11-23", "series": "participation"}
    assert first.again_at is None and "open" not in first.state
    assert second.sent == 1


def test_the_unmoved_ones_are_told_before_anything_else_is_asked() -> None:
    graphql = GraphQL({"o/new": node("o/new", 1, oid=NEXT), "o/old": node("o/old", 2)})
    with Replay.from_routes(routes(graphql, rest("o/new", [PEOPLE], [NUMBERS]))) as replay:
        found = asked(host(replay), [known("o/new", 1), known("o/old", 2)])
    assert list(found.outcomes) == [2, 1]
    assert found.sent == 3


def test_weeks_that_are_not_known_to_be_participation_are_asked_for() -> None:
    graphql = GraphQL({"o/r": node("o/r")})
    foreign = {"weeks": {"until": "2026-11-20", "series": "commits"}}
    with Replay.from_routes(routes(graphql, rest("o/r", [], [NUMBERS]))) as replay:
        found = asked(host(replay), [known("o/r", state=foreign)])
    assert isinstance(found.only, Figures)
    assert found.only.values["commits_over_52w"][-2:] == (1, 2)
    assert found.only.state["weeks"]["series"] == "participation"
    assert found.sent == 2


def test_an_empty_repository_has_no_commits_and_costs_nothing_more() -> None:
    graphql = GraphQL({"o/bare": node("o/bare", defaultBranchRef=None)})
    with Replay.from_routes(routes(graphql)) as replay:
        before = source("o/bare")
        found = asked(host(replay), [before])
        second = asked(host(replay), [again(before, found.only)])
    assert isinstance(found.only, Figures)
    assert found.only.values["commit_count"] == 0
    assert found.only.values["last_commit_date"] is None
    assert found.only.values["participants"] == ""
    assert found.only.values["commits_over_52w"] == (0,) * 52
    assert (found.sent, second.sent) == (1, 1)


@pytest.mark.parametrize(
    ("named", "stored", "told"),
    [
        ("2025-01-02T03:04:05Z", None, datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (None, datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
        (None, None, TODAY),
    ],
)
def test_when_it_was_archived(named: str | None, stored: datetime | None, told: datetime) -> None:
    graphql = GraphQL({"o/r": node("o/r", isArchived=True, archivedAt=named)})
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), [known("o/r", date_repo_archived=stored)]).only
    assert isinstance(found, Figures)
    assert found.values["date_repo_archived"] == told


def test_what_is_archived_no_longer_has_no_date() -> None:
    graphql = GraphQL({"o/r": node("o/r")})
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), [known("o/r", date_repo_archived=TODAY)]).only
    assert isinstance(found, Figures)
    assert found.values["date_repo_archived"] is None


def test_another_letter_case_is_no_move() -> None:
    graphql = GraphQL({"owner/name": node("Owner/NAME")})
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), [known("owner/Name")]).only
    assert type(found) is Figures


def test_a_renamed_repository_has_a_new_address_and_is_the_same_one() -> None:
    graphql = GraphQL({"o/old": node("new/name"), "new/name": node("new/name")})
    with Replay.from_routes(routes(graphql)) as replay:
        before = known("o/old")
        found = asked(host(replay), [before])
        second = asked(host(replay), [again(before, found.only)])
    assert isinstance(found.only, Moved)
    assert (found.only.address, found.only.url) == ("new/name", "https://github.com/new/name")
    assert found.only.values["repo_watchers"] == 10
    assert type(second.only) is Figures
    assert (found.sent, second.sent) == (1, 1)


def test_parts_of_a_renamed_repository_are_asked_for_at_its_new_address() -> None:
    graphql = GraphQL({"o/old": node("new/name", oid=NEXT)})
    with Replay.from_routes(routes(graphql, rest("new/name", [PEOPLE], [NUMBERS]))) as replay:
        found = asked(host(replay), [known("o/old")]).only
    assert isinstance(found, Moved)
    assert found.values["participants"] == "ada"


def test_a_name_that_another_repository_took_over_is_asked_for_from_the_start() -> None:
    graphql = GraphQL({"o/r": node("o/r", id=99)})
    with Replay.from_routes(routes(graphql, rest("o/r", [PEOPLE], [NUMBERS]))) as replay:
        found = asked(host(replay), [known("o/r", 1)]).only
    assert isinstance(found, Figures)
    assert found.values["repo_watchers"] == 990
    assert found.values["participants"] == "ada"
    assert found.values["commits_over_52w"][-2:] == (1, 2)
    assert all("If-None-Match" not in request.headers for request in replay.requests)
    assert found.state["id"] == 99


def test_names_with_odd_characters_stay_names() -> None:
    odd = [
        'o"}/r',
        "o/a\\",
        'o/") { id } x: repository(name: "',
        "ö/\u2603",
        "o/\ud800",
        "o/\n\x00",
    ]
    graphql = GraphQL({"o/r": node("o/r", 9)})
    with Replay.from_routes(routes(graphql)) as replay:
        sources = [source(address, number) for number, address in enumerate(odd, 1)]
        found = asked(host(replay), [*sources, known("o/r", 9)])
    assert graphql.queries == [[*odd[:4], "o/?", odd[5], "o/r"]]
    assert isinstance(found.outcomes.pop(9), Figures)
    assert set(found.outcomes.values()) == {Gone("404 Not Found")}


def test_an_address_that_cannot_be_one_is_not_asked_for() -> None:
    graphql = GraphQL({"o/r": node("o/r", 9)})
    odd = ["", "o", "o/", "/r", "o/r/x", "o/..", "./r"]
    with Replay.from_routes(routes(graphql)) as replay:
        sources = [source(address, number) for number, address in enumerate(odd, 1)]
        found = asked(host(replay), [*sources, known("o/r", 9)])
    assert graphql.queries == [["o/r"]]
    assert isinstance(found.outcomes.pop(9), Figures)
    assert {type(outcome).__name__ for outcome in found.outcomes.values()} == {"Failed"}


def test_github_enterprise_has_graphql_beside_rest() -> None:
    graphql = GraphQL({"o/r": node("o/r", oid=NEXT)})
    page = "/api/v3/repositories/1/contributors?page=2"

    def first(request: Request) -> ResponseParts:
        link = f'<http://{request.headers["Host"]}{page}>; rel="next"'
        return 200, {"Link": link}, contributors("ada")

    more: Routes = {
        "POST /api/graphql": graphql,
        "GET /api/v3/repos/o/r/contributors?per_page=100": first,
        f"GET {page}": [(200, {}, contributors("grace"))],
        "GET /api/v3/repos/o/r/stats/participation": [NUMBERS],
    }
    with Replay.from_routes(more) as replay:
        server = GitHub(replay.url + "/api/v3/", "secret")
        found = asked(server, [known("o/r")]).only
    assert not replay.unknown
    assert isinstance(found, Figures)
    assert found.values["participants"] == "ada,grace"


def test_nothing_open_asks_nothing() -> None:
    with Replay.from_routes({}) as replay:
        before = known("o/r", is_check_due=False)
        found = asked(host(replay), [before])
    assert found.only == Unchanged(state=before.state)
    assert found.sent == 0


def test_a_batch_of_every_kind_is_told_apart_by_path() -> None:
    nodes = {
        "o/plain": node("o/plain", 1),
        "o/renamed": node("o/other", 3),
        "o/bare": node("o/bare", 4, defaultBranchRef=None),
        "o/late": node("o/late", 6, isArchived=True),
    }
    graphql = GraphQL(nodes, {"o/shut": error("FORBIDDEN", "Needs SAML.")})
    names = ["o/plain", "o/gone", "o/renamed", "o/bare", "o/shut", "o/late"]
    with Replay.from_routes(routes(graphql)) as replay:
        found = asked(host(replay), all_known(names))
    kinds = [type(found.outcomes[number]).__name__ for number in range(1, 7)]
    assert kinds == ["Figures", "Gone", "Moved", "Figures", "Failed", "Figures"]
    assert "FORBIDDEN: Needs SAML." in str(found.outcomes[5])
    assert found.sent == 1


def test_the_weeks_are_not_shifted_before_a_whole_week_passed() -> None:
    graphql = GraphQL({"o/r": node("o/r")})
    for days, shifted in [(6, 0), (7, 1), (13, 1), (14, 2)]:
        time = FakeTime(datetime(2026, 11, 20, tzinfo=UTC) + timedelta(days=days))
        with Replay.from_routes(routes(graphql)) as replay:
            found = asked(host(replay), [known("o/r")], time.context()).only
        assert isinstance(found, Figures)
        assert found.values["commits_over_52w"] == (*WEEKS[shifted:], *(0,) * shifted)
