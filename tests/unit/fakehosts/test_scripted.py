"""Histories that tests write: git's order, and the numbers that hosts page by."""

from datetime import UTC, datetime

from tools.fakehosts.hosts.forgejo import Forgejo
from tools.fakehosts.replay import Replay, Routes
from tools.fakehosts.scripted import History, ScriptedRepository
from tools.fakehosts.server import Headers, Request

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def build_history() -> History:
    """Two lines that a merge unites; the branch's commit is older than its neighbours."""
    history = History(NOW).add_line("a", [30, 20, 10])
    return history.add_commit("b", 15, "a0", author="eve").add_commit("m", 1, "a2", "b")


def test_no_commit_is_listed_before_its_children() -> None:
    history = build_history()
    assert [commit.id for commit in history.list_commits()] == ["m", "a2", "b", "a1", "a0"]
    history.head = "a2"
    history.add_commit("c", 0)
    assert [commit.id for commit in history.list_commits()] == ["c", "a2", "a1", "a0"]


def test_commits_are_numbered_from_the_oldest_and_merges_are_nobodys() -> None:
    repository = ScriptedRepository("owner/tool", build_history())
    assert (repository.total, repository.head) == (5, "m")
    assert repository.get_commit(4).parents == ("a2", "b")
    since = repository.get_instant(3)
    assert [repository.get_oid(number) for number in repository.find_commits(since, None)] == [
        "a2",
        "m",
    ]
    names = {repository.get_login(who): count for who, count in repository.rank_contributors()}
    assert names == {"ada": 3, "eve": 1}


def test_a_replay_of_a_host_replaces_only_the_routes_that_are_named() -> None:
    host = Forgejo("https://codeberg.org", has_limits=False)
    host.repositories.add(ScriptedRepository("owner/tool", build_history(), stars=12))
    routes: Routes = {"GET /api/v1/version": [(500, {}, b"")]}
    with Replay.from_host(host, routes) as replay:
        answers = [
            replay._handle(Request("GET", f"/api/v1/{path}", Headers()))
            for path in ("version", "repos/owner/tool", "repos/owner/other")
        ]
    assert [answer.status for answer in answers] == [500, 200, 404]
    assert answers[1].body["stars_count"] == 12
    assert len(replay.requests) == 3
