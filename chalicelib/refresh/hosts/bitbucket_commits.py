"""Commits of a repository at Bitbucket: a list without a total, read page by page.

The first time the whole history is read, as far as ten pages reach; if it ends within them the
total is known and new commits are added to it from then on. How far this got is remembered, so
that it goes on where a spent budget stopped it. Merges are in the list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from chalicelib.refresh.fetch_result import Provenance, Source
from chalicelib.refresh.hosts import commit_history as counting
from chalicelib.refresh.hosts.base import Findings, age_weeks, has_part, known_weeks
from chalicelib.refresh.hosts.commit_history import Commit, History, listed
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RequestRejected
from chalicelib.refresh.json_fields import (
    BadValue,
    get_datetime,
    get_member,
    get_required_text,
    get_text,
)

METER = "hour"
COST = {METER: 1}
_PAGE = 100
#: Pages of a history that is read for the first time, and of what came since.
_ALL_PAGES, _NEW_PAGES = 10, 5
_COMMITS = "GET /repositories/:workspace/:slug/commits"


@dataclass
class Counting:
    """Reads commits; notes figures in ``found`` and what to remember in ``state``."""

    source: Source
    session: Session
    path: str
    found: Findings
    state: dict[str, Any]

    def __post_init__(self) -> None:
        self.today = self.session.context.now().date()

    def read(self) -> None:
        """Count what is new, or all there is; raises Limited or OutOfTime on the way."""
        new = None if "walk" in self.state else self._new()
        if new is not None:
            self._add(new)
            return
        walk = dict(self.state.get("walk") or _fresh())
        if self._walk(walk):
            self._note_walk(walk)
        else:
            age_weeks(self.source, self.found, self.state, self.today)
        self.state.pop("walk", None)

    def _new(self) -> list[Commit] | None:
        """The commits since the newest one known, newest first; ``None``: count anew."""
        head = self.state.get("head")
        if not head or known_weeks(self.source) is None:
            return None
        history, url = History(), ""
        for _ in range(_NEW_PAGES):
            found = self._page(url)
            if found is None:
                return None
            commits, url = found
            history.add(commits)
            new = history.since(head)
            if new is not None or not url:
                return new
        return None

    def _add(self, new: list[Commit]) -> None:
        """Note what commits add to the figures known."""
        known = known_weeks(self.source)
        assert known is not None
        if new:
            self.state["head"] = new[0].id
            mark = self._mark()
            weeks = known.add_commits((commit.at for commit in new), self.today)
            self.found.add_weeks(mark, weeks, self.state)
            self.found.add(mark, last_commit_date=new[0].at)
            self._note_authors(counting.by_author(new, self.state.get("authors", {})))
        else:
            age_weeks(self.source, self.found, self.state, self.today)
        total = self.state.get("total")
        if total is not None:
            self.state["total"] = total + len(new)
            self.found.add(self._mark(), commit_count=total + len(new))

    def _walk(self, walk: dict[str, Any]) -> bool:
        """Go on reading the history; false where there is no code to be seen.

        A link of an earlier day may no longer be good: then it begins anew, once.
        """
        is_resumed = bool(walk["next"])
        while walk["pages"] < _ALL_PAGES and not walk["is_whole"]:
            found = self._page(walk["next"])
            if found is None:
                if not walk["next"]:
                    return False
                if not is_resumed:
                    raise BadValue("the list of commits broke off")
                is_resumed = False
                walk.update(_fresh())
                continue
            commits, url = found
            _note_page(walk, commits, url, counting.start(self.today))
            self.state["walk"] = walk
        return True

    def _note_walk(self, walk: dict[str, Any]) -> None:
        """Note what a history tells that was read to its end, or as far as it is read."""
        for name in ("head", "weeks", "total", "authors"):
            self.state.pop(name, None)
        if walk["head"]:
            self.state["head"] = walk["head"]
        mark = self._mark()
        begin = counting.start(self.today)
        oldest = get_datetime(walk, "oldest")
        if walk["is_whole"] or (oldest is not None and oldest < begin):
            weeks = counting.counted(_instants(walk["days"]), self.today)
            self.found.add_weeks(mark, weeks, self.state)
        self.found.add(mark, last_commit_date=get_datetime(walk, "newest"))
        if walk["is_whole"]:
            self.state["total"] = walk["read"]
            self.found.add(mark, commit_count=walk["read"])
        if walk["authors"] or not walk["read"]:
            self._note_authors(walk["authors"])

    def _note_authors(self, counts: dict[str, int]) -> None:
        self.state["authors"] = counts
        names = counting.participants(self.source, counts) if counts else ""
        self.found.add(self._mark(), participants=names)

    def _mark(self) -> Provenance:
        head = self.state.get("head")
        return Provenance(_COMMITS, f"oid:{head}" if head else "")

    def _page(self, url: str) -> tuple[list[Commit], str] | None:
        """A page of commits and where the next one is; ``None`` if it is not to be had."""
        params: dict[str, str | int] | None = None
        if not url:
            params = {"pagelen": _PAGE}
            if self.state.get("branch"):
                # Without it the commits of every branch are listed.
                params["include"] = self.state["branch"]
        try:
            reply = self.session.get(url or f"{self.path}/commits", cost=COST, params=params)
        except RequestRejected:
            if not url:
                raise
            return None
        # 400 is "Invalid page", which an old link may come to (apache/devlake#4546).
        if (url and reply.status == 400) or not has_part(reply):
            return None
        commits = [_commit(json) for json in listed(get_member(reply.json, "values"))]
        following = get_text(reply.json, "next", longest=4_000)
        return commits, following if commits else ""


def _fresh() -> dict[str, Any]:
    """A history of which nothing was read yet."""
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


def _note_page(walk: dict[str, Any], commits: list[Commit], url: str, begin: datetime) -> None:
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
        "authors": counting.by_author(commits, walk["authors"]),
    }


def _instants(days: dict[str, int]) -> Iterable[datetime]:
    for day, number in days.items():
        at = date.fromisoformat(day)
        for _ in range(number):
            yield datetime(at.year, at.month, at.day, tzinfo=UTC)


def _commit(json: Any) -> Commit:
    at = get_datetime(json, "date")
    if at is None:
        raise BadValue("a commit has no date")
    parents = get_member(json, "parents")
    ids = tuple(get_required_text(parent, "hash") for parent in listed(parents)) if parents else ()
    return Commit(
        get_required_text(json, "hash"), at, _author(json), None if parents is None else ids
    )


def _author(json: Any) -> str:
    """The nickname of a linked user, else a name; never an address of mail."""
    for path in (("author", "user", "nickname"), ("author", "user", "display_name")):
        name = get_text(json, *path, longest=200)
        if name:
            return name
    name = get_text(json, "author", "raw", longest=400).partition("<")[0].strip()
    return name.partition("@")[0]
