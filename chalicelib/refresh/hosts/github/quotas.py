"""GitHub's rate limits, and what its answers say of them.

The numbers are those of GitHub's REST documentation, "Rate limits for the REST API", and of its
GraphQL documentation, "Rate limits and query limits for the GraphQL API": 5,000 requests an hour
with a token and 60 without; 5,000 points an hour for GraphQL, apart from REST's; secondary limits
of 900 points a minute for REST (a GET is one) and 2,000 for GraphQL (a query is one). At most 100
requests at a time are allowed, and advised is one after another ("Best practices for using the
REST API"); hence few batches at once. Up to 100 repositories fit into a query of one point, but
a query of more than 10 seconds is ended (same page), which happens from about 50 on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.refresh.http import rate_limit_headers as headers
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.rate_limit import Policy, Rate, Reading

CORE, GRAPHQL, REST_MINUTE, GRAPHQL_MINUTE = "core", "graphql", "rest_minute", "graphql_minute"
#: What one request costs. A 304 is free of the hourly limit ("Best practices"), which is left
#: out of account.
REST_COST = {CORE: 1, REST_MINUTE: 1}
GRAPHQL_COST = {GRAPHQL: 1, GRAPHQL_MINUTE: 1}

_GRAPHQL_RATES = {GRAPHQL: Rate(5000, 3600, 1000), GRAPHQL_MINUTE: Rate(2000, 60, 400)}
_REST_MINUTE = Rate(900, 60, 180)
_MINUTE, _WINDOW = timedelta(minutes=1), timedelta(hours=1)


def build_policy(has_token: bool) -> Policy:
    """Return the limits; a fifth of each may come at once."""
    core = Rate(5000, 3600, 1000) if has_token else Rate(60, 3600, 12)
    meters = {CORE: core, REST_MINUTE: _REST_MINUTE, **_GRAPHQL_RATES}
    return Policy(meters, concurrency=4, batch=50)


def read_limits(reply: HostResponse, now: datetime) -> Sequence[Reading]:
    """Return the hourly limit that an answer tells of, and the secondary ones if refused."""
    limits = [reading] if (reading := _read_hourly(reply, now)) else []
    until = limited_until(reply, now)
    if until is not None and is_secondary(reply):
        # "Secondary limits" are shared by REST and GraphQL, so neither is asked.
        limits.append(Reading(REST_MINUTE, _REST_MINUTE.limit, 0, until))
        limits.append(Reading(GRAPHQL_MINUTE, _GRAPHQL_RATES[GRAPHQL_MINUTE].limit, 0, until))
    return limits


def _read_hourly(reply: HostResponse, now: datetime) -> Reading | None:
    meter = reply.headers.get("X-RateLimit-Resource") or _guess_meter(reply)
    if meter not in {CORE, GRAPHQL}:
        return None
    return headers.parse_reading(reply.headers, now, meter, "X-RateLimit", is_epoch=True)


def _guess_meter(reply: HostResponse) -> str:
    """Guess the limit of an answer that does not name it: GraphQL's begin with data or errors."""
    is_graphql = reply.body[:20].lstrip().startswith((b'{"data"', b'{"errors"'))
    return GRAPHQL if is_graphql else CORE


def limited_until(reply: HostResponse, now: datetime) -> datetime | None:
    """Return until when nothing may be asked, if a 403 or 429 is a limit.

    In this order ("Rate limits", "Exceeding"): Retry-After; no request left and the
    window's end; else a minute at least.
    A 403 also says that a list of contributors is too large, or that access is forbidden.
    """
    if reply.status not in {403, 429} or is_too_large(reply):
        return None
    if (until := headers.parse_retry_after(reply.headers, now)) is not None:
        return max(until, now + timedelta(seconds=1))
    if headers.parse_number(reply.headers, "X-RateLimit-Remaining") == 0:
        reading = headers.parse_reading(reply.headers, now, CORE, "X-RateLimit", is_epoch=True)
        # Without a word of its end, the window ends an hour from now at the latest.
        until = reading.reset if reading else now + _WINDOW
        return max(until, now + _MINUTE) if _has_passed(until, now) else until
    return (
        now + _MINUTE if reply.status == 429 or is_secondary(reply) or _names_limit(reply) else None
    )


def is_too_large(reply: HostResponse) -> bool:
    """Return whether it is the 403 of a list of contributors that GitHub does not compute."""
    return reply.status == 403 and "too large to list contributors" in reply.text


def is_secondary(reply: HostResponse) -> bool:
    """Return whether an answer names a secondary limit (once called "abuse detection")."""
    text = reply.text.lower()
    return (
        "gh-limited-by" in reply.headers
        or "secondary rate limit" in text
        or "abuse detection" in text
    )


def _names_limit(reply: HostResponse) -> bool:
    return "rate limit" in reply.text.lower()


def _has_passed(until: datetime, now: datetime) -> bool:
    """Return whether the window is over by our clock: then the clocks differ."""
    return until <= now + timedelta(seconds=1)
