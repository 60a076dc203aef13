"""Commits and contributors of a project's default branch, from GitLab's REST API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.refresh.hosts.base import has_part
from chalicelib.refresh.hosts.commit_history import Commit, Listing, check_list
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.rate_limit_headers import parse_number
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import (
    BadValue,
    get_datetime,
    get_int,
    get_required_text,
    get_text,
    join_names,
)

METER = "all"
_PAGE_SIZE = 100
_MAX_CONTRIBUTOR_PAGES, _MAX_COMMIT_PAGES = 10, 20
#: GitLab groups no more than so many of the newest commits into contributors
#: (``Repository#contributors`` in its source): a sum of just this many is no total.
_MAX_SUMMED = 2_000

Params = Mapping[str, str | int]


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
        listing.history.add(_read_commit(entry) for entry in check_list(reply.json))
        path, params = _next_page(reply, path, params)
        commits = listing.commits
        if not path or (commits and commits[-1].at < since):
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
        for entry in check_list(reply.json):
            name = get_text(entry, "name", longest=200)
            counts[name] = counts.get(name, 0) + get_int(entry, "commits")
        path, params = _next_page(reply, path, params)
        if not path:
            break
    total = sum(counts.values())
    is_total = not path and total != _MAX_SUMMED
    ordered = sorted(counts, key=lambda name: -counts[name])
    return Contributors(total if is_total else None, join_names(ordered))


def _read_commit(json: Any) -> Commit:
    at = get_datetime(json, "committed_date")
    if at is None:
        raise BadValue("committed_date is empty")
    return Commit(get_required_text(json, "id"), at, get_text(json, "author_name", longest=200))


def _next_page(reply: HostResponse, path: str, params: Params) -> tuple[str, Params]:
    """Return path and parameters of the next page; both empty after the last.

    The number goes before the Link, whose scheme, host and port are often not those at which a
    self-hosted one is reached (python-gitlab/python-gitlab#1254, NARKOZ/gitlab#494).
    """
    page = parse_number(reply.headers, "X-Next-Page")
    if page:
        return path, {**params, "page": page}
    return reply.links.get("next", ""), {}
