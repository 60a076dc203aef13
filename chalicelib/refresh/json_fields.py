"""Members of a host's JSON, checked to be of the right type before they are stored."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.catalog.json_body import is_renderable

_MAX_INT = 2**53
_MAX_TEXT_LENGTH = 20_000
_MAX_NAMES_BYTES = 60_000


class BadValue(ValueError):
    """A member that is missing or of another type; the message names it for the operator."""


def get_member(json: Any, *path: str) -> Any:
    """Return the value at a path of members; ``None`` if one of them is missing or null."""
    for name in path:
        if not isinstance(json, dict):
            return None
        json = json.get(name)
    return json


def get_int(json: Any, *path: str) -> int:
    """Return a count, which is an integer from 0 to 2**53; raises BadValue."""
    value = get_member(json, *path)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_INT:
        raise BadValue(f"{'.'.join(path)} is not a count")
    return value


def get_text(json: Any, *path: str, max_length: int = _MAX_TEXT_LENGTH) -> str:
    """Return a text without NUL, cut to ``max_length``; ``""`` for null. Raises BadValue."""
    value = get_member(json, *path)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadValue(f"{'.'.join(path)} is not a text")
    # JSON can contain a lone surrogate, but UTF-8 cannot.
    return value.encode(errors="replace").decode().replace("\x00", "")[:max_length]


def get_required_text(json: Any, *path: str) -> str:
    """Return a text that is not empty; raises BadValue."""
    value = get_text(json, *path)
    if not value:
        raise BadValue(f"{'.'.join(path)} is empty")
    return value


def get_bool(json: Any, *path: str) -> bool:
    """Return a boolean; raises BadValue."""
    value = get_member(json, *path)
    if not isinstance(value, bool):
        raise BadValue(f"{'.'.join(path)} is neither true nor false")
    return value


def get_datetime(json: Any, *path: str) -> datetime | None:
    """Return an ISO 8601 instant in UTC; ``None`` for null. Raises BadValue.

    An instant without an offset is taken for UTC.
    """
    value = get_member(json, *path)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadValue(f"{'.'.join(path)} is not an instant") from None
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    if not is_renderable(instant):
        raise BadValue(f"{'.'.join(path)} is outside the calendar")
    return instant.astimezone(UTC)


def join_names(names: list[str]) -> str:
    """Return distinct names, in their order, joined with commas for ``participants``.

    Names beyond 60,000 bytes are left out: an item of DynamoDB must hold them twice, beside its
    other attributes.
    """
    plain = (" ".join(name.replace(",", " ").split()) for name in names)
    kept, size = [], 0
    for name in dict.fromkeys(name for name in plain if name):
        size += len(name.encode()) + 1
        if size > _MAX_NAMES_BYTES:
            break
        kept.append(name)
    return ",".join(kept)
