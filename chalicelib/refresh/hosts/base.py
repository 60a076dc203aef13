"""What the code hosts' modules have in common: statuses, figures with their marks, weeks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from http import HTTPStatus
from typing import Any

from chalicelib.refresh import commit_weeks
from chalicelib.refresh.commit_weeks import CommitWeeks
from chalicelib.refresh.fetch_result import (
    Failed,
    Figures,
    Gone,
    Moved,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.repo_urls import is_address, web_url
from chalicelib.refresh.http.rate_limit_headers import parse_number, parse_retry_after
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue
from chalicelib.refresh.rate_limit import add_seconds

#: With a token that a host refuses it is left alone for so long; no package is to blame.
BAD_CREDENTIALS_SECONDS = 900
#: Not there, no longer there, and not to be shown for legal reasons.
_GONE = {404, 410, 451}


@dataclass
class Findings:
    """Figures as they are read, each with its mark."""

    values: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, Provenance] = field(default_factory=dict)

    def add(self, mark: Provenance, **values: Any) -> None:
        """Note figures that came from one call."""
        self.values.update(values)
        self.marks.update(dict.fromkeys(values, mark))

    def add_weeks(self, mark: Provenance, found: CommitWeeks, state: dict[str, Any]) -> None:
        """Note the weeks, and in the state what has to be remembered of them."""
        self.add(mark, commits_over_52w=found.counts)
        state["weeks"] = found.state


def error_outcome(reply: HostResponse) -> Gone | Failed | None:
    """What an answer without figures means for the repository; ``None`` for 200 and 304."""
    if reply.status in {200, 304}:
        return None
    if reply.status in _GONE:
        return Gone(f"{reply.status} {HTTPStatus(reply.status).phrase}")
    return Failed(_words(reply.status))


def is_limit(reply: HostResponse) -> bool:
    """Whether an answer says that too much was asked: a 429, or a 403 that tells of a limit.

    A 403 also hides code from strangers. One of a limit, which proxies before a host send too,
    names a time or a limit of which nothing is left, or has the words.
    """
    if reply.status != 403:
        return reply.status == 429
    spent = (
        parse_number(reply.headers, f"{name}-Remaining") for name in ("RateLimit", "X-RateLimit")
    )
    return "Retry-After" in reply.headers or 0 in spent or "rate limit" in reply.text.lower()


def has_part(reply: HostResponse) -> bool:
    """Whether a part of a repository that answered is there; raises BadValue for a fault.

    A repository may keep its code to its members, or have none.
    """
    if reply.status == 200:
        return True
    if reply.status in _GONE | {204, 403, 409}:
        return False
    raise BadValue(_words(reply.status))


def spent_until(
    reply: HostResponse,
    now: datetime,
    reset: datetime | None,
    *,
    token: str | None = None,
    wait: int = 60,
) -> datetime | None:
    """Until when a host is to be left alone, if an answer says so; at least a second.

    Where a limit is spent: Retry-After, else the ``reset`` of its window, else ``wait`` seconds.
    Also where the token is refused.
    """
    if reply.status == 401 and token:
        return add_seconds(now, BAD_CREDENTIALS_SECONDS)
    if not is_limit(reply):
        return None
    until = parse_retry_after(reply.headers, now) or reset or add_seconds(now, wait)
    return max(until, add_seconds(now, 1))


def json_headers(token: str | None) -> dict[str, str]:
    """What is sent with every request: the media type, and the token if there is one."""
    headers = {"Accept": "application/json"}
    return headers | {"Authorization": f"Bearer {token}"} if token else headers


def _words(status: int) -> str:
    if status == 401:
        return "401 bad credentials"
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"


def known_weeks(source: Source) -> CommitWeeks | None:
    """The weeks as they were counted last."""
    return commit_weeks.parse_weeks(source.package.commits_over_52w, source.state.get("weeks"))


def age_weeks(source: Source, found: Findings, state: dict[str, Any], today: date) -> None:
    """Move the weeks on where nothing was committed since; their mark stays what it was."""
    known = known_weeks(source)
    if known is not None:
        mark = Provenance("52 weeks moved on", _token(state.get("head")))
        found.add_weeks(mark, known.shift_to(today), state)


def _token(head: Any) -> str:
    return f"oid:{head}" if head else ""


def archived_at(source: Source, is_archived: bool, at: datetime | None, now: datetime) -> Any:
    """When it was archived: what the host says, else what is stored, else now."""
    if not is_archived:
        return None
    return at or source.package.date_repo_archived or now


def build_result(
    source: Source,
    found: Findings,
    state: Mapping[str, Any],
    address: str,
    again_at: datetime | None = None,
    *,
    is_nested: bool = False,
) -> Figures:
    """The figures, ``Moved`` where the host calls the repository otherwise now.

    Hosts compare addresses without regard to letter case, so another case is no move.
    ``is_nested``: a path of more than two names is an address there.
    """
    if address.lower() == source.address.lower():
        return Figures(values=found.values, marks=found.marks, state=state, again_at=again_at)
    url = web_url(source.package.repo_url, address)
    if not is_address(address, is_nested) or not url:
        raise BadValue("the new address is not one")
    return Moved(
        values=found.values,
        marks=found.marks,
        state=state,
        again_at=again_at,
        address=address,
        url=url,
    )


def not_modified_result(source: Source, today: date, state: dict[str, Any]) -> Figures | Unchanged:
    """What a 304 comes to: the weeks move on, everything else stays."""
    found = Findings()
    age_weeks(source, found, state, today)
    if found.values.get("commits_over_52w") == source.package.commits_over_52w:
        found = Findings()
    if not found.values:
        return Unchanged(state=state)
    return Figures(values=found.values, marks=found.marks, state=state)
