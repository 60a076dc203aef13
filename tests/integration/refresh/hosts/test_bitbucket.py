"""Bitbucket: one conditional request, a small budget, and histories read in portions."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from zlib import crc32

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
from chalicelib.refresh.hosts.bitbucket import Bitbucket
from tests.support.outcomes import assert_storable, figures, json_values, known
from tests.support.spoiling import spoilt, subset
from tests.support.statuses import each_status
from tests.support.upstream import asking
from tests.support.upstream.asking import TODAY, Asked, FakeTime, asked
from tools.fakehosts.hosts import bitbucket
from tools.fakehosts.replay import Replay
from tools.fakehosts.scripted import History, ScriptedRepository
from tools.fakehosts.server import Request

pytestmark = pytest.mark.usefixtures("tables")

AGES = [500, 400, 60, 30, 8, 7, 6, 0.1]
REPO = "GET /2.0/repositories/team/thing"
COMMITS = f"{REPO}/commits"
API = "https://api.bitbucket.org/2.0/repositories/team/thing/commits"


@dataclass
class Repo:
    """A repository at a simulated host; ``broken`` routes answer as they say."""

    tree: History = field(default_factory=lambda: History(TODAY).add_line("a", AGES))
    document: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    asked_for: list[Request] = field(default_factory=list)

    @property
    def repository(self) -> ScriptedRepository:
        """The repository, which was changed when it has another newest commit."""
        state = f"{self.tree.head} {self.document}"
        return ScriptedRepository(
            "team/thing",
            self.tree,
            to_name=str.title,
            strangers=["eve"],
            watchers=16,
            forks=37,
            changed=crc32(self.tree.head.encode()),
            version=crc32(state.encode()),
            overrides=self.document,
        )

    def json(self) -> dict[str, Any]:
        """The repository's document."""
        return bitbucket.build_document(self.repository)

    def ask(
        self,
        before: Source,
        clock: FakeTime | None = None,
        budget: SharedBudget | None = None,
        token: str | None = None,
    ) -> Asked:
        """What comes of it; ``asked_for`` are the requests."""
        site = bitbucket.Bitbucket(frozenset({"secret"}), **self.options)
        site.repositories.add(self.repository)
        ignored = ("pagelen", "include", "ctx", "page")
        clock = clock or FakeTime()
        with Replay.from_host(site, self.broken, ignored) as replay:
            found = asked(host(replay.url, token), [before], clock.context(), budget)
            self.asked_for = replay.requests
        return found


def commit(id: str) -> dict[str, Any]:
    """A commit of today."""
    return bitbucket.build_commit(Repo(History(TODAY).add_commit(id, 0)).repository, 0)


def host(url: str, token: str | None = None) -> Bitbucket:
    return Bitbucket(url, token)


def source(address: str = "team/thing", **values: Any) -> Source:
    url = f"https://bitbucket.org/{address}"
    return asking.source(address, "bitbucket", **({"repo_url": url} | values))


def test_the_first_time_everything_is_read() -> None:
    repo = Repo(
        History(TODAY)
        .add_line("a", [500, 60], "bob")
        .add_line("b", [8, 7, 0.1])
        .add_commit("c", 0, author="eve")
    )
    found = repo.ask(source(), token="secret")
    assert json_values(found.only) == {
        "repo_watchers": 16,
        "repo_forks": 37,
        "repo_description": "Example",
        "last_commit_date": TODAY,
        "commit_count": 6,
        "commits_over_52w": repo.tree.count_weeks(),
        "participants": "ada,bob,Eve",
    }
    assert found.sent == 4
    assert [request.query for request in repo.asked_for[1:]] == [
        {"pagelen": "1"},
        {"pagelen": "1"},
        # The branch, for otherwise those of all branches are listed.
        {"pagelen": "100", "include": "main"},
    ]
    assert repo.asked_for[0].headers.get("Authorization") == "Bearer secret"


def test_an_unchanged_repository_costs_exactly_one_conditional_request() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    found = repo.ask(before, FakeTime(TODAY + timedelta(hours=20)))
    assert found.sent == 1
    assert isinstance(found.only, Unchanged)
    later = repo.ask(before, FakeTime(TODAY + timedelta(days=8)))
    assert later.sent == 1
    assert json_values(later.only) == {
        "commits_over_52w": (*before.package.commits_over_52w[1:], 0)
    }


def test_another_description_costs_no_more() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.document = {"description": "Other"}
    found = repo.ask(before)
    assert found.sent == 1
    assert json_values(found.only)["repo_description"] == "Other"


