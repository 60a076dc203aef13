"""What the fields of a record may hold, and what is said when they hold something else."""

import reprlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.catalog.json_body import is_renderable
from chalicelib.storage.reads import MAX_ID, MAX_NAME_BYTES

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = 60


class BadRecord(ValueError):
    """A record that cannot be taken; its text says why, for a person."""


def a_text(value: Any) -> str:
    """Text that UTF-8 and the original's database can hold."""
    if not isinstance(value, str):
        raise BadRecord(f"not text: {shown(value)}")
    if "\0" in value:
        raise BadRecord("text with a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRecord("text that is not UTF-8, or with a lone surrogate") from None
    return value


def a_name(value: Any) -> str:
    """Text that can be a key: not blank, and no longer than DynamoDB's keys may be."""
    text = a_text(value)
    if not text.strip():
        raise BadRecord("blank")
    if len(text.encode()) > MAX_NAME_BYTES:
        raise BadRecord(f"longer than {MAX_NAME_BYTES} bytes")
    return text


def a_url(value: Any) -> str:
    """A repository URL: may be blank, but must be short enough to be a key."""
    return a_name(value) if a_text(value).strip() else ""


def a_number(value: Any) -> int:
    """A whole number of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRecord(f"not a whole number: {shown(value)}")
    if not -MAX_ID - 1 <= value <= MAX_ID:
        raise BadRecord("a number of more than 64 bits")
    return value


def an_id(value: Any) -> int:
    """The primary key of a record."""
    if a_number(value) < 1:
        raise BadRecord(f"not an id: {value}")
    return int(value)


def a_flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise BadRecord(f"not true or false: {shown(value)}")
    return value


def an_instant(value: Any) -> datetime:
    """An ISO 8601 date and time with an offset, that New York also has."""
    if not isinstance(value, str):
        raise BadRecord(f"not a date: {shown(value)}")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise BadRecord(f"not a date: {shown(value)}") from None
    if instant.tzinfo is None:
        raise BadRecord(f"a date without a time zone: {shown(value)}")
    if not (1 < instant.year < 9999 or is_renderable(instant)):
        raise BadRecord(f"a date outside the calendar: {shown(value)}")
    return instant


def a_list_of(check: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A list whose elements all pass ``check``."""

    def check_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise BadRecord(f"not a list: {shown(value)}")
        return tuple(check(element) for element in value)

    return check_list


def numbers(value: Any) -> tuple[int, ...]:
    """A list of whole numbers; looked at as a whole, because a catalogue has millions of them."""
    is_plain = isinstance(value, list) and set(map(type, value)) == {int}
    if is_plain and max(map(abs, value)) <= MAX_ID:
        return tuple(value)
    return a_list_of(a_number)(value)


def maybe(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``null``, or what passes ``check``."""
    return lambda value: None if value is None else check(value)


def shown(value: Any) -> str:
    """A value of any size and depth in few characters, none of which a terminal obeys."""
    return _shortened.repr(value)
