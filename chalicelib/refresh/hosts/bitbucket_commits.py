"""Commits of a repository at Bitbucket: a list without a total, read page by page.

The first time the whole history is read, as far as ten pages reach; if it ends within them the
total is known and new commits are added to it from then on. How far this got is remembered, so
that it goes on where a spent budget stopped it. Merges are in the list.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from msgspec import Struct

from chalicelib.refresh.fetch_result import Provenance
from chalicelib.refresh.hosts.base import has_part
from chalicelib.refresh.hosts.commit_history import (
    Commit,
    History,
    add_to_weeks,
    compute_begin,
    count_by_author,
    count_weeks,
    join_participants,
)
from chalicelib.refresh.hosts.figure_collector import FigureCollector
from chalicelib.refresh.hosts.json_types import Instant, Name, RequiredText, Text, decode
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RequestRejected
from chalicelib.refresh.json_fields import BadValue, get_datetime

METER = "hour"
COST = {METER: 1}
_PAGE_SIZE = 100
#: Pages of a history that is read for the first time, and of what came since.
_MAX_PAGES, _MAX_NEW_PAGES = 10, 5
_COMMITS = "GET /repositories/:workspace/:slug/commits"


class _Link(Text):
    max_length = 4_000


class _RawAuthor(Text):
    max_length = 400


class _User(Struct):
    nickname: Name = Name()
    display_name: Name = Name()


class _Author(Struct):
    user: _User | None = None
    raw: _RawAuthor = _RawAuthor()


class _Parent(Struct):
    hash: RequiredText


class _Commit(Struct):
    hash: RequiredText
    date: Instant
    author: _Author | None = None
    parents: list[_Parent] | None = None


class _Page(Struct):
    values: list[_Commit]
    next: _Link = _Link()


class CommitWalk:
    """Reads the commits of one repository, and remembers in the state how far it got."""

    def __init__(self, collector: FigureCollector, session: Session, path: str) -> None:
        self._collector = collector
        self._state = collector.state
        self._session = session
        self._path = path
        self._today = collector.today

    def read(self) -> None:
        """Count what is new, or all there is; raises RateLimited or WorkerTimeout on the way."""
        new = None if "walk" in self._state else self._read_new()
        if new is not None:
            self._add(new)
            return
        walk = dict(self._state.get("walk") or _begin_walk())
        if self._walk(walk):
            self._set_figures(walk)
        else:
            self._collector.age_weeks()
        self._collector.forget("walk")

    def _read_new(self) -> list[Commit] | None:
        """Read the commits since the newest one known; ``None`` to count anew."""
        head = self._state.get("head")
        if not head or self._collector.weeks is None:
            return None
        history, url = History(), ""
        for _ in range(_MAX_NEW_PAGES):
            page = self._read_page(url)
            if page is None:
                return None
            commits, url = page
            history.add(commits)
            new = history.since(head)
            if new is not None or not url:
                return new
        return None

    def _add(self, new: list[Commit]) -> None:
        """Add commits to the figures known."""
        weeks = self._collector.weeks
        assert weeks is not None
        if new:
            self._collector.set_head(_COMMITS, new[0].id, new[0].at)
            self._collector.set_weeks(self._provenance(), add_to_weeks(weeks, new, self._today))
            self._set_authors(count_by_author(new, self._state.get("authors", {})))
        else:
            self._collector.age_weeks()
        total = self._state.get("total")
        if total is not None:
            self._set_total(total + len(new))

    def _walk(self, walk: dict[str, Any]) -> bool:
        """Go on reading the history; false where there is no code to be seen.

        A link of an earlier day may no longer be good: then it begins anew, once.
        """
        is_resumed = bool(walk["next"])
        while walk["pages"] < _MAX_PAGES and not walk["is_whole"]:
            page = self._read_page(walk["next"])
            if page is None:
                if not walk["next"]:
                    return False
                if not is_resumed:
                    raise BadValue("the list of commits broke off")
                is_resumed = False
                walk.update(_begin_walk())
                continue
            commits, url = page
            _add_page(walk, commits, url, compute_begin(self._today))
            self._state["walk"] = walk
        return True

    def _set_figures(self, walk: dict[str, Any]) -> None:
        """Set what a history tells that was read to its end, or as far as it is read."""
        self._collector.forget("head", "weeks", "total", "authors")
        if walk["head"]:
            self._state["head"] = walk["head"]
        oldest = get_datetime(walk, "oldest")
        if walk["is_whole"] or (oldest is not None and oldest < compute_begin(self._today)):
            weeks = count_weeks(_iter_instants(walk["days"]), self._today)
            self._collector.set_weeks(self._provenance(), weeks)
        newest = get_datetime(walk, "newest")
        self._collector.set_figures(self._provenance(), last_commit_date=newest)
        if walk["is_whole"]:
            self._set_total(walk["read"])
        if walk["authors"] or not walk["read"]:
            self._set_authors(walk["authors"])

    def _set_total(self, total: int) -> None:
        self._state["total"] = total
        self._collector.set_figures(self._provenance(), commit_count=total)

    def _set_authors(self, counts: dict[str, int]) -> None:
        self._state["authors"] = counts
        participants = join_participants(self._collector.source, counts) if counts else ""
        self._collector.set_figures(self._provenance(), participants=participants)

    def _provenance(self) -> Provenance:
        return Provenance.of_commit(_COMMITS, self._collector.head_id)

    def _read_page(self, url: str) -> tuple[list[Commit], str] | None:
        """Read a page of commits and where the next one is; ``None`` if it cannot be had."""
        params: dict[str, str | int] | None = None
        if not url:
            params = {"pagelen": _PAGE_SIZE}
            if self._state.get("branch"):
                # Without it the commits of every branch are listed.
                params["include"] = self._state["branch"]
        try:
            reply = self._session.get(url or f"{self._path}/commits", cost=COST, params=params)
        except RequestRejected:
            if not url:
                raise
            return None
        # 400 is "Invalid page", which an old link may come to (apache/devlake#4546).
        if (url and reply.status == 400) or not has_part(reply):
            return None
        page = decode(reply.json, _Page)
        commits = [_read_commit(commit) for commit in page.values]
        return commits, page.next if commits else ""


def _begin_walk() -> dict[str, Any]:
    """Return the state of a history of which nothing was read yet."""
    return {
        "next": "",
        "pages": 0,
        "is_whole": False,
        "read": 0,
        "head": "",
        "newest": None,
        "oldest": None,
        "days": {},
        "authors": {},
    }


def _add_page(walk: dict[str, Any], commits: list[Commit], url: str, begin: datetime) -> None:
    if commits and not walk["head"]:
        walk |= {"head": commits[0].id, "newest": commits[0].at.isoformat()}
    if commits:
        walk["oldest"] = commits[-1].at.isoformat()
    days = dict(walk["days"])
    for commit in commits:
        if commit.at < begin:
            continue
        day = commit.at.astimezone(UTC).date().isoformat()
        days[day] = days.get(day, 0) + 1
    walk |= {
        "next": url,
        "pages": walk["pages"] + 1,
        "is_whole": not url,
        "read": walk["read"] + len(commits),
        "days": days,
        "authors": count_by_author(commits, walk["authors"]),
    }


def _iter_instants(days: dict[str, int]) -> Iterator[datetime]:
    for day, commits in days.items():
        at = date.fromisoformat(day)
        for _ in range(commits):
            yield datetime(at.year, at.month, at.day, tzinfo=UTC)


def _read_commit(commit: _Commit) -> Commit:
    parents = None if commit.parents is None else tuple(parent.hash for parent in commit.parents)
    return Commit(commit.hash, commit.date, _read_author(commit.author or _Author()), parents)


def _read_author(author: _Author) -> str:
    """Return the nickname of a linked user, else a name; never a mail address."""
    user = author.user or _User()
    name = author.raw.partition("<")[0].strip()
    return user.nickname or user.display_name or name.partition("@")[0]