def test_a_push_costs_four_and_adds_to_what_is_known() -> None:
    repo = Repo(History(TODAY).add_line("a", [900 - place for place in range(250)]))
    before = known(source(), repo.ask(source()).only)
    assert len(repo.asked_for) == 3 + 3
    repo.tree.add_line("b", [2, 1], "bob")
    found = repo.ask(before)
    assert found.sent == 4
    values = json_values(found.only)
    assert values["commit_count"] == 252
    assert values["commits_over_52w"] == repo.tree.count_weeks()
    assert values["participants"] == "ada,bob"


def test_an_update_without_a_commit_leaves_the_counts() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.document = {"updated_on": "2026-11-22T00:00:00Z"}
    found = repo.ask(before)
    assert found.sent == 4
    assert json_values(found.only)["commit_count"] == len(AGES)


def test_a_merge_of_older_commits_is_counted_in_their_weeks() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.tree.add_commit("x1", 40, "a2", author="bob").add_commit("x2", 20).add_commit(
        "m", 0, "a7", "x2"
    )
    found = repo.ask(before)
    assert found.sent == 4
    values = json_values(found.only)
    assert values["commits_over_52w"] == repo.tree.count_weeks()
    assert values["commit_count"] == len(AGES) + 3


def test_history_that_was_rewritten_is_counted_anew() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.tree = History(TODAY).add_line("b", [300, 20], "bob")
    values = json_values(repo.ask(before).only)
    assert values["commits_over_52w"] == repo.tree.count_weeks()
    assert values["commit_count"] == 2
    assert values["participants"] == "bob,ada"


def test_a_history_longer_than_is_read_has_weeks_and_no_total() -> None:
    repo = Repo(History(TODAY).add_line("a", [1_200 - place for place in range(1_150)]))
    found = repo.ask(source(), token="secret")
    assert found.sent == 3 + 10
    values = json_values(found.only)
    assert "commit_count" not in values
    assert values["commits_over_52w"] == repo.tree.count_weeks()
    repo.tree.add_commit("new", 0)
    again = repo.ask(known(source(), found.only), token="secret")
    assert again.sent == 4
    assert "commit_count" not in json_values(again.only)
    assert json_values(again.only)["commits_over_52w"] == repo.tree.count_weeks()


def test_a_year_longer_than_is_read_leaves_the_weeks_out() -> None:
    repo = Repo(History(TODAY).add_line("a", [350 - place / 4 for place in range(1_150)]))
    values = json_values(repo.ask(source(), token="secret").only)
    assert "commits_over_52w" not in values
    assert values["last_commit_date"] is not None


def test_what_the_budget_cuts_short_goes_on_where_it_stopped() -> None:
    """Without a token an hour has 60 requests, 12 of them at once."""
    repo = Repo(
        History(TODAY).add_line("a", [700 - place for place in range(660)]),
        options={"max_items": 50},
    )
    # 3 requests and 14 pages, of which 10 are read: one more than there are at once.
    clock, budget = FakeTime(), SharedBudget()
    first = repo.ask(source(), clock, budget)
    assert first.sent == 12
    outcome = figures(first.only)
    assert json_values(first.only) == {
        "repo_description": "Example",
        "repo_watchers": 16,
        "repo_forks": 37,
    }
    assert outcome.again_at is not None
    assert outcome.again_at > clock.now()
    clock.move_to(outcome.again_at + timedelta(seconds=1))
    before = replace(known(source(), first.only), is_check_due=False)
    second = repo.ask(before, clock, budget)
    assert second.sent == 1
    assert figures(second.only).again_at is None
    assert json_values(second.only)["commits_over_52w"] == repo.tree.count_weeks(clock.now())
    assert "open" not in figures(second.only).state
    assert "walk" not in figures(second.only).state
    # Nothing is open any more, and the next check is conditional.
    clock.advance(hours=1)
    third = repo.ask(replace(known(before, second.only), is_check_due=True), clock, budget)
    assert third.sent == 1
    assert isinstance(third.only, Unchanged)


def test_where_nothing_could_be_asked_it_is_postponed() -> None:
    clock, budget = FakeTime(), SharedBudget()
    for _ in range(3):
        Repo().ask(source(), clock, budget)
    found = Repo().ask(source(), clock, budget)
    assert found.sent == 0
    assert isinstance(found.only, Postponed)
    assert found.only.until > clock.now()


