"""Values out of somebody else's JSON, or ``BadValue``: what is stored is of the right type."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.catalog.json_body import is_renderable

_MAX_INT = 2**53
_MAX_NAMES_BYTES = 60_000


class BadValue(ValueError):
    """A member is missing or not of its type; the text says which, for an operator."""


def get_member(json: Any, *path: str) -> Any:
    """What stands at a path of object members, ``None`` where one is missing or null."""
    for name in path:
        if not isinstance(json, dict):
            return None
        json = json.get(name)
    return json


def get_int(json: Any, *path: str) -> int:
    """A number of things: a whole number from 0 to 2**53."""
    value = get_member(json, *path)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_INT:
        raise BadValue(f"{'.'.join(path)} is not a count")
    return value


def get_text(json: Any, *path: str, longest: int = 20_000) -> str:
    """A text, without NUL; ``""`` for null. What is longer than ``longest`` is cut."""
    value = get_member(json, *path)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadValue(f"{'.'.join(path)} is not a text")
    # A lone surrogate can stand in JSON, but not in UTF-8.
    return value.encode(errors="replace").decode().replace("\x00", "")[:longest]


def get_required_text(json: Any, *path: str) -> str:
    """A text that is not empty."""
    value = get_text(json, *path)
    if not value:
        raise BadValue(f"{'.'.join(path)} is empty")
    return value


def get_bool(json: Any, *path: str) -> bool:
    """True or false."""
    value = get_member(json, *path)
    if not isinstance(value, bool):
        raise BadValue(f"{'.'.join(path)} is neither true nor false")
    return value


def get_datetime(json: Any, *path: str) -> datetime | None:
    """An ISO 8601 instant in UTC (without an offset it is taken for UTC); ``None`` for null."""
    value = get_member(json, *path)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadValue(f"{'.'.join(path)} is not an instant") from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    if not is_renderable(found):
        raise BadValue(f"{'.'.join(path)} is outside the calendar")
    return found.astimezone(UTC)


def join_names(found: list[str]) -> str:
    """Names as ``participants`` has them: joined with commas, each once, in their order.

    As many as fit: an item of DynamoDB has to hold them twice, beside all the rest.
    """
    plain = (" ".join(name.replace(",", " ").split()) for name in found)
    kept, size = [], 0
    for name in dict.fromkeys(name for name in plain if name):
        size += len(name.encode()) + 1
        if size > _MAX_NAMES_BYTES:
            break
        kept.append(name)
    return ",".join(kept)
