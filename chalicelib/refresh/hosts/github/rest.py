"""What GitHub's REST API has of a repository beyond the first question, part by part.

GitHub's REST documentation: "List commits" (with one a page, the number of the last page is how
many there are), "List repository contributors" (by mail address; may be hours old), "Get the
weekly commit count" (52 weeks, the last one ends at today's midnight UTC; 202 while it is being
computed), "Best practices" (conditional requests).
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from chalicelib.refresh import commit_weeks as periods
from chalicelib.refresh.commit_weeks import PARTICIPATION, CommitWeeks
from chalicelib.refresh.fetch_result import Figures, Gone, Postponed, Provenance
from chalicelib.refresh.hosts.github import quotas
from chalicelib.refresh.hosts.github.collector import (
    COMMITS,
    CONTRIBUTORS,
    PARTS,
    WEEKS,
    Draft,
    Head,
    oid,
    parted,
)
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.http.fetch_each import DOWN_AFTER, DOWN_FOR
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, get_datetime, get_int, get_text, join_names

_MOST_PAGES = 10
#: A head older than this has no commit in the 52 weeks, wherever they end.
_LONG_AGO = timedelta(weeks=53)
#: After midnight, for GitHub's clock and ours.
_AFTER_MIDNIGHT = timedelta(minutes=5)
_LONGEST_ETAG = 200
_log = logging.getLogger(__name__)


class Blocked(Exception):
    """451: the repository may not be shown any more."""


class Parts:
    """Reads what is open of repositories, until a limit or silence says to leave it open.

    ``root`` is where REST is below the host's address.
    """

    def __init__(self, session: Session, root: str) -> None:
        self.session = session
        self.root = root
        self._stop: Postponed | None = None
        self._silent = 0
        self._is_over = False

    def completed(self, draft: Draft) -> Figures | Gone | Postponed:
        """The draft with what could be had of its open parts.

        Postponed where nothing at all was learned of the repository.
        """
        try:
            for part in PARTS:
                # Without the newest commit it is not known of which one the others would be.
                if part in draft.open and (part == COMMITS or COMMITS not in draft.open):
                    self._try(part, draft)
        except Blocked:
            return Gone("451 Unavailable For Legal Reasons")
        if draft.stopped and not draft.has_news:
            return draft.stopped
        return draft.figures()

    def get(
        self,
        draft: Draft,
        path: str,
        etag: Any = None,
        params: Mapping[str, str | int] | None = None,
    ) -> HostResponse:
        """Ask for a part of a repository; raises Blocked, BadValue, and as ``Session.get``."""
        is_named = path.startswith(("http://", "https://"))
        url = path if is_named else f"{self.root}{path_of(draft.address)}{path}"
        reply = self.session.get(url, cost=quotas.REST_COST, params=params, etag=etag)
        if reply.status == 451:
            raise Blocked
        if reply.status == 304 and not etag:
            raise BadValue("status 304 without having been asked")
        return reply

    def _try(self, part: str, draft: Draft) -> None:
        """Read one part, or leave it open with an instant to try again."""
        now = self.session.context.now()
        if not self._is_over and (self._stop is None or self._stop.until <= now):
            self._stop = self._stopping(part, draft)
        if self._stop is not None and part in draft.open:
            draft.stopped = self._stop
            draft.wait(max(self._stop.until, now))

    def _stopping(self, part: str, draft: Draft) -> Postponed | None:
        """Read one part; why nothing more can be asked, if so."""
        now = self.session.context.now()
        try:
            _READERS[part](draft, self)
        except RateLimited as error:
            return Postponed(error.until, str(error))
        except WorkerTimeout as error:
            self._is_over = True
            return Postponed(now, str(error))
        except (Unreachable, RequestRejected, BadValue) as error:
            _log.info("%s: %s: %s", draft.address, part, error)
            draft.wait_fault()
            self._silent = self._silent + 1 if isinstance(error, Unreachable) else 0
            if self._silent < DOWN_AFTER:
                return None
            self._silent = 0
            return Postponed(self.session.context.now() + DOWN_FOR, str(error))
        self._silent = 0
        return None


def path_of(address: str) -> str:
    """The path of a repository; raises BadValue."""
    owner, name = parted(address)
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def etag_of(reply: HostResponse) -> str | None:
    """An ETag that is worth to be remembered."""
    etag = reply.etag
    return etag if etag is not None and len(etag) <= _LONGEST_ETAG else None


def _commits(draft: Draft, parts: Parts) -> None:
    """The newest commit and how many there are."""
    etag = draft.state.get("commits_etag") if "oid" in draft.state else None
    reply = parts.get(draft, "/commits", etag, {"per_page": 1})
    if reply.status == 304:
        draft.had(COMMITS)
        draft.age()
        return
    if reply.status == 409:
        # "Git Repository is empty."
        draft.keep("commits_etag", None)
        draft.is_at(Head("", None, 0), Provenance("commits"))
        return
    listed = _listed(reply)
    if not listed:
        raise BadValue("no commits, though the repository is not empty")
    committed = get_datetime(listed[0], "commit", "committer", "date")
    if committed is None:
        raise BadValue("commit.committer.date is missing")
    head = Head(oid(listed[0], "sha"), committed, _last_page(reply, len(listed)))
    draft.keep("commits_etag", etag_of(reply))
    draft.is_at(head, Provenance("commits", f"oid:{head.oid}"))


def _last_page(reply: HostResponse, otherwise: int) -> int:
    """The number of the last page by the Link header; without one there is but this page."""
    links = reply.links
    if "next" not in links and "last" not in links:
        return otherwise
    (page,) = parse_qs(urlsplit(links.get("last", "")).query).get("page", [""])[:1]
    if not (page.isascii() and page.isdigit() and len(page) < 16):
        raise BadValue("the Link header names no last page")
    return get_int({"page": int(page)}, "page")


def _contributors(draft: Draft, parts: Parts) -> None:
    """The logins, most commits first; who has none (a mail address) is left out."""
    known = draft.source.package.participants
    etag = draft.state.get("contributors_etag") if known else None
    reply = parts.get(draft, "/contributors", etag, {"per_page": 100})
    if reply.status == 304:
        draft.had(CONTRIBUTORS)
        return
    if quotas.is_too_large(reply):
        # It will not become smaller: what is known stays.
        draft.keep("contributors_etag", None)
        draft.had(CONTRIBUTORS)
        return
    etag = etag_of(reply)
    mark = Provenance("contributors", f"etag:{etag}" if etag else "")
    logins: list[str] = []
    if reply.status != 204:
        logins = _logins(reply)
        for _ in range(_MOST_PAGES - 1):
            if "next" not in reply.links:
                break
            reply = parts.get(draft, reply.links["next"])
            logins += _logins(reply)
    draft.keep("contributors_etag", etag)
    draft.put(mark, participants=join_names(logins))
    draft.had(CONTRIBUTORS)


def _logins(reply: HostResponse) -> list[str]:
    return [login for entry in _listed(reply) if (login := get_text(entry, "login", longest=100))]


def _listed(reply: HostResponse) -> list[Any]:
    """The list that an answer is; raises BadValue."""
    if reply.status != 200:
        raise BadValue("401 bad credentials" if reply.status == 401 else f"status {reply.status}")
    if not isinstance(reply.json, list) or not all(isinstance(part, dict) for part in reply.json):
        raise BadValue("not a list of objects")
    return reply.json


def _participation(draft: Draft, parts: Parts) -> None:
    """The 52 weeks, asked for only when the answer holds the newest commit."""
    now = parts.session.context.now().astimezone(UTC)
    today, head = now.date(), draft.head
    if head is not None and head < now - _LONG_AGO:
        draft.keep("participation_etag", None)
        mark = Provenance("commits", f"oid:{draft.state['oid']}")
        draft.has_weeks(periods.build_empty(today, PARTICIPATION), mark)
        draft.had(WEEKS)
        return
    if now < (certain := _certain_from(today, head)):
        draft.wait(certain)
        return
    etag = draft.state.get("participation_etag") if draft.weeks else None
    reply = parts.get(draft, "/stats/participation", etag)
    after = parts.session.context.now().astimezone(UTC).date()
    if reply.status == 202:
        draft.wait_computing()
    elif after != today:
        # Midnight passed: which day the weeks end at cannot be told.
        draft.wait(_certain_from(after, None))
    else:
        _has_participation(draft, reply, today)


def _certain_from(today: date, head: datetime | None) -> datetime:
    """From when on it is certain which day the weeks end at, and that the head is in them.

    The day of asking is not in the weeks; so a commit of today, or by a clock that is ahead,
    has to wait. Beyond tomorrow it is a clock that is wrong, and waiting for it does not help.
    """
    day = head.astimezone(UTC).date() if head else today
    is_missing = head is not None and today <= day <= today + timedelta(days=1)
    first = day + timedelta(days=1) if is_missing else today
    return datetime.combine(first, time(), UTC) + _AFTER_MIDNIGHT


def _has_participation(draft: Draft, reply: HostResponse, today: date) -> None:
    if reply.status == 304 and draft.weeks:
        # The same numbers, but as of today.
        counts = draft.weeks.counts
    else:
        # An empty list is that of an empty repository.
        counts = _counts(reply) or periods.build_empty(today, PARTICIPATION).counts
        draft.keep("participation_etag", etag_of(reply))
    etag = draft.state.get("participation_etag")
    mark = Provenance("stats/participation", f"etag:{etag}" if etag else "")
    draft.has_weeks(CommitWeeks(counts, today, PARTICIPATION), mark)
    draft.had(WEEKS)


def _counts(reply: HostResponse) -> tuple[int, ...]:
    """``all``: 52 numbers, oldest first, or none; raises BadValue."""
    found = reply.json.get("all") if isinstance(reply.json, dict) else None
    if reply.status != 200 or not isinstance(found, list):
        raise BadValue(f"no weeks (status {reply.status})")
    if len(found) not in {0, periods.WEEKS}:
        raise BadValue(f"{len(found)} weeks instead of {periods.WEEKS}")
    return tuple(get_int({"all": number}, "all") for number in found)


_READERS: dict[str, Callable[[Draft, Parts], None]] = {
    COMMITS: _commits,
    CONTRIBUTORS: _contributors,
    WEEKS: _participation,
}