def interrupted() -> tuple[Repo, Source, FakeTime, SharedBudget]:
    """A history that was read in part."""
    repo, clock, budget = Repo(options={"max_items": 1, "series": "1"}), FakeTime(), SharedBudget()
    repo.tree = History(TODAY).add_line("a", [20 - place for place in range(10)])
    found = repo.ask(source(), clock, budget)
    assert found.sent == 12
    clock.advance(hours=1)
    return repo, replace(known(source(), found.only), is_check_due=False), clock, budget


@pytest.mark.parametrize("status", [400, 404])
def test_a_link_that_is_no_longer_good_begins_the_list_anew(status: int) -> None:
    repo, before, clock, budget = interrupted()
    repo.options = {"series": "2", "expired": status}
    found = repo.ask(before, clock, budget)
    assert found.sent == 2
    assert json_values(found.only)["commit_count"] == 10


def test_a_push_while_a_list_is_being_read_begins_it_anew() -> None:
    repo, before, clock, budget = interrupted()
    repo.tree.add_commit("new", 0)
    repo.options = {"series": "1"}
    found = repo.ask(replace(before, is_check_due=True), clock, budget)
    values = json_values(found.only)
    assert values["commit_count"] == 11
    assert values["commits_over_52w"] == repo.tree.count_weeks(clock.now())


@pytest.mark.parametrize("elsewhere", ["https://evil.example/2.0/x", "ftp://x", "//x"])
def test_a_link_that_leads_away_is_not_followed(elsewhere: str) -> None:
    answer = {"values": [commit("a")], "next": elsewhere}
    found = Repo(broken={COMMITS: [(200, {}, answer)]}).ask(source())
    assert found.only == Failed("the list of commits broke off")


def test_a_list_that_breaks_off_fails() -> None:
    answer = {"values": [commit("a")], "next": f"{API}?ctx=1&page=2"}
    found = Repo(broken={COMMITS: [(200, {}, answer), (404, {}, {})]}).ask(source())
    assert found.only == Failed("the list of commits broke off")


def test_a_repository_without_a_commit_has_zeros() -> None:
    values = json_values(Repo(History(TODAY)).ask(source(participants="old")).only)
    assert (values["commit_count"], values["participants"]) == (0, "")
    assert values["commits_over_52w"] == (0,) * 52
    assert values["last_commit_date"] is None


def test_parts_that_may_not_be_seen_are_left_out() -> None:
    no: list[Any] = [(403, {}, {"type": "error"})]
    repo = Repo(broken={f"{REPO}/watchers": no, f"{REPO}/forks": no, COMMITS: no})
    found = repo.ask(source())
    assert json_values(found.only) == {"repo_description": "Example"}
    assert repo.ask(known(source(), found.only)).sent == 1


def test_no_address_of_mail_is_stored() -> None:
    authors = [
        {"raw": "someone@mail.example"},
        {"raw": "<other@mail.example>"},
        {"user": {"display_name": "Shown, Name"}, "raw": "x <y@mail.example>"},
        None,
    ]
    commits = [commit(f"c{place}") | {"author": author} for place, author in enumerate(authors)]
    found = Repo(broken={COMMITS: [(200, {}, {"values": commits})]}).ask(source())
    assert json_values(found.only)["participants"] == "someone,Shown Name"


def test_a_renamed_repository_moved() -> None:
    there = {"Location": "https://api.bitbucket.org/2.0/repositories/team/thing"}
    repo = Repo(broken={"GET /2.0/repositories/old/name": [(301, there, b"")]})
    found = repo.ask(source("old/name"))
    assert isinstance(found.only, Moved)
    assert (found.only.address, found.only.url) == (
        "team/thing",
        "https://bitbucket.org/team/thing",
    )
    assert json_values(found.only)["commit_count"] == len(AGES)
    assert found.sent == 5


@each_status
def test_what_a_status_means(status: int, outcome: Gone | Failed) -> None:
    assert Repo(broken={REPO: [(status, {}, {})]}).ask(source()).only == outcome


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (
            {
                "X-RateLimit-Limit": "60, 60;w=3600",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "880",
            },
            881,
        ),
        ({"Retry-After": "20"}, 20),
        ({}, 300),
    ],
)
def test_a_limit_postpones_what_is_left(headers: dict[str, str], seconds: int) -> None:
    text = b"Rate limit for this resource has been exceeded"
    with Replay.from_routes({REPO: [(429, headers, text)]}) as replay:
        sources = [replace(source(), package=replace(source().package, id=id)) for id in (1, 2)]
        found = asked(host(replay.url), sources)
    until = TODAY + timedelta(seconds=seconds)
    assert [
        outcome.until for outcome in found.outcomes.values() if isinstance(outcome, Postponed)
    ] == [until, until]
    assert found.sent == 1


