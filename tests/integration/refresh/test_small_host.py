"""A complete host in one file, and a package that is refreshed through it.

``docs/howto/add-a-host.md`` walks through the same steps. The forge is made up: a document of each
repository, with conditional requests, and a list of its commits, newest first.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import Struct

from chalicelib import clock
from chalicelib.cli.__main__ import main
from chalicelib.refresh.fetch_result import FetchResult, Provenance, Source
from chalicelib.refresh.hosts import registry
from chalicelib.refresh.hosts.base import Host, has_part
from chalicelib.refresh.hosts.commit_history import Commit, Page, collect_commits
from chalicelib.refresh.hosts.figure_collector import FigureCollector
from chalicelib.refresh.hosts.json_types import Count, Instant, Name, RequiredText, Text, decode
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.json_fields import BadValue
from chalicelib.refresh.rate_limit import Policy, Rate
from tests.support.api_client import ask
from tests.support.fixtures import category, package, write
from tests.support.serving import answering
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, ResponseParts
from tools.fakehosts.server import Request

# ------------------------------------------------------------------------------- the host's module

_COST = {"minute": 1}
_PAGE_SIZE, _MAX_PAGES = 2, 10


class _Repository(Struct):
    path: RequiredText
    stars: Count
    forks: Count
    archived: bool
    about: Text = Text()


class _Commit(Struct):
    id: RequiredText
    date: Instant
    author: Name = Name()


class Smithy(Host):
    """A forge of which nobody has heard."""

    name = "smithy"
    domains = ("smithy.example",)
    public_url = "https://api.smithy.example"
    limit_prefix = "X-RateLimit"

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return 600 requests a minute with a token, and 60 without."""
        limit = 600 if has_token else 60
        return Policy({"minute": Rate(limit, 60, limit // 5)}, concurrency=1, batch=10)

    def fetch_one(self, source: Source, session: Session) -> FetchResult:
        """Ask for the repository, conditionally, and for its commits where it changed."""
        collector = FigureCollector(source, session.context.now())
        path = f"/repos/{quote(source.address)}"
        reply = session.get(path, cost=_COST, etag=source.state.get("etag"))
        if error := self.error_outcome(reply):
            return error
        if reply.status == 304 and not collector.has_lost_weeks:
            collector.age_weeks()
            return collector.build_not_modified()
        if reply.status == 200:
            repository = decode(reply.json, _Repository)
            collector.set_repository(
                Provenance.of_etag("GET /repos/:owner/:name", reply.etag),
                stars=repository.stars,
                forks=repository.forks,
                description=repository.about,
                is_archived=repository.archived,
            )
            collector.address = repository.path
            collector.state["etag"] = reply.etag
        collect_commits(collector, "GET /repos/:owner/:name/commits", _iter_pages(session, path))
        return collector.build_result()


def _iter_pages(session: Session, path: str) -> Iterator[Page]:
    for number in range(1, _MAX_PAGES + 1):
        params: dict[str, str | int] = {"page": number, "size": _PAGE_SIZE}
        reply = session.get(f"{path}/commits", cost=_COST, params=params)
        if not has_part(reply):
            raise BadValue("the list of commits is missing")
        entries = decode(reply.json, list[_Commit])
        commits = [Commit(entry.id, entry.date, entry.author) for entry in entries]
        yield Page(commits, is_last=len(commits) < _PAGE_SIZE)


# ---------------------------------------------------------------------------------------- its test

_DAYS = {"c4": 1, "c3": 8, "c2": 300, "c1": 500}
_AUTHORS = {"c4": "ada", "c3": "bob", "c2": "ada", "c1": "eve"}


def _commits(*ids: str) -> Any:
    entries = [
        {"id": id, "date": (TODAY - timedelta(days=_DAYS[id])).isoformat(), "author": _AUTHORS[id]}
        for id in ids
    ]

    def page(request: Request) -> ResponseParts:
        query = dict(request.query)
        start = (int(query["page"]) - 1) * int(query["size"])
        return 200, {}, entries[start : start + int(query["size"])]

    return page


@pytest.mark.usefixtures("tables", "bucket")
def test_a_package_is_refreshed_through_a_host_of_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {"path": "smith/anvil", "stars": 7, "forks": 2, "about": "Heavy.", "archived": False}
    limits = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "41", "X-RateLimit-Reset": "30"}
    routes = {
        "GET /repos/smith/anvil": [(200, {"ETag": '"1"', **limits}, document), (304, {}, b"")],
        **{
            f"GET /repos/smith/anvil/commits?page={page}&size=2": _commits("c4", "c3", "c2", "c1")
            for page in (1, 2, 3)
        },
    }
    monkeypatch.setattr(registry, "HOST_CLASSES", [*registry.HOST_CLASSES, Smithy])
    monkeypatch.setenv(clock.FREEZE_VARIABLE, TODAY.isoformat())
    url = "https://www.smithy.example/smith/anvil/tree/main"
    file = tmp_path / "catalogue.json"
    records = [category(1), package(1, slug="anvil", repo_url=url, pypi_url="")]
    with Replay.from_routes(routes) as replay, answering() as port:
        monkeypatch.setenv("SMITHY_API_URL", replay.url)
        monkeypatch.setenv("SMITHY_TOKEN", "of-the-smith")
        assert main(["load", "--strict", str(write(file, records))]) == 0
        assert main(["refresh", "--host", "smithy"]) == 0
        body = ask(port, "/api/v4/packages/1/").json
        first = len(replay.requests)
        monkeypatch.setenv(clock.FREEZE_VARIABLE, (TODAY + timedelta(days=1)).isoformat())
        assert main(["refresh"]) == 0
        again = ask(port, "/api/v4/packages/1/").json
        assert {request.headers["Authorization"] for request in replay.requests} == {
            "Bearer of-the-smith"
        }
        # Nothing had changed: one conditional request.
        assert len(replay.requests) == first + 1
    assert (body["repo_watchers"], body["repo_forks"]) == (7, 2)
    assert body["repo_description"] == "Heavy."
    assert body["participants"] == ["ada", "bob", "eve"]
    # The last week ends with today; what is older than 52 of them is not in.
    assert sum(body["commits_over_52"]) == 3
    assert body["commits_over_52"][-2:] == [1, 1]
    assert body["last_fetched"] is not None
    assert again["repo_watchers"] == 7
    capsys.readouterr()
    assert main(["status"]) == 0
    assert "smithy" in capsys.readouterr().out
