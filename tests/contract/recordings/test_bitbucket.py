"""Each recorded conversation with Bitbucket, and what comes of it.

The recordings ask with a slash at the end and in pages of another size; their answers are served
where ours are asked for. What a recording lacks of a refresh is made up; the test says so.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import Figures, Gone, Postponed, Source
from chalicelib.refresh.hosts.bitbucket import Bitbucket
from tests.contract.recordings.recorded import answers, body
from tests.support.upstream.asking import Asked, FakeTime, asked, source
from tools.fakehosts.replay import Replay, ResponseParts, Routes

pytestmark = pytest.mark.usefixtures("tables")

MSSQL = "GET /2.0/repositories/Manfre/django-mssql"
IOSTAT = "GET /2.0/repositories/codekoala/node-iostat"
IGNORED = ("pagelen", "include")
NO_COMMITS: list[ResponseParts] = [(200, {}, {"values": [], "pagelen": 100})]


def repository(address: str, **values: Any) -> Source:
    return source(address, "bitbucket", repo_url=f"https://bitbucket.org/{address}", **values)


def asked_for(replay: Replay, before: Source, time: FakeTime | None = None) -> Asked:
    ours = Bitbucket(replay.url, None)
    return asked(ours, [before], time.context() if time else None)


def figures(found: Asked) -> Figures:
    assert isinstance(found.only, Figures), found.only
    return found.only


def metadata(recordings: Path) -> dict[str, list[ResponseParts]]:
    """The recorded repository, its forks and its watchers."""
    har = recordings / "bitbucket-metadata.har"
    return {
        MSSQL: answers(har, "/django-mssql/"),
        f"{MSSQL}/forks": answers(har, "/forks/"),
        f"{MSSQL}/watchers": answers(har, "/watchers/"),
    }


def test_the_sizes_of_the_envelopes_are_forks_and_watchers(recordings: Path) -> None:
    # Commits are made up: there are none.
    made: Routes = {**metadata(recordings), f"{MSSQL}/commits": NO_COMMITS}
    with Replay.from_har(recordings / "bitbucket-metadata.har", made, IGNORED) as replay:
        found = asked_for(replay, repository("Manfre/django-mssql"))
        assert replay.targets == [
            MSSQL,
            f"{MSSQL}/watchers?pagelen=1",
            f"{MSSQL}/forks?pagelen=1",
            f"{MSSQL}/commits?pagelen=100&include=master",
        ]
    values = figures(found).values
    # Watchers stand in for stars; each list has ten of them on its first page.
    assert (values["repo_forks"], values["repo_watchers"]) == (37, 16)
    assert values["repo_description"].startswith("Microsoft SQL server backend for Django")
    assert "date_repo_archived" not in values
    state = figures(found).state
    assert state["etag"] == '"3243214196e063a7ed385e8888de2c91"'
    assert (state["updated"], state["branch"]) == ("2023-03-28T23:23:14.419025+00:00", "master")
    assert type(found.only) is Figures


def test_commits_without_a_size_are_counted_page_by_page(recordings: Path) -> None:
    # The second page, to which the recorded link leads, is made up.
    har = recordings / "bitbucket-commits.har"
    (page,) = answers(har, "/commits/?limit=50")
    recorded = body(har, "/commits/?limit=50")
    oldest = {
        "hash": "9237f5e",
        "date": "2016-03-15T17:00:00+00:00",
        "author": {"raw": "Ada <a@b>"},
    }
    following = recorded["next"].removeprefix("https://api.bitbucket.org")
    made: Routes = {
        **metadata(recordings),
        f"{MSSQL}/commits": [page],
        f"GET {following}": [(200, {}, {"values": [oldest], "pagelen": 30})],
    }
    time = FakeTime(datetime(2018, 8, 23, 12, tzinfo=UTC))
    with Replay.from_har(har, made, IGNORED) as replay:
        found = figures(asked_for(replay, repository("Manfre/django-mssql"), time))
        assert replay.targets[-1] == f"GET {following}"
    assert "size" not in recorded and len(recorded["values"]) == 30
    assert found.values["commit_count"] == 31
    assert found.values["last_commit_date"] == datetime(2018, 8, 22, 18, 50, 22, tzinfo=UTC)
    # Three of 22 August 2018, one of 12 December 2017 (36 weeks before); the next is older.
    assert found.values["commits_over_52w"] == (*(0,) * 15, 1, *(0,) * 35, 3)
    names = found.values["participants"].split(",")
    assert names[0] == "Manfre" and "AdamChainz" in names and "Ada" in names
    assert "@" not in found.values["participants"]
    assert found.state["head"] == "5c1672ba764b65a30e81863ad0a1672b81376bec"


def test_what_was_committed_since_is_added_to_the_recorded_commits(recordings: Path) -> None:
    # As if the repository had last been read when the branch was merged and its head not yet.
    (page,) = answers(recordings / "bitbucket-commits.har", "/commits/?limit=50")
    made: Routes = {**metadata(recordings), f"{MSSQL}/commits": [page]}
    merge = "539658797852867c386022a80b1ed50ce281a776"
    state = {
        "head": merge,
        "total": 500,
        "weeks": {"until": "2018-08-23", "series": "commits"},
        "authors": {"Manfre": 400},
    }
    before = repository("Manfre/django-mssql", state=state, commits_over_52w=(1,) * 52)
    time = FakeTime(datetime(2018, 8, 22, 20, tzinfo=UTC))
    with Replay.from_har(recordings / "bitbucket-commits.har", made, IGNORED) as replay:
        found = asked_for(replay, before, time)
    assert found.sent == 4
    assert figures(found).values["commit_count"] == 501
    assert figures(found).values["commits_over_52w"] == (*(1,) * 51, 2)
    assert figures(found).state["authors"] == {"Manfre": 401}


def test_a_repository_without_forks(recordings: Path) -> None:
    har = recordings / "bitbucket-410-v1.har"
    made: Routes = {
        f"{IOSTAT}/forks": answers(har, "/forks/"),
        f"{IOSTAT}/watchers": [(200, {}, {"size": 1, "values": []})],
        f"{IOSTAT}/commits": NO_COMMITS,
    }
    with Replay.from_har(har, made, IGNORED) as replay:
        found = figures(asked_for(replay, repository("codekoala/node-iostat")))
        # The version that is gone is never asked.
        assert not any("/1.0/" in target for target in replay.targets)
    assert found.values["repo_forks"] == 0
    assert found.values["repo_description"].startswith("Uses Node.js and flot")


def test_a_410_means_gone(recordings: Path) -> None:
    # Recorded of version 1.0, which we do not ask: served as if it were the repository's.
    har = recordings / "bitbucket-410-v1.har"
    made: Routes = {IOSTAT: answers(har, "api_version=1.0")}
    with Replay.from_har(har, made) as replay:
        found = asked_for(replay, repository("codekoala/node-iostat"))
    assert found.only == Gone("410 Gone")
    assert found.sent == 1


def test_a_limit_whose_reset_is_in_seconds_to_go(recordings: Path) -> None:
    time = FakeTime()
    began = time.now()
    # The recording lacks what comes afterwards.
    (limited,) = answers(recordings / "docs-bitbucket-429.har", "/team/thing")
    route = "GET /2.0/repositories/team/thing"
    made: Routes = {route: [limited, (404, {}, {"type": "error"})]}
    with Replay.from_har(recordings / "docs-bitbucket-429.har", made) as replay:
        first = asked_for(replay, repository("team/thing"), time)
        assert isinstance(first.only, Postponed)
        # A second more than it says, for clocks that differ.
        assert first.only.until == began + timedelta(seconds=881)
        early = asked_for(replay, repository("team/thing"), time)
        assert isinstance(early.only, Postponed) and early.sent == 0
        time.move_to(first.only.until)
        second = asked_for(replay, repository("team/thing"), time)
    assert second.only == Gone("404 Not Found")
    assert len(replay.requests) == 2