def test_a_limit_in_the_middle_keeps_what_was_read() -> None:
    repo = Repo(broken={f"{REPO}/forks": [(429, {"Retry-After": "20"}, b"slow down")]})
    outcome = figures(repo.ask(source()).only)
    assert sorted(outcome.values) == ["repo_description", "repo_watchers"]
    assert outcome.again_at == TODAY + timedelta(seconds=20)
    assert outcome.state["open"] == ["forks", "commits"]


def test_the_remaining_budget_that_the_host_tells_is_kept() -> None:
    headers = {
        "X-RateLimit-Limit": "60, 60;w=3600",
        "X-RateLimit-Remaining": "1",
        "X-RateLimit-Reset": "880",
    }
    found = Repo(broken={REPO: [(200, headers, Repo().json())]}).ask(source())
    assert found.sent == 1
    assert figures(found.only).again_at == TODAY + timedelta(seconds=881)


@pytest.mark.parametrize("answer", [(200, {}, b'{"full_name": "te'), (502, {}, b"<html>")])
def test_a_fault_is_tried_again_and_then_fails_its_package(answer: Any) -> None:
    found = Repo(broken={REPO: [answer, (200, {}, Repo().json())]}).ask(source())
    assert isinstance(found.only, Figures)
    assert found.sent == 5
    broken = Repo(broken={REPO: [answer]}).ask(source(), FakeTime(TODAY + timedelta(hours=1)))
    assert isinstance(broken.only, Failed)
    assert broken.sent == 3


def test_a_part_that_fails_fails_the_package_and_keeps_the_old_state() -> None:
    repo = Repo(broken={f"{REPO}/forks": [(200, {}, {"size": "many"})]})
    assert repo.ask(source()).only == Failed("Expected `int`, got `str` - at `$.size`")


#: Moves on with each example, or the budget would be spent by all of them together.
CLOCK = FakeTime()
SIZE = {"size": 3}
VALID = Repo(History(TODAY).add_line("a", [1]))
VALID_COMMIT = subset(bitbucket.build_commit(VALID.repository, 0), "hash date author parents")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spoilt(subset(VALID.json(), "full_name description updated_on mainbranch")),
    spoilt(SIZE),
    spoilt({"values": [VALID_COMMIT], "next": None}),
)
def test_any_json_comes_to_an_outcome(document: Any, size: Any, commits: Any) -> None:
    CLOCK.advance(hours=1)
    routes: dict[str, Any] = {
        REPO: [(200, {}, document)],
        f"{REPO}/watchers": [(200, {}, size)],
        f"{REPO}/forks": [(200, {}, size)],
        COMMITS: [(200, {}, commits)],
    }
    outcome = Repo(broken=routes).ask(source(), CLOCK).only
    assert isinstance(outcome, Figures | Failed)
    if isinstance(outcome, Figures):
        assert_storable(outcome)


def test_a_part_that_does_not_answer_is_asked_for_later_and_the_rest_is_kept() -> None:
    repo = Repo(broken={f"{REPO}/forks": [(502, {}, {})] * 3})
    found = repo.ask(source()).only
    assert isinstance(found, Figures)
    assert (found.values["repo_watchers"], "repo_forks" in found.values) == (16, False)
    assert found.state["open"] == ["forks", "commits"]
    assert found.again_at is not None
    assert found.again_at - TODAY >= timedelta(minutes=10)


def test_a_part_that_never_answers_is_asked_for_less_and_less() -> None:
    before, waits = known(source(), Repo().ask(source()).only), []
    before = replace(before, state={**before.state, "open": ["forks"]})
    for _ in range(8):
        repo = Repo(broken={f"{REPO}/forks": [(502, {}, {})] * 3})
        found = repo.ask(before, token="secret")
        before = known(before, found.only)
        again_at = figures(found.only).again_at
        assert again_at is not None
        waits.append((again_at - TODAY) // timedelta(minutes=10))
    assert waits == [2, 4, 8, 16, 32, 36, 36, 36]


def test_a_token_that_is_refused_is_no_fault_of_a_repository() -> None:
    repo = Repo(broken={REPO: [(401, {}, {"type": "error"})]})
    outcome = repo.ask(source(), token="wrong").only
    assert outcome == Postponed(TODAY + timedelta(minutes=15), "401 bad credentials")
