"""Codeberg, Forgejo and Gitea: one request where nothing was pushed, two where something was."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.refresh.fetch_result import Failed, Figures, Gone, Moved, Postponed, Source
from chalicelib.refresh.hosts.forgejo import Codeberg, Forgejo
from tests.support.outcomes import assert_storable, json_values, known
from tests.support.spoiling import spoilt, subset
from tests.support.statuses import each_status
from tests.support.upstream import asking
from tests.support.upstream.asking import TODAY, Asked, FakeTime, asked
from tools.fakehosts.hosts import forgejo
from tools.fakehosts.replay import Replay
from tools.fakehosts.scripted import History, ScriptedRepository
from tools.fakehosts.server import Request

pytestmark = pytest.mark.usefixtures("tables")

AGES = [500, 400, 60, 30, 8, 7, 6, 0.1]
PAGED = ("limit", "page", "stat", "verification", "files")
COMMITS = "GET /api/v1/repos/owner/tool/commits"


@dataclass
class Repo:
    """A repository at a simulated host; ``broken`` routes answer as they say."""

    tree: History = field(default_factory=lambda: History(TODAY).add_line("a", AGES))
    document: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, Any] = field(default_factory=dict)
    asked_for: list[Request] = field(default_factory=list)

    @property
    def repository(self) -> ScriptedRepository:
        """The repository, which was changed when it has another newest commit."""
        return ScriptedRepository(
            "owner/tool",
            self.tree,
            to_login=lambda name: f"{name}-login",
            strangers=["eve"],
            id=9,
            stars=12,
            forks=3,
            changed=crc32(self.tree.head.encode()),
            overrides=self.document,
        )

    @property
    def site(self) -> forgejo.Forgejo:
        """The host."""
        site = forgejo.Forgejo("https://codeberg.org", has_limits=False, **self.options)
        site.repositories.add(self.repository)
        return site

    def json(self) -> dict[str, Any]:
        """The repository's document."""
        return self.site.build_document(self.repository)

    def ask(self, before: Source, at: datetime = TODAY) -> Asked:
        """What comes of it; ``asked_for`` are the requests."""
        with Replay.from_host(self.site, self.broken, PAGED) as replay:
            found = asked(host(replay.url), [before], FakeTime(at).context())
            self.asked_for = replay.requests
        return found


def host(url: str, name: str = "codeberg") -> Forgejo:
    return Codeberg(url) if name == "codeberg" else Forgejo(url, domain=name)


def source(address: str = "owner/tool", **values: Any) -> Source:
    url = f"https://codeberg.org/{address}"
    return asking.source(address, "codeberg", **({"repo_url": url} | values))


def test_the_first_time_everything_is_read() -> None:
    repo = Repo(
        History(TODAY)
        .add_line("a", [500, 60], "bob")
        .add_line("b", [8, 7, 0.1])
        .add_commit("c", 0, author="eve")
    )
    found = repo.ask(source())
    assert json_values(found.only) == {
        "repo_watchers": 12,
        "repo_forks": 3,
        "repo_description": "Example",
        "date_repo_archived": None,
        "last_commit_date": TODAY,
        "commit_count": 6,
        "commits_over_52w": repo.tree.count_weeks(),
        "participants": "ada-login,bob-login,eve",
    }
    assert found.sent == 2
    # Or the host computes the changes of every commit.
    assert repo.asked_for[1].query == {
        "limit": "50",
        "page": "1",
        "stat": "false",
        "verification": "false",
        "files": "false",
    }


def test_where_nothing_was_pushed_one_request_reads_the_counts() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.document = {"stars_count": 13}
    found = repo.ask(before, TODAY + timedelta(days=9))
    assert found.sent == 1
    values = json_values(found.only)
    assert values["repo_watchers"] == 13
    assert values["commits_over_52w"] == (*before.package.commits_over_52w[1:], 0)


def test_an_update_without_a_commit_costs_two() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.document = {"updated_at": "2026-11-22T00:00:00Z"}
    found = repo.ask(before)
    assert found.sent == 2
    assert json_values(found.only)["commits_over_52w"] == before.package.commits_over_52w


def test_a_push_costs_two_however_long_the_year_was() -> None:
    repo = Repo(History(TODAY).add_line("a", [350 - place for place in range(330)]))
    first = repo.ask(source())
    assert first.sent == 1 + 7
    assert json_values(first.only)["commits_over_52w"] == repo.tree.count_weeks()
    repo.tree.add_line("b", [1, 0.5])
    found = repo.ask(known(source(), first.only))
    assert found.sent == 2
    assert json_values(found.only)["commit_count"] == 332
    assert sum(json_values(found.only)["commits_over_52w"]) == 332


def test_a_merge_of_older_commits_is_counted_in_their_weeks() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.tree.add_commit("x1", 40, "a2", author="bob").add_commit("x2", 20).add_commit(
        "m", 0, "a7", "x2"
    )
    found = repo.ask(before)
    assert found.sent == 2
    values = json_values(found.only)
    assert values["commits_over_52w"] == repo.tree.count_weeks()
    assert values["commit_count"] == len(AGES) + 3
    assert values["participants"] == "ada-login,bob-login"


