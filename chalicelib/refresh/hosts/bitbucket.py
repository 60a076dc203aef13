"""Bitbucket Cloud: repository by repository, conditional, within a small budget.

Without a token there are 60 requests an hour, so what was begun is remembered: the state lists
the parts that are still open (watchers, forks, commits) and how far the commits were read. There
are no stars: watchers stand in. There is no archived flag either.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Provenance, Source
from chalicelib.refresh.hosts.base import (
    Findings,
    age_weeks,
    build_result,
    error_outcome,
    has_part,
    json_headers,
    known_weeks,
    not_modified_result,
    spent_until,
)
from chalicelib.refresh.hosts.bitbucket_commits import COST, METER, Counting
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RateLimited, Unreachable, WorkerTimeout
from chalicelib.refresh.http.fetch_each import each
from chalicelib.refresh.http.rate_limit_headers import parse_reading
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import get_int, get_required_text, get_text
from chalicelib.refresh.rate_limit import Policy, Rate, Reading

#: Where neither Retry-After nor the window's end is told: the window rolls on all the time.
_WAIT_SECONDS = 300
#: The first wait after a fault in a part, doubled each time, and the longest.
_FAULT, _LONGEST_FAULT = timedelta(minutes=10), timedelta(hours=6)
_PARTS = ("watchers", "forks", "commits")
_REPO = "GET /repositories/:workspace/:slug"


class Bitbucket:
    """Bitbucket Cloud."""

    def __init__(self, base_url: str, token: str | None, may_be_private: bool) -> None:
        self.name = "bitbucket"
        self.base_url = base_url
        self.public_url = "https://api.bitbucket.org"
        self.may_be_private = may_be_private
        self._token = token
        # A rolling window (Atlassian's documentation, "API request limits").
        limit = 1_000 if token else 60
        self.policy = Policy({METER: Rate(limit, 3_600, limit // 5)}, 1, 10)

    def headers(self) -> dict[str, str]:
        """JSON, and the token if there is one."""
        return json_headers(self._token)

    def readings(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """The hour's limit; its reset is in seconds to go."""
        found = parse_reading(reply.headers, now, METER, "X-RateLimit", is_epoch=False)
        return [] if found is None else [found]

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Where a limit is spent: Retry-After, else when some of the window is free again."""
        reset = next((found.reset for found in self.readings(reply, now)), None)
        return spent_until(reply, now, reset, token=self._token, wait=_WAIT_SECONDS)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """One conditional request for each repository, and its parts where it changed."""
        return each(batch, session, _one)


def _one(source: Source, session: Session) -> FetchResult:
    found, state, address = Findings(), dict(source.state), source.address
    is_asked = source.is_check_due or not state.get("open")
    if is_asked:
        reply = session.get(_path(address), cost=COST, etag=state.get("etag"))
        refused = error_outcome(reply)
        if refused is not None:
            return refused
        if reply.status == 200:
            address = _read_repository(source, reply, found, state)
        elif not _has_weeks(source):
            state["open"] = _with_commits(state)
        elif not state.get("open"):
            return not_modified_result(source, session.context.now().date(), state)
    again_at = _read_open(source, session, _path(address), found, state, is_asked)
    return build_result(source, found, state, address, again_at)


def _path(address: str) -> str:
    return f"/2.0/repositories/{quote(address)}"


def _has_weeks(source: Source) -> bool:
    """Whether the package still has the weeks that were counted, if they could be."""
    return "weeks" not in source.state or known_weeks(source) is not None


def _with_commits(state: Mapping[str, Any]) -> list[str]:
    return sorted({*state.get("open", ()), "commits"}, key=_PARTS.index)


def _read_repository(
    source: Source, reply: HostResponse, found: Findings, state: dict[str, Any]
) -> str:
    """Note the repository's document and which parts have to be read; its name now."""
    json = reply.json
    mark = Provenance(_REPO, f"etag:{reply.etag}" if reply.etag else "")
    found.add(mark, repo_description=get_text(json, "description"))
    address = get_required_text(json, "full_name")
    updated = get_required_text(json, "updated_on")
    if updated != state.get("updated"):
        state["open"] = list(_PARTS)
        # What is being read is a list from before: later commits would not be in it.
        state.pop("walk", None)
    elif not _has_weeks(source):
        state["open"] = _with_commits(state)
    state |= {
        "etag": reply.etag,
        "updated": updated,
        "branch": get_text(json, "mainbranch", "name", longest=500),
    }
    return address


def _read_open(
    source: Source,
    session: Session,
    path: str,
    found: Findings,
    state: dict[str, Any],
    is_answered: bool,
) -> datetime | None:
    """Read the parts that are open; when to go on if budget or time do not reach, or on a fault.

    What was read by then is kept, for reading it again may end as badly; what makes no sense
    fails all the same. Raises what stopped it where nothing was read and the repository itself
    has not answered either.
    """
    counting = Counting(source, session, path, found, state)
    parts = list(state.pop("open", ()))
    if "commits" not in parts:
        age_weeks(source, found, state, session.context.now().date())
    before = list(parts), dict(found.values), dict(state)
    try:
        while parts:
            if parts[0] == "commits":
                counting.read()
            else:
                _read_size(session, path, parts[0], found)
            parts.pop(0)
    except (RateLimited, WorkerTimeout, Unreachable) as error:
        is_stuck = (parts, found.values, state) == before
        state["open"] = parts
        if is_stuck and not is_answered:
            raise
        return _again_at(error, session.context.now(), state, is_stuck)
    state.pop("tries", None)
    return None


def _again_at(error: Exception, now: datetime, state: dict[str, Any], is_stuck: bool) -> datetime:
    """When to go on; after faults that let nothing through, later each time."""
    if isinstance(error, RateLimited):
        return error.until
    if isinstance(error, WorkerTimeout):
        return now
    tries: int = state.get("tries", 0) + 1 if is_stuck else 0
    state["tries"] = tries
    return now + min(_FAULT * float(2 ** min(tries, 10)), _LONGEST_FAULT)


def _read_size(session: Session, path: str, part: str, found: Findings) -> None:
    """Note how many forks or watchers there are; the list itself is not needed."""
    reply = session.get(f"{path}/{part}", cost=COST, params={"pagelen": 1})
    if not has_part(reply):
        return
    size = get_int(reply.json, "size")
    mark = Provenance(f"{_REPO}/{part}")
    if part == "forks":
        found.add(mark, repo_forks=size)
    else:
        found.add(mark, repo_watchers=size)
