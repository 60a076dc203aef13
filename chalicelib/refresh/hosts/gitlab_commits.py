"""What GitLab's REST API tells of the commits of a project's default branch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.refresh.hosts.base import has_part
from chalicelib.refresh.hosts.commit_history import Commit, History, listed
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

ALL = "all"
_PAGE = 100
_CONTRIBUTOR_PAGES, _COMMIT_PAGES = 10, 20
#: GitLab groups no more than so many of the newest commits into contributors
#: (``Repository#contributors`` in its source): a sum of just this many is no total.
_MOST_SUMMED = 2_000

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Listing:
    """Commits, newest first; ``is_complete``: all since the instant that was asked for."""

    commits: list[Commit]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Contributors:
    """The sum of their commits without merges, where it is the total, and their names."""

    total: int | None
    names: str


def history(session: Session, project: int, since: datetime, is_bounded: bool) -> Listing | None:
    """The commits back to ``since``, merges included; ``None`` where there is no code to see.

    ``is_bounded`` leaves older ones out; without, the newest commit is there whatever its age.
    """
    asked: Params = {"per_page": _PAGE}
    if is_bounded:
        asked = {**asked, "since": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    path = f"/api/v4/projects/{project}/repository/commits"
    read = History()
    for _ in range(_COMMIT_PAGES):
        reply = session.get(path, cost={ALL: 1}, params=asked)
        if not has_part(reply):
            return None
        read.add(_commit(json) for json in listed(reply.json))
        path, asked = _next(reply, path, asked)
        if not path or (read.commits and read.commits[-1].at < since):
            return Listing(read.commits, True)
    return Listing(read.commits, False)


def contributors(session: Session, project: int) -> Contributors | None:
    """Those who committed, the most active first; ``None`` where there is no code to see."""
    counts: dict[str, int] = {}
    path = f"/api/v4/projects/{project}/repository/contributors"
    asked: Params = {"per_page": _PAGE, "order_by": "commits", "sort": "desc"}
    for _ in range(_CONTRIBUTOR_PAGES):
        reply = session.get(path, cost={ALL: 1}, params=asked)
        if not has_part(reply):
            return None
        for json in listed(reply.json):
            name = get_text(json, "name", longest=200)
            counts[name] = counts.get(name, 0) + get_int(json, "commits")
        path, asked = _next(reply, path, asked)
        if not path:
            break
    total = sum(counts.values())
    is_total = not path and total != _MOST_SUMMED
    ordered = sorted(counts, key=lambda name: -counts[name])
    return Contributors(total if is_total else None, join_names(ordered))


def _commit(json: Any) -> Commit:
    at = get_datetime(json, "committed_date")
    if at is None:
        raise BadValue("committed_date is empty")
    return Commit(get_required_text(json, "id"), at, get_text(json, "author_name", longest=200))


def _next(reply: HostResponse, path: str, asked: Params) -> tuple[str, Params]:
    """Path and parameters of the next page; both empty after the last.

    The number goes before the Link, whose scheme, host and port are often not those at which a
    self-hosted one is reached (python-gitlab/python-gitlab#1254, NARKOZ/gitlab#494).
    """
    page = parse_number(reply.headers, "X-Next-Page")
    if page:
        return path, {**asked, "page": page}
    return reply.links.get("next", ""), {}