def test_history_that_was_rewritten_is_counted_anew() -> None:
    repo = Repo()
    before = known(source(), repo.ask(source()).only)
    repo.tree = History(TODAY).add_line("b", [300, 20], "bob")
    values = json_values(repo.ask(before).only)
    assert values["commits_over_52w"] == repo.tree.count_weeks()
    assert values["commit_count"] == 2
    assert values["participants"] == "bob-login,ada-login"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_pushed_in_steps_is_counted_as_if_it_were_read_at_once(
    data: st.DataObject,
) -> None:
    repo = Repo(
        History(TODAY), options={"max_items": data.draw(st.sampled_from([3, 5, 50]), "page")}
    )
    before = source()
    at = CLOCK.now()
    for step in range(3):
        CLOCK.advance(days=data.draw(st.integers(0, 20), "days"))
        for number in range(data.draw(st.integers(0, 8), "commits")):
            ids = list(repo.tree.commits)
            parents = data.draw(st.lists(st.sampled_from(ids), max_size=1), "parent") if ids else []
            on = {*parents, *([repo.tree.head] if repo.tree.head else [])}
            # A branch may have been begun long ago, but no commit is before its parents.
            oldest = max((repo.tree.commits[id].at for id in on), default=at - timedelta(days=250))
            span = max(0.0, (CLOCK.now() - oldest).total_seconds()) / 86_400
            age = data.draw(st.floats(0, span), "age") + (TODAY - CLOCK.now()) / timedelta(days=1)
            repo.tree.add_commit(f"{step}-{number}", age, *sorted(on))
        CLOCK.advance(minutes=5)
        found = repo.ask(before, CLOCK.now())
        before = known(before, found.only)
        listed = repo.tree.list_commits()
        assert sum(before.package.commits_over_52w) == len(listed)
        assert before.package.commit_count == len(listed)
    assert before.package.last_commit_date == (listed[0].at if listed else None)


def test_a_host_that_tells_no_parents_is_taken_to_list_a_line() -> None:
    repo = Repo(options={"has_parents": False})
    before = known(source(), repo.ask(source()).only)
    repo.tree.add_line("b", [0.05, 0.01])
    found = repo.ask(before)
    assert found.sent == 2
    assert json_values(found.only)["commits_over_52w"] == repo.tree.count_weeks()


def test_a_host_that_tells_no_total_is_counted_as_far_as_it_is_read() -> None:
    repo = Repo(options={"has_total": False})
    assert json_values(repo.ask(source()).only)["commit_count"] == len(AGES)
    long = Repo(History(TODAY).add_line("a", [600] * 60), options={"has_total": False})
    values = json_values(long.ask(source()).only)
    assert "commit_count" not in values
    assert values["commits_over_52w"] == (0,) * 52


def test_a_year_that_is_too_long_leaves_the_weeks_out() -> None:
    repo = Repo(History(TODAY).add_line("a", [350 - place / 4 for place in range(600)]))
    found = repo.ask(source(commits_over_52w=(1,) * 52))
    assert found.sent == 1 + 10
    values = json_values(found.only)
    assert "commits_over_52w" not in values
    assert values["commit_count"] == 600
    assert repo.ask(known(source(), found.only)).sent == 1


def test_a_page_smaller_than_was_asked_for_is_no_end() -> None:
    repo = Repo(options={"max_items": 3})
    found = repo.ask(source())
    assert found.sent == 1 + 3
    assert json_values(found.only)["commits_over_52w"] == repo.tree.count_weeks()


def test_an_empty_repository_has_zeros() -> None:
    for repo in (Repo(History(TODAY)), Repo(History(TODAY), {"empty": False})):
        values = json_values(repo.ask(source(participants="old")).only)
        assert (values["commit_count"], values["participants"]) == (0, "")
        assert values["commits_over_52w"] == (0,) * 52
        assert values["last_commit_date"] is None
        assert len(repo.asked_for) == (2 if repo.document else 1)


def test_code_that_may_not_be_seen_leaves_the_rest() -> None:
    repo = Repo(broken={COMMITS: [(403, {}, {"message": "no"})]})
    found = repo.ask(source())
    assert "commit_count" not in json_values(found.only)
    assert repo.ask(known(source(), found.only)).sent == 1


def test_when_a_repository_was_archived() -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    told = Repo(document={"archived": True, "archived_at": "2026-02-03T05:05:06+01:00"})
    untold = Repo(document={"archived": True})
    assert json_values(told.ask(source()).only)["date_repo_archived"] == at
    assert json_values(untold.ask(source()).only)["date_repo_archived"] == TODAY
    before = source(date_repo_archived=at)
    assert json_values(untold.ask(before).only)["date_repo_archived"] == at
    for date in ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"):
        never = Repo(document={"archived_at": date})
        assert json_values(never.ask(before).only)["date_repo_archived"] is None


