"""Each recorded conversation with Forgejo, Gitea and Codeberg, and what comes of it.

Commits were recorded nowhere, and two recordings are lists of repositories, for which we do not
ask: their entries are served as the documents that they are; the tests say so.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import Figures, Source
from chalicelib.refresh.hosts.forgejo import Codeberg, Forgejo
from chalicelib.refresh.hosts.registry import locate
from chalicelib.settings import SelfHosted, Upstreams
from tests.contract.recordings.recorded import answers, body
from tests.support.upstream.asking import Asked, FakeTime, asked, source
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables")

IGNORED = ("limit", "page", "stat", "verification", "files")


def repository(address: str, host: str, **values: Any) -> Source:
    return source(address, host, repo_url=f"https://{host}/{address}", **values)


def asked_for(replay: Replay, name: str, before: Source, at: datetime | None = None) -> Asked:
    ours = Forgejo(replay.url, domain=name)
    return asked(ours, [before], FakeTime(at).context() if at else None)


def figures(found: Asked) -> Figures:
    assert type(found.only) is Figures, found.only
    return found.only


def commit(sha: str, date: str) -> dict[str, Any]:
    """A commit that is made up."""
    author = {"name": "Ada", "date": date}
    return {"sha": sha, "commit": {"author": author, "committer": author}, "parents": []}


def test_the_newest_commit_of_a_page_and_the_total_of_its_header(recordings: Path) -> None:
    # Recorded with pages of one; asked as of a day on which the newest is older than 52 weeks.
    har = recordings / "docs-codeberg-commits.har"
    with Replay.from_har(har, {}, IGNORED) as replay:
        before = source("example/tool", "codeberg", repo_url="https://codeberg.org/example/tool")
        ours = Codeberg(replay.url)
        time = FakeTime(datetime(2027, 10, 1, 12, tzinfo=UTC))
        found = asked(ours, [before], time.context())
        assert replay.requests[1].query.items() >= {
            ("stat", "false"),
            ("verification", "false"),
            ("files", "false"),
        }
    assert found.sent == 2
    assert figures(found).values == {
        "repo_watchers": 12,
        "repo_forks": 3,
        "repo_description": "Example",
        "date_repo_archived": None,
        "last_commit_date": datetime(2026, 8, 30, 7, 59, tzinfo=UTC),
        "commit_count": 318,
        "commits_over_52w": (0,) * 52,
        "participants": "alice",
    }
    assert figures(found).state["head"] == f"{318:040x}"


def test_nothing_pushed_since_is_one_request(recordings: Path) -> None:
    har = recordings / "docs-codeberg-commits.har"
    state = {
        "updated": "2026-08-30T10:00:00Z",
        "head": f"{318:040x}",
        "weeks": {"until": "2026-08-31", "series": "commits"},
    }
    before = repository(
        "example/tool", "codeberg.org", state=state, commits_over_52w=(*(0,) * 51, 7)
    )
    with Replay.from_har(har) as replay:
        found = asked_for(replay, "codeberg.org", before, datetime(2026, 9, 8, 12, tzinfo=UTC))
        # There is no ETag to ask with.
        assert "If-None-Match" not in replay.requests[0].headers
    assert found.sent == 1
    assert figures(found).values["commits_over_52w"] == (*(0,) * 50, 7, 0)
    assert "commit_count" not in figures(found).values


def test_a_repository_at_a_gitea(recordings: Path) -> None:
    # The commits are made up.
    upstreams = Upstreams(self_hosted=(SelfHosted("gitea.com", "forgejo"),))
    place = locate("https://gitea.com/gitea/test_repo/src/branch/master", upstreams)
    assert place == ("gitea.com", "gitea/test_repo")
    listed = [commit("a", "2020-09-01T18:00:00Z")]
    made: Routes = {"GET /api/v1/repos/gitea/test_repo/commits": [(200, {}, listed)]}
    with Replay.from_har(recordings / "gitea-repo.har", made, IGNORED) as replay:
        found = asked_for(replay, "gitea.com", repository("gitea/test_repo", "gitea.com"))
    values = figures(found).values
    # Stars, not those who watch (10).
    assert (values["repo_watchers"], values["repo_forks"]) == (1, 2)
    assert values["repo_description"] == "Test repository for testing migration from gitea to gitea"
    # It says 1970 of what was never archived.
    assert values["date_repo_archived"] is None
    assert figures(found).state["updated"] == "2020-09-01T18:03:41Z"


def test_what_a_forgejo_lists_is_read_one_by_one(recordings: Path) -> None:
    entries = body(recordings / "forgejo-list.har", "limit=3&page=1")["data"]
    assert [entry["full_name"] for entry in entries] == [
        "maks1ms/.profile",
        "sclu1034-1/.profile-other",
        "Beowulf/10412",
    ]
    # Each entry as the document of its repository; the commits are made up.
    made: Routes = {
        route: [(200, {}, answer)]
        for entry in entries
        for route, answer in {
            f"GET /api/v1/repos/{entry['full_name']}": entry,
            f"GET /api/v1/repos/{entry['full_name']}/commits": [
                commit("a", entry["updated_at"]),
            ],
        }.items()
    }
    host = "v13.next.forgejo.org"
    sources = [
        repository(entry["full_name"], host, id=number) for number, entry in enumerate(entries, 1)
    ]
    with Replay.from_har(recordings / "forgejo-list.har", made, IGNORED) as replay:
        ours = Forgejo(replay.url, domain=host)
        found = asked(ours, sources)
        assert not replay.unknown
    for number, entry in enumerate(entries, 1):
        outcome = found.outcomes[number]
        assert type(outcome) is Figures
        assert (outcome.values["repo_watchers"], outcome.values["repo_forks"]) == (0, 0)
        assert outcome.values["date_repo_archived"] is None
        assert outcome.values["last_commit_date"] == datetime.fromisoformat(entry["updated_at"])
        assert outcome.state["updated"] == entry["updated_at"]


def test_the_total_is_that_of_x_total_count(recordings: Path) -> None:
    # Recorded of a search: its header is served with commits, of which the page has one.
    har = recordings / "gitea-search-total-count.har"
    ((status, headers, _),) = answers(har, "uid=3")
    first, second = body(har, "uid=3")["data"]
    assert (first["full_name"], second["full_name"]) == ("lunny/baRSS", "lunny/test-dll")
    listed = [commit("a", "2022-01-11T12:52:32Z")]
    route = "GET /api/v1/repos/lunny/test-dll"
    made: Routes = {
        route: [(status, {}, second)],
        f"{route}/commits": [(status, headers, listed)],
    }
    with Replay.from_har(har, made, IGNORED) as replay:
        before = repository("lunny/test-dll", "try.gitea.io")
        found = asked_for(replay, "try.gitea.io", before, datetime(2023, 3, 1, tzinfo=UTC))
    values = figures(found).values
    assert values["commit_count"] == 2
    # It has no ``archived_at``.
    assert values["date_repo_archived"] is None
