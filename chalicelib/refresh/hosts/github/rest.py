"""The parts of a repository that GitHub's REST API tells, one after another.

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

from msgspec import Struct

from chalicelib.refresh import commit_weeks
from chalicelib.refresh.commit_weeks import PARTICIPATION, CommitWeeks
from chalicelib.refresh.fetch_result import Figures, Gone, Postponed, Provenance
from chalicelib.refresh.hosts.base import DOWN_AFTER, DOWN_FOR, build_postponed
from chalicelib.refresh.hosts.github import quotas
from chalicelib.refresh.hosts.github.collector import (
    COMMITS,
    CONTRIBUTORS,
    PARTS,
    WEEKS,
    CommitId,
    GitHubCollector,
    Head,
    split_address,
)
from chalicelib.refresh.hosts.json_types import Answer, Count, Instant, Name, decode
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, join_names

_MAX_PAGES = 10
#: A head older than this has no commit in the 52 weeks, wherever they end.
_MAX_HEAD_AGE = timedelta(weeks=53)
#: After midnight, for GitHub's clock and ours.
_AFTER_MIDNIGHT = timedelta(minutes=5)
_MAX_ETAG_LENGTH = 200
_log = logging.getLogger(__name__)


class Blocked(Exception):
    """The answer 451: the repository may not be shown any more."""


class _Committer(Struct):
    date: Instant


class _GitCommit(Struct):
    committer: _Committer


class _Commit(Struct):
    sha: CommitId
    commit: _GitCommit


class _Contributor(Struct):
    login: Name = Name()


class _Participation(Struct):
    all: list[Count]


class PartReader:
    """Reads what is open of repositories, until a limit or silence says to leave it open.

    ``root`` is where REST is below the host's address.
    """

    def __init__(self, session: Session, root: str) -> None:
        self.session = session
        self.root = root
        self._stop: Postponed | None = None
        self._unanswered = 0
        self._is_over = False

    def complete(self, collector: GitHubCollector) -> Figures | Gone | Postponed:
        """Read the open parts as far as they can be had, and return the result.

        Postponed where nothing at all was learned of the repository.
        """
        stop = None
        try:
            for part in PARTS:
                # Without the newest commit it is not known of which one the others would be.
                is_next = part == COMMITS or COMMITS not in collector.open
                if part in collector.open and is_next:
                    stop = self._read(part, collector) or stop
        except Blocked:
            return Gone("451 Unavailable For Legal Reasons")
        if stop is not None and not collector.has_news:
            return stop
        return collector.build_result()

    def get(
        self,
        collector: GitHubCollector,
        path: str,
        etag: Any = None,
        params: Mapping[str, str | int] | None = None,
    ) -> HostResponse:
        """Ask for a part of a repository; raises Blocked, BadValue, and as ``Session.get``."""
        is_named = path.startswith(("http://", "https://"))
        url = path if is_named else f"{self.root}{build_path(collector.address)}{path}"
        reply = self.session.get(url, cost=quotas.REST_COST, params=params, etag=etag)
        if reply.status == 451:
            raise Blocked
        if reply.status == 304 and not etag:
            raise BadValue("status 304 without having been asked")
        return reply

    def _read(self, part: str, collector: GitHubCollector) -> Postponed | None:
        """Read a part, or leave it open; returns why it was left open, if not for a fault."""
        now = self.session.context.now()
        if not self._is_over and (self._stop is None or self._stop.until <= now):
            self._stop = self._try(part, collector)
        if self._stop is None or part not in collector.open:
            return None
        collector.wait_until(max(self._stop.until, now))
        return self._stop

    def _try(self, part: str, collector: GitHubCollector) -> Postponed | None:
        """Read a part; returns why nothing more can be asked, if so."""
        try:
            _READERS[part](collector, self)
        except (RateLimited, WorkerTimeout) as error:
            self._is_over = isinstance(error, WorkerTimeout)
            return build_postponed(error, self.session)
        except (Unreachable, RequestRejected, BadValue) as error:
            _log.info("%s: %s: %s", collector.address, part, error)
            collector.retry_after_fault()
            self._unanswered = self._unanswered + 1 if isinstance(error, Unreachable) else 0
            if self._unanswered < DOWN_AFTER:
                return None
            self._unanswered = 0
            return Postponed(self.session.context.now() + DOWN_FOR, str(error))
        self._unanswered = 0
        return None


def build_path(address: str) -> str:
    """Return the path of a repository; raises BadValue."""
    owner, name = split_address(address)
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def get_etag(reply: HostResponse) -> str | None:
    """Return an ETag that is worth remembering."""
    etag = reply.etag
    return etag if etag is not None and len(etag) <= _MAX_ETAG_LENGTH else None


def _read_commits(collector: GitHubCollector, reader: PartReader) -> None:
    """Read the newest commit and how many there are."""
    etag = collector.state.get("commits_etag") if "oid" in collector.state else None
    reply = reader.get(collector, "/commits", etag, {"per_page": 1})
    if reply.status == 304:
        collector.close_part(COMMITS)
        collector.age_weeks()
        return
    if reply.status == 409:
        # "Git Repository is empty."
        collector.remember("commits_etag", None)
        collector.set_branch("commits", Head("", None, 0))
        return
    entries = _decode(reply, list[_Commit])
    if not entries:
        raise BadValue("no commits, though the repository is not empty")
    newest = entries[0]
    head = Head(newest.sha, newest.commit.committer.date, _count_pages(reply, len(entries)))
    collector.remember("commits_etag", get_etag(reply))
    collector.set_branch("commits", head)


def _count_pages(reply: HostResponse, otherwise: int) -> int:
    """Return the number of the last page by the Link header, else ``otherwise``."""
    links = reply.links
    if "next" not in links and "last" not in links:
        return otherwise
    (page,) = parse_qs(urlsplit(links.get("last", "")).query).get("page", [""])[:1]
    if not (page.isascii() and page.isdigit() and len(page) < 16):
        raise BadValue("the Link header names no last page")
    return int(page)


def _read_contributors(collector: GitHubCollector, reader: PartReader) -> None:
    """Read the logins, most commits first; who has none (a mail address) is left out."""
    has_names = bool(collector.source.package.participants)
    etag = collector.state.get("contributors_etag") if has_names else None
    reply = reader.get(collector, "/contributors", etag, {"per_page": 100})
    if reply.status == 304:
        collector.close_part(CONTRIBUTORS)
        return
    if quotas.is_too_large(reply):
        # It will not become smaller: what is known stays.
        collector.remember("contributors_etag", None)
        collector.close_part(CONTRIBUTORS)
        return
    etag = get_etag(reply)
    provenance = Provenance.of_etag("contributors", etag)
    logins: list[str] = []
    if reply.status != 204:
        logins = _read_logins(reply)
        for _ in range(_MAX_PAGES - 1):
            if "next" not in reply.links:
                break
            reply = reader.get(collector, reply.links["next"])
            logins += _read_logins(reply)
    collector.remember("contributors_etag", etag)
    collector.set_figures(provenance, participants=join_names(logins))
    collector.close_part(CONTRIBUTORS)


def _read_logins(reply: HostResponse) -> list[str]:
    return [person.login for person in _decode(reply, list[_Contributor]) if person.login]


def _decode(reply: HostResponse, answer: type[Answer]) -> Answer:
    """Return the JSON of a reply; raises BadValue."""
    if reply.status != 200:
        raise BadValue("401 bad credentials" if reply.status == 401 else f"status {reply.status}")
    return decode(reply.json, answer)


def _read_participation(collector: GitHubCollector, reader: PartReader) -> None:
    """Read the 52 weeks, but only when the answer holds the newest commit."""
    now = reader.session.context.now().astimezone(UTC)
    today, head = now.date(), collector.head_at
    if head is not None and head < now - _MAX_HEAD_AGE:
        collector.remember("participation_etag", None)
        provenance = Provenance.of_commit("commits", collector.state["oid"])
        collector.set_weeks(provenance, commit_weeks.build_empty(today, PARTICIPATION))
        collector.close_part(WEEKS)
        return
    if now < (certain := _compute_certain(today, head)):
        collector.wait_until(certain)
        return
    etag = collector.state.get("participation_etag") if collector.weeks else None
    reply = reader.get(collector, "/stats/participation", etag)
    after = reader.session.context.now().astimezone(UTC).date()
    if reply.status == 202:
        collector.retry_computing()
    elif after != today:
        # Midnight passed: which day the weeks end at cannot be told.
        collector.wait_until(_compute_certain(after, None))
    else:
        _set_participation(collector, reply, today)


def _compute_certain(today: date, head: datetime | None) -> datetime:
    """Return when it is certain which day the weeks end at, and that the head is in them.

    The day of asking is not in the weeks; so a commit of today, or by a clock that is ahead,
    has to wait. Beyond tomorrow it is a clock that is wrong, and waiting for it does not help.
    """
    day = head.astimezone(UTC).date() if head else today
    is_missing = head is not None and today <= day <= today + timedelta(days=1)
    first = day + timedelta(days=1) if is_missing else today
    return datetime.combine(first, time(), UTC) + _AFTER_MIDNIGHT


def _set_participation(collector: GitHubCollector, reply: HostResponse, today: date) -> None:
    if reply.status == 304 and collector.weeks:
        # The same numbers, but as of today.
        counts = collector.weeks.counts
    else:
        # An empty list is that of an empty repository.
        counts = _read_counts(reply) or commit_weeks.build_empty(today, PARTICIPATION).counts
        collector.remember("participation_etag", get_etag(reply))
    etag = collector.state.get("participation_etag")
    provenance = Provenance.of_etag("stats/participation", etag)
    collector.set_weeks(provenance, CommitWeeks(counts, today, PARTICIPATION))
    collector.close_part(WEEKS)


def _read_counts(reply: HostResponse) -> tuple[int, ...]:
    """Return 52 numbers, oldest first, or none; raises BadValue."""
    if reply.status != 200:
        raise BadValue(f"no weeks (status {reply.status})")
    weeks = decode(reply.json, _Participation).all
    if len(weeks) not in {0, commit_weeks.WEEKS}:
        raise BadValue(f"{len(weeks)} weeks instead of {commit_weeks.WEEKS}")
    return tuple(weeks)


_READERS: dict[str, Callable[[GitHubCollector, PartReader], None]] = {
    COMMITS: _read_commits,
    CONTRIBUTORS: _read_contributors,
    WEEKS: _read_participation,
}