def test_a_renamed_repository_moved() -> None:
    there = {"Location": "/api/v1/repos/owner/tool"}
    repo = Repo(broken={"GET /api/v1/repos/old/name": [(307, there, b"")]})
    found = repo.ask(source("old/name"))
    assert isinstance(found.only, Moved)
    assert (found.only.address, found.only.url) == ("owner/tool", "https://codeberg.org/owner/tool")
    assert json_values(found.only)["commit_count"] == len(AGES)
    assert found.sent == 3


@pytest.mark.parametrize("name", ["../x", "a/b/c", "owner", "<script>/x"])
def test_a_new_name_that_is_no_address_fails(name: str) -> None:
    assert isinstance(Repo(document={"full_name": name}).ask(source()).only, Failed)


@each_status
def test_what_a_status_means(status: int, outcome: Gone | Failed) -> None:
    repo = Repo(broken={"GET /api/v1/repos/owner/tool": [(status, {}, {})]})
    assert repo.ask(source()).only == outcome


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [(429, {"Retry-After": "20"}, 20), (429, {}, 60), (403, {"Retry-After": "20"}, 20)],
)
def test_a_limit_postpones_what_is_left(status: int, headers: dict[str, str], seconds: int) -> None:
    routes: dict[str, Any] = {
        "GET /api/v1/repos/owner/tool": lambda _: (200, {}, Repo().json()),
        COMMITS: [(status, headers, b"slow down")],
    }
    with Replay.from_routes(routes, PAGED) as replay:
        sources = [replace(source(), package=replace(source().package, id=id)) for id in (1, 2)]
        found = asked(host(replay.url), sources)
    until = TODAY + timedelta(seconds=seconds)
    assert [
        outcome.until for outcome in found.outcomes.values() if isinstance(outcome, Postponed)
    ] == [until, until]
    assert found.sent == 2


@pytest.mark.parametrize("answer", [(200, {}, b'{"id": 9, "stars_c'), (502, {}, b"<html>")])
def test_a_fault_is_tried_again_and_then_fails_its_package(answer: Any) -> None:
    healed = Repo()
    routes: dict[str, Any] = {"GET /api/v1/repos/owner/tool": [answer, (200, {}, healed.json())]}
    found = Repo(broken=routes).ask(source())
    assert isinstance(found.only, Figures)
    assert found.sent == 3
    broken = Repo(broken={"GET /api/v1/repos/owner/tool": [answer]}).ask(source())
    assert isinstance(broken.only, Failed)
    assert broken.sent == 3


def test_a_date_that_stands_for_none_is_not_read_beside_the_committers() -> None:
    repo = Repo()
    listed = [
        forgejo.build_commit(repo.repository, number) | {"created": "0001-01-01T00:00:00Z"}
        for number in reversed(range(len(AGES)))
    ]
    repo.broken = {COMMITS: [(200, {"X-Total-Count": str(len(listed))}, listed)]}
    found = repo.ask(source()).only
    assert isinstance(found, Figures)
    assert found.values["commit_count"] == len(AGES)


def test_a_list_that_breaks_off_fails() -> None:
    first = [{"sha": "a", "created": "2026-11-01T00:00:00Z"}]
    listed = [(200, {"X-Total-Count": "60"}, first), (404, {}, {})]
    assert isinstance(Repo(broken={COMMITS: listed}).ask(source()).only, Failed)


def test_codeberg_is_asked_at_the_rate_of_its_proxy_and_others_more_slowly() -> None:
    codeberg = host("https://codeberg.org").policy.meters["all"]
    other = host("https://git.example.org", "git.example.org").policy.meters["all"]
    assert (codeberg.limit, codeberg.seconds) == (4_000, 1_800)
    assert (other.limit, other.seconds) == (300, 60)


#: Moves on with each example, or the budget would be spent by all of them together.
CLOCK = FakeTime()
VALID = Repo(History(TODAY).add_line("a", [1]))
VALID_COMMIT = subset(forgejo.build_commit(VALID.repository, 0), "sha commit author parents")
VALID_DOCUMENT = subset(
    VALID.json(),
    "id full_name description empty archived archived_at stars_count forks_count watchers_count "
    "default_branch updated_at",
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoilt(VALID_DOCUMENT), spoilt([VALID_COMMIT]))
def test_any_json_comes_to_an_outcome(document: Any, commits: Any) -> None:
    CLOCK.advance(minutes=5)
    routes: dict[str, Any] = {
        "GET /api/v1/repos/owner/tool": [(200, {}, document)],
        COMMITS: [(200, {}, commits)],
    }
    outcome = Repo(broken=routes).ask(source(), CLOCK.now()).only
    assert isinstance(outcome, Figures | Failed)
    if isinstance(outcome, Figures):
        assert_storable(outcome)
