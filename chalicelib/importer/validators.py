"""Validators of a record's fields: each returns the value to store or raises InvalidRecord."""

import reprlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.catalog.json_body import is_renderable
from chalicelib.storage.reads import MAX_ID, MAX_NAME_BYTES

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 60

Validator = Callable[[Any], Any]


class InvalidRecord(ValueError):
    """A record that cannot be loaded; its text tells a person why."""


def text(value: Any) -> str:
    """Accept text that UTF-8 and the original's database can hold."""
    if not isinstance(value, str):
        raise InvalidRecord(f"not text: {format_value(value)}")
    if "\0" in value:
        raise InvalidRecord("text with a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidRecord("text that is not UTF-8, or with a lone surrogate") from None
    return value


def key_text(value: Any) -> str:
    """Accept text that can be a key: not blank, and within DynamoDB's limit for keys."""
    name = text(value)
    if not name.strip():
        raise InvalidRecord("blank")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise InvalidRecord(f"longer than {MAX_NAME_BYTES} bytes")
    return name


def url(value: Any) -> str:
    """Accept a repository URL: blank, or short enough to be a key."""
    return key_text(value) if text(value).strip() else ""


def integer(value: Any) -> int:
    """Accept a whole number of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRecord(f"not a whole number: {format_value(value)}")
    if not -MAX_ID - 1 <= value <= MAX_ID:
        raise InvalidRecord("a number of more than 64 bits")
    return value


def identifier(value: Any) -> int:
    """Accept the primary key of a record: a whole number from 1."""
    if integer(value) < 1:
        raise InvalidRecord(f"not an id: {value}")
    return int(value)


def boolean(value: Any) -> bool:
    """Accept ``true`` or ``false``."""
    if not isinstance(value, bool):
        raise InvalidRecord(f"not true or false: {format_value(value)}")
    return value


def timestamp(value: Any) -> datetime:
    """Accept an ISO 8601 date and time with an offset that exists in New York's time too."""
    if not isinstance(value, str):
        raise InvalidRecord(f"not a date: {format_value(value)}")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidRecord(f"not a date: {format_value(value)}") from None
    if instant.tzinfo is None:
        raise InvalidRecord(f"a date without a time zone: {format_value(value)}")
    if not (1 < instant.year < 9999 or is_renderable(instant)):
        raise InvalidRecord(f"a date outside the calendar: {format_value(value)}")
    return instant


def list_of(validate: Validator) -> Callable[[Any], tuple[Any, ...]]:
    """Make a validator of lists whose elements all pass ``validate``."""

    def validate_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise InvalidRecord(f"not a list: {format_value(value)}")
        return tuple(validate(element) for element in value)

    return validate_list


def integer_list(value: Any) -> tuple[int, ...]:
    """Accept a list of whole numbers, checked as a whole: a catalogue has millions of them."""
    is_plain = isinstance(value, list) and set(map(type, value)) == {int}
    if is_plain and max(map(abs, value)) <= MAX_ID:
        return tuple(value)
    return list_of(integer)(value)


def list_length(value: Any) -> int:
    """Accept any list, and return the number of its elements."""
    return len(list_of(lambda element: element)(value))


def nullable(validate: Validator, null_value: Any = None) -> Validator:
    """Make a validator that also accepts ``null``, which it returns as ``null_value``."""
    return lambda value: null_value if value is None else validate(value)


def format_value(value: Any) -> str:
    """Return the ``repr`` of a value, shortened, without characters that a terminal obeys."""
    return _repr.repr(value)
