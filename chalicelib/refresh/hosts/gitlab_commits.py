"""Commits and contributors of a project's default branch, from GitLab's REST API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from chalicelib.refresh.hosts.base import has_part
from chalicelib.refresh.hosts.commit_history import Commit, Listing
from chalicelib.refresh.hosts.json_types import Count, Instant, Name, RequiredText, decode
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.rate_limit_headers import parse_number
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import join_names

METER = "all"
_PAGE_SIZE = 100
_MAX_CONTRIBUTOR_PAGES, _MAX_COMMIT_PAGES = 10, 20
#: GitLab groups no more than so many of the newest commits into contributors
#: (``Repository#contributors`` in its source): a sum of just this many is no total.
_MAX_SUMMED = 2_000

Params = Mapping[str, str | int]


class _Commit(Struct):
    id: RequiredText
    committed_date: Instant
    author_name: Name = Name()


class _Contributor(Struct):
    commits: Count
    name: Name = Name()


@dataclass(frozen=True, slots=True)
class Contributors:
    """The sum of their commits without merges, where it is the total, and their names."""

    total: int | None
    names: str


def read_commits(
    session: Session, project: int, since: datetime, is_bounded: bool
) -> Listing | None:
    """Read the commits back to ``since``, merges included; ``None`` where no code is to be seen.

    ``is_bounded`` leaves older ones out; without, the newest commit is there whatever its age.
    """
    params: Params = {"per_page": _PAGE_SIZE}
    if is_bounded:
        params = {**params, "since": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    path = f"/api/v4/projects/{project}/repository/commits"
    listing = Listing()
    for _ in range(_MAX_COMMIT_PAGES):
        reply = session.get(path, cost={METER: 1}, params=params)
        if not has_part(reply):
            return None
        commits = decode(reply.json, list[_Commit])
        listing.history.add(
            Commit(commit.id, commit.committed_date, commit.author_name) for commit in commits
        )
        path, params = _next_page(reply, path, params)
        oldest = listing.commits[-1:]
        if not path or (oldest and oldest[0].at < since):
            listing.is_complete = True
            break
    return listing


def read_contributors(session: Session, project: int) -> Contributors | None:
    """Read who committed, the most active first; ``None`` where there is no code to see."""
    counts: dict[str, int] = {}
    path = f"/api/v4/projects/{project}/repository/contributors"
    params: Params = {"per_page": _PAGE_SIZE, "order_by": "commits", "sort": "desc"}
    for _ in range(_MAX_CONTRIBUTOR_PAGES):
        reply = session.get(path, cost={METER: 1}, params=params)
        if not has_part(reply):
            return None
        for person in decode(reply.json, list[_Contributor]):
            counts[person.name] = counts.get(person.name, 0) + person.commits
        path, params = _next_page(reply, path, params)
        if not path:
            break
    total = sum(counts.values())
    is_total = not path and total != _MAX_SUMMED
    ordered = sorted(counts, key=lambda name: -counts[name])
    return Contributors(total if is_total else None, join_names(ordered))


def _next_page(reply: HostResponse, path: str, params: Params) -> tuple[str, Params]:
    """Return path and parameters of the next page; both empty after the last.

    The number goes before the Link, whose scheme, host and port are often not those at which a
    self-hosted one is reached (python-gitlab/python-gitlab#1254, NARKOZ/gitlab#494).
    """
    page = parse_number(reply.headers, "X-Next-Page")
    if page:
        return path, {**params, "page": page}
    return reply.links.get("next", ""), {}
