"""Parsers of the headers in which hosts report their rate limits; the dialects differ."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from chalicelib.refresh.rate_limit import Reading

#: A longer wait is not believed.
_MAX_WAIT = timedelta(days=1)
_MAX_RETRY_AFTER_SECONDS = 10**6
_MAX_DIGITS = 15
#: A larger number of seconds is an instant (in 2001 or later), not a duration.
_MAX_DURATION_SECONDS = 10**9


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return the instant of Retry-After (RFC 9110, 10.2.3), or ``None`` if it is not valid.

    The header contains seconds or a date.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        seconds = min(int(value), _MAX_RETRY_AFTER_SECONDS)
        return now + min(timedelta(seconds=seconds), _MAX_WAIT)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        # A year with many digits overflows a C integer.
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(max(date, now), now + _MAX_WAIT)


def parse_number(headers: Mapping[str, str], name: str) -> int | None:
    """Return the integer in a header, or the first of a list such as ``60, 60;w=3600``."""
    value = headers.get(name, "").split(",")[0].split(";")[0].strip()
    is_number = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
    return int(value) if is_number else None


def parse_reading(
    headers: Mapping[str, str], now: datetime, meter: str, prefix: str, *, is_epoch: bool
) -> Reading | None:
    """Return the reading in ``PREFIX-Limit``, ``-Remaining`` and ``-Reset``.

    The reset is in seconds since the epoch if ``is_epoch`` is true, and in seconds from now
    otherwise. Proxies use dialects of their own, so a number of decades is taken for an instant
    in any case. Returns ``None`` if a header is missing or not valid.
    """
    limit = parse_number(headers, f"{prefix}-Limit")
    remaining = parse_number(headers, f"{prefix}-Remaining")
    reset = parse_number(headers, f"{prefix}-Reset")
    if limit is None or remaining is None or reset is None:
        return None
    is_instant = is_epoch or reset > _MAX_DURATION_SECONDS
    ahead = reset - now.timestamp() if is_instant else float(reset)
    # One second more: the clocks differ, and the window must be over for both sides.
    ahead = min(max(ahead, 0.0) + 1.0, _MAX_WAIT.total_seconds())
    return Reading(meter, limit, remaining, now + timedelta(seconds=ahead))
