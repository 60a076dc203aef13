"""Codeberg, and other hosts that run Forgejo or Gitea: repository by repository.

There are no conditional requests and no statistics. ``updated_at`` moves with every push; only
then the commits are listed, newest first, back to the one that was the newest last time. The
list has the total in ``X-Total-Count`` (Gitea's API documentation, "Pagination") and merges.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from chalicelib.refresh.fetch_result import FetchResult, Provenance, Source
from chalicelib.refresh.hosts.base import Host, has_part
from chalicelib.refresh.hosts.commit_history import Commit, Page, collect_commits
from chalicelib.refresh.hosts.figure_collector import FigureCollector
from chalicelib.refresh.hosts.json_types import (
    Count,
    Instant,
    Name,
    RequiredText,
    Text,
    decode,
)
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.rate_limit_headers import parse_number
from chalicelib.refresh.json_fields import BadValue
from chalicelib.refresh.rate_limit import Policy, Rate

_METER = "all"
_COST = {_METER: 1}
_MAX_PAGES, _PAGE_SIZE = 10, 50
#: Without these the host computes the changes of every commit that it lists.
_WITHOUT_CHANGES = {"stat": "false", "verification": "false", "files": "false"}
_EMPTY_STATUS = 409
#: ``archived_at`` of what is not archived is the epoch's beginning.
_MIN_ARCHIVED_SECONDS = timedelta(days=1).total_seconds()

_REPO = "GET /repos/:owner/:repo"
_COMMITS = "GET /repos/:owner/:repo/commits"


class _Repository(Struct):
    full_name: RequiredText
    updated_at: RequiredText
    stars_count: Count
    forks_count: Count
    archived: bool
    description: Text = Text()
    # Of what is not archived it may be any date that stands for none.
    archived_at: Any = None
    empty: Any = None


class _Committer(Struct):
    date: Instant | None = None


class _Author(Struct):
    name: Name = Name()


class _User(Struct):
    login: Name = Name()


class _Parent(Struct):
    sha: RequiredText


class _GitCommit(Struct):
    committer: _Committer | None = None
    author: _Author | None = None


class _Commit(Struct):
    sha: RequiredText
    commit: _GitCommit | None = None
    # Where the committer has a date it may be one that stands for none.
    created: Any = None
    author: _User | None = None
    parents: list[_Parent] | None = None


class Forgejo(Host):
    """An instance of Forgejo or Gitea that somebody else runs."""

    self_hosted_kind: str | None = "forgejo"
    api_path = "/api/v1"
    takes_token = False

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return our own limit; instances name none."""
        return Policy({_METER: Rate(300, 60, 60)}, concurrency=1, batch=25)

    def fetch_one(self, source: Source, session: Session) -> FetchResult:
        """Ask for the repository, and for its commits where something was pushed."""
        reply = session.get(f"/api/v1/repos/{quote(source.address)}", cost=_COST)
        if error := self.error_outcome(reply):
            return error
        repository = decode(reply.json, _Repository)
        collector = FigureCollector(source, session.context.now())
        collector.set_repository(
            Provenance(_REPO),
            stars=repository.stars_count,
            forks=repository.forks_count,
            description=repository.description,
            is_archived=repository.archived,
            archived_at=_read_archived_at(repository) if repository.archived else None,
        )
        collector.address, updated = repository.full_name, repository.updated_at
        if updated == source.state.get("updated") and not collector.has_lost_weeks:
            collector.age_weeks()
        elif repository.empty is True:
            collector.set_empty(_COMMITS)
        else:
            _collect_commits(collector, session)
        collector.state["updated"] = updated
        return collector.build_result()


class Codeberg(Forgejo):
    """Codeberg, the largest public instance."""

    name = "codeberg"
    self_hosted_kind = None
    domains = ("codeberg.org",)
    public_url = "https://codeberg.org"

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return 4,000 in 30 minutes, its proxy's limit (reported in luanti-org/contentdb#607)."""
        return Policy({_METER: Rate(4_000, 1_800, 800)}, concurrency=1, batch=25)


def _read_archived_at(repository: _Repository) -> datetime | None:
    """Return when a repository was archived; ``None`` if it is not told."""
    at = decode(repository.archived_at, Instant) if repository.archived_at else None
    return at if at is not None and at.timestamp() >= _MIN_ARCHIVED_SECONDS else None


def _collect_commits(collector: FigureCollector, session: Session) -> None:
    """Set what the list of commits tells, or move the weeks on if there is no code to see."""
    pages = _iter_pages(session, f"/api/v1/repos/{quote(collector.address)}/commits")
    first = next(pages, None)
    if first is None:
        collector.age_weeks()
    else:
        collect_commits(collector, _COMMITS, chain([first], pages))


def _iter_pages(session: Session, path: str) -> Iterator[Page]:
    """Yield the pages of commits; none where there is no code to see. Raises BadValue.

    The pages are counted here: the links that some instances send have lost the parameters.
    """
    read = 0
    for page in range(1, _MAX_PAGES + 1):
        params: dict[str, str | int] = {"limit": _PAGE_SIZE, "page": page, **_WITHOUT_CHANGES}
        reply = session.get(path, cost=_COST, params=params)
        if reply.status == _EMPTY_STATUS and page == 1:
            yield Page([], is_last=True, total=0)
            return
        if not has_part(reply):
            if page > 1:
                raise BadValue(f"status {reply.status} within the list of commits")
            return
        entries = decode(reply.json, list[_Commit])
        read += len(entries)
        total = parse_number(reply.headers, "X-Total-Count")
        has_more = read < total if total is not None else "next" in reply.links
        commits = [_read_commit(entry) for entry in entries]
        yield Page(commits, is_last=not entries or not has_more, total=total)


def _read_commit(entry: _Commit) -> Commit:
    commit = entry.commit or _GitCommit()
    at = commit.committer.date if commit.committer else None
    if at is None and entry.created is not None:
        at = decode(entry.created, Instant)
    if at is None:
        raise BadValue("a commit has no date")
    author = (entry.author.login if entry.author else "") or (
        commit.author.name if commit.author else ""
    )
    parents = None if entry.parents is None else tuple(parent.sha for parent in entry.parents)
    return Commit(entry.sha, at, author, parents)
