"""Codeberg, and other hosts that run Forgejo or Gitea: repository by repository.

There are no conditional requests and no statistics. ``updated_at`` moves with every push; only
then the commits are listed, newest first, back to the one that was the newest last time. The
list has the total in ``X-Total-Count`` (Gitea's API documentation, "Pagination") and merges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from chalicelib.refresh.commit_weeks import COMMITS, build_empty
from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Provenance, Source
from chalicelib.refresh.hosts import commit_history as counting
from chalicelib.refresh.hosts.base import (
    Findings,
    age_weeks,
    archived_at,
    build_result,
    error_outcome,
    has_part,
    known_weeks,
    spent_until,
)
from chalicelib.refresh.hosts.commit_history import Commit, History, listed
from chalicelib.refresh.hosts.repo_urls import CODEBERG
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.fetch_each import each
from chalicelib.refresh.http.rate_limit_headers import parse_number
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import (
    BadValue,
    get_bool,
    get_datetime,
    get_int,
    get_member,
    get_required_text,
    get_text,
)
from chalicelib.refresh.rate_limit import Policy, Rate, Reading

_ALL = "all"
_PAGES, _PAGE = 10, 50
#: Without these the host computes the changes of every commit that it lists.
_PLAIN = {"stat": "false", "verification": "false", "files": "false"}
_EMPTY = 409
#: ``archived_at`` of what is not archived is the epoch's beginning.
_NEVER = timedelta(days=1)

_REPO = "GET /repos/:owner/:repo"
_COMMITS = "GET /repos/:owner/:repo/commits"


class Forgejo:
    """Codeberg (named ``codeberg``), or an instance that somebody else runs."""

    def __init__(self, name: str, base_url: str, public_url: str, may_be_private: bool) -> None:
        self.name = name
        self.base_url = base_url
        self.public_url = public_url
        self.may_be_private = may_be_private
        # Codeberg: 4,000 in 30 minutes at its proxy (reported in luanti-org/contentdb#607).
        rate = Rate(4_000, 1_800, 800) if name == CODEBERG else Rate(300, 60, 60)
        self.policy = Policy({_ALL: rate}, 1, 25)

    def headers(self) -> dict[str, str]:
        """JSON."""
        return {"Accept": "application/json"}

    def readings(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """Nothing: there are no standard headers."""
        return []

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Where a limit is spent: Retry-After, else a minute."""
        return spent_until(reply, now, None)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """One request for each repository, and one more where something was pushed."""
        return each(batch, session, _one)


def _one(source: Source, session: Session) -> FetchResult:
    reply = session.get(f"/api/v1/repos/{quote(source.address)}", cost={_ALL: 1})
    refused = error_outcome(reply)
    if refused is not None:
        return refused
    now = session.context.now()
    json, found, state = reply.json, Findings(), dict(source.state)
    is_archived, archived = get_bool(json, "archived"), None
    # Of what is not archived it may be any date that stands for none.
    if is_archived and get_member(json, "archived_at"):
        archived = get_datetime(json, "archived_at")
    if archived is not None and archived.timestamp() < _NEVER.total_seconds():
        archived = None
    found.add(
        Provenance(_REPO),
        repo_watchers=get_int(json, "stars_count"),
        repo_forks=get_int(json, "forks_count"),
        repo_description=get_text(json, "description"),
        date_repo_archived=archived_at(source, is_archived, archived, now),
    )
    updated, address = get_required_text(json, "updated_at"), get_required_text(json, "full_name")
    is_same = updated == source.state.get("updated")
    if is_same and ("weeks" not in source.state or known_weeks(source) is not None):
        age_weeks(source, found, state, now.date())
    elif get_member(json, "empty") is True:
        _note_empty(found, state, now)
    else:
        path = f"/api/v1/repos/{quote(address)}/commits"
        _read_commits(source, session, path, found, state)
    state["updated"] = updated
    return build_result(source, found, state, address)


