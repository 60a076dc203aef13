"""Values of an item as JSON has them, checked by the rules that DynamoDB has for them.

Source: the Amazon DynamoDB Developer Guide, "Supported data types and naming rules" and
"Constraints". A line that was forged or damaged is found here, and not by a write half way.
"""

import base64
import re
import reprlib
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

#: How deep values may stand in one another, an attribute's own being the first.
LEVELS = 32
_MAX_NAME_BYTES = (64 << 10) - 1
#: Of a number: significant digits, and the powers of ten that the first of them may stand for.
_MAX_DIGITS = 38
_LEAST, _MOST = -130, 125
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,18}))?")
#: DynamoDB's numbers have up to 38 digits, more than Python counts by default.
_DIGITS = Context(prec=40)


class NotAnItem(ValueError):
    """What DynamoDB would not take as an item, and why, for a person."""


def name(text: str) -> str:
    """An attribute's name."""
    if not 0 < len(a_text(text).encode()) <= _MAX_NAME_BYTES:
        raise NotAnItem("a name of no bytes, or of more than 65,535")
    return text


def decoded(value: Any, level: int = 1) -> dict[str, Any]:
    """A value such as ``{"N": "1"}`` with bytes for base64; raises NotAnItem."""
    if level > LEVELS:
        raise NotAnItem(f"nested in more than {LEVELS} levels")
    if not isinstance(value, dict) or len(value) != 1:
        raise NotAnItem(f"not one value of one type: {reprlib.repr(value)}")
    ((kind, content),) = value.items()
    if kind == "L" and isinstance(content, list):
        return {kind: [decoded(one, level + 1) for one in content]}
    if kind == "M" and isinstance(content, dict):
        return {kind: {a_text(key): decoded(one, level + 1) for key, one in content.items()}}
    if kind not in _CHECKS:
        raise NotAnItem(f"not of a type of DynamoDB's: {reprlib.repr(value)}")
    return {kind: _CHECKS[kind](content)}


def normal(text: str) -> str:
    """A number as text that is the same for equal numbers: 1 is 1.00."""
    # Zero has an exponent of its own, whatever it is written as.
    number = Decimal(text)
    return str(number.normalize(_DIGITS)) if number else "0"


def a_text(content: Any) -> str:
    """Text that UTF-8 can hold."""
    if not isinstance(content, str):
        raise NotAnItem(f"not text: {reprlib.repr(content)}")
    try:
        content.encode()
    except UnicodeEncodeError:
        raise NotAnItem("text with a lone surrogate") from None
    return content


def _a_number(content: Any) -> str:
    match = _NUMBER.fullmatch(content) if isinstance(content, str) else None
    if match is None:
        raise NotAnItem(f"not a number as text: {reprlib.repr(content)}")
    whole, _, fraction = match[1].partition(".")
    digits = (whole + fraction).lstrip("0")
    # DynamoDB measures a zero by the exponent that it is written with.
    power = max(len(digits), 1) - 1 - len(fraction) + int(match[2] or 0)
    if not _LEAST <= power <= _MOST:
        raise NotAnItem(f"a number beyond 1E{_LEAST} to 9.9E+{_MOST}: {reprlib.repr(content)}")
    if len(digits.rstrip("0")) > _MAX_DIGITS:
        raise NotAnItem(f"a number of more than {_MAX_DIGITS} digits: {reprlib.repr(content)}")
    return str(content)


def _bytes(content: Any) -> bytes:
    try:
        return base64.b64decode(a_text(content), validate=True)
    except ValueError:
        raise NotAnItem(f"not base64: {reprlib.repr(content)}") from None


def _a_flag(content: Any) -> bool:
    if not isinstance(content, bool):
        raise NotAnItem(f"not true or false: {reprlib.repr(content)}")
    return content


def _null(content: Any) -> bool:
    if content is not True:
        raise NotAnItem(f"NULL that is not true: {reprlib.repr(content)}")
    return True


def _a_set_of(
    check: Callable[[Any], Any], equal: Callable[[Any], Any] = lambda one: one
) -> Callable[[Any], list[Any]]:
    """A list of one element or more, no two of which are equal."""

    def check_set(content: Any) -> list[Any]:
        if not isinstance(content, list) or not content:
            raise NotAnItem(f"not a set of anything: {reprlib.repr(content)}")
        found = [check(one) for one in content]
        if len(set(map(equal, found))) < len(found):
            raise NotAnItem(f"a set with duplicates: {reprlib.repr(content)}")
        return found

    return check_set


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "S": a_text,
    "N": _a_number,
    "B": _bytes,
    "BOOL": _a_flag,
    "NULL": _null,
    "SS": _a_set_of(a_text),
    "NS": _a_set_of(_a_number, normal),
    "BS": _a_set_of(_bytes),
}
