"""Reading what hosts say of their limits in headers (the dialects differ)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from chalicelib.refresh.rate_limit import Reading

#: No host is believed to mean more than a day.
_MAX_WAIT = timedelta(days=1)
_DECADES = 10**9


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The instant of Retry-After: seconds or a date (RFC 9110, 10.2.3); ``None`` if useless."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return now + min(timedelta(seconds=min(int(value), 10**6)), _MAX_WAIT)
    try:
        named = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        # A year of many digits is no int of C's.
        return None
    if named.tzinfo is None:
        named = named.replace(tzinfo=UTC)
    return min(max(named, now), now + _MAX_WAIT)


def parse_number(headers: Mapping[str, str], name: str) -> int | None:
    """A whole number of a header; the first of a list such as ``60, 60;w=3600``."""
    value = headers.get(name, "").split(",")[0].split(";")[0].strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None


def parse_reading(
    headers: Mapping[str, str], now: datetime, meter: str, prefix: str, *, is_epoch: bool
) -> Reading | None:
    """``PREFIX-Limit``, ``-Remaining`` and ``-Reset``; the last in epoch seconds or to go.

    A reset that is to be in decades can only be an instant: proxies speak dialects of their own.
    """
    limit = parse_number(headers, f"{prefix}-Limit")
    remaining = parse_number(headers, f"{prefix}-Remaining")
    reset = parse_number(headers, f"{prefix}-Reset")
    if limit is None or remaining is None or reset is None:
        return None
    is_instant = is_epoch or reset > _DECADES
    ahead = reset - now.timestamp() if is_instant else float(reset)
    # A second more: the host's clock and ours differ, and a window must be over for both.
    ahead = min(max(ahead, 0.0) + 1.0, _MAX_WAIT.total_seconds())
    return Reading(meter, limit, remaining, now + timedelta(seconds=ahead))