@dataclass(frozen=True, slots=True)
class _Listing:
    """What was listed; ``new``: only these were not there last time (``None``: not told).

    ``is_complete``: everything of the 52 weeks is in it; ``is_whole``: all there is.
    """

    history: History
    total: int | None
    new: list[Commit] | None
    is_complete: bool
    is_full: bool


def _read_commits(
    source: Source, session: Session, path: str, found: Findings, state: dict[str, Any]
) -> None:
    """Note what the list of commits tells."""
    now = session.context.now()
    known = known_weeks(source)
    head = state.get("head") if known is not None else None
    listing = _listing(session, path, head, counting.start(now.date()))
    if listing is None:
        age_weeks(source, found, state, now.date())
        return
    commits = listing.history.commits
    if not commits:
        _note_empty(found, state, now)
        return
    mark = Provenance(_COMMITS, f"oid:{commits[0].id}")
    found.add(mark, last_commit_date=commits[0].at)
    total = listing.total
    if total is None and listing.is_full:
        total = len(commits)
    if total is not None:
        found.add(mark, commit_count=total)
    counts: dict[str, int] = {}
    if known is not None and listing.new is not None:
        instants = (commit.at for commit in listing.new)
        weeks = (
            known.add_commits(instants, now.date()) if listing.new else known.shift_to(now.date())
        )
        found.add_weeks(mark, weeks, state)
        counts = counting.by_author(listing.new, state.get("authors", {}))
    else:
        state.pop("weeks", None)
        counts = counting.by_author(commits, {})
        if listing.is_complete:
            instants = (commit.at for commit in commits)
            found.add_weeks(mark, counting.counted(instants, now.date()), state)
    found.add(mark, participants=counting.participants(source, counts))
    state |= {"head": commits[0].id, "authors": counts}


def _listing(session: Session, path: str, head: str | None, begin: datetime) -> _Listing | None:
    """List commits until those after ``head`` are known, else all since ``begin``.

    ``None`` where there is no code to be seen. The pages are counted here: the links that some
    instances send have lost the parameters.
    """
    history, total, read = History(), None, 0
    for page in range(1, _PAGES + 1):
        params: dict[str, str | int] = {"limit": _PAGE, "page": page, **_PLAIN}
        reply = session.get(path, cost={_ALL: 1}, params=params)
        if reply.status == _EMPTY:
            return _Listing(history, 0, None, True, True)
        if not has_part(reply):
            if page > 1:
                raise BadValue(f"status {reply.status} within the list of commits")
            return None
        entries = listed(reply.json)
        read += len(entries)
        history.add(_commit(json) for json in entries)
        total = parse_number(reply.headers, "X-Total-Count")
        is_last = not entries or (read >= total if total is not None else "next" not in reply.links)
        new = history.since(head) if head else None
        is_old = bool(history.commits) and history.commits[-1].at < begin
        if new is not None or is_last or is_old:
            return _Listing(history, total, new, is_last or is_old, is_last)
    return _Listing(history, total, None, False, False)


def _commit(json: Any) -> Commit:
    at = get_datetime(json, "commit", "committer", "date") or get_datetime(json, "created")
    if at is None:
        raise BadValue("a commit has no date")
    author = get_text(json, "author", "login", longest=200)
    author = author or get_text(json, "commit", "author", "name", longest=200)
    parents = get_member(json, "parents")
    ids = tuple(get_required_text(parent, "sha") for parent in listed(parents)) if parents else ()
    return Commit(get_required_text(json, "sha"), at, author, None if parents is None else ids)


def _note_empty(found: Findings, state: dict[str, Any], now: datetime) -> None:
    """Note that there is no commit."""
    for name in ("head", "authors"):
        state.pop(name, None)
    found.add(Provenance(_COMMITS), commit_count=0, last_commit_date=None, participants="")
    nothing = build_empty(now.date() + timedelta(days=1), COMMITS)
    found.add_weeks(Provenance(_COMMITS), nothing, state)
