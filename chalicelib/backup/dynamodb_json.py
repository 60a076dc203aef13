"""Items as lines of a data file: DynamoDB JSON, as ExportTableToPointInTime writes it.

Values are checked by DynamoDB's rules, so that a forged or damaged line is found when it is read,
not by a write halfway. Source: the Amazon DynamoDB Developer Guide, "Supported data types and
naming rules" and "Constraints".
"""

import base64
import hashlib
import json
import re
import reprlib
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from chalicelib.storage.raw_items import RawItem

#: How deep values may be nested; an attribute's own value is the first level.
MAX_DEPTH = 32
_MAX_NAME_BYTES = (64 << 10) - 1
#: Of a number: significant digits, and the powers of ten of the first of them.
_MAX_DIGITS = 38
_MIN_EXPONENT, _MAX_EXPONENT = -130, 125
_NUMBER_PATTERN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,18}))?")
#: DynamoDB's numbers have up to 38 digits, more than Python's default precision.
_DIGITS = Context(prec=40)


class InvalidItem(ValueError):
    """A line is not an item that DynamoDB accepts; the text says why."""


def encode_item(item: RawItem) -> bytes:
    """Return ``{"Item": {"id": {"N": "1"}}}`` and a line end, with binary values in base64."""
    text = json.dumps({"Item": item}, default=_encode_bytes, separators=(",", ":"))
    return text.encode() + b"\n"


def decode_item(line: bytes) -> RawItem:
    """Return the item of a line, with its values checked.

    Raises InvalidItem, and ValueError and RecursionError for JSON that cannot be parsed.
    """
    document = json.loads(line)
    item = document.get("Item") if isinstance(document, dict) else None
    if not isinstance(item, dict):
        raise InvalidItem("a line without an object called Item")
    return {check_name(name): _decode_attribute(name, value) for name, value in item.items()}


def hash_item(item: RawItem) -> bytes:
    """Return a hash that is equal for items that DynamoDB calls equal.

    Sets have no order, and 1 equals 1.0.
    """
    canonical = {name: _canonicalize(value) for name, value in item.items()}
    text = json.dumps(canonical, default=_encode_bytes, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:16]


def check_name(text: str) -> str:
    """Return an attribute's name; raises InvalidItem."""
    if not 0 < len(check_text(text).encode()) <= _MAX_NAME_BYTES:
        raise InvalidItem("a name that is empty or longer than 65,535 bytes")
    return text


def check_text(content: Any) -> str:
    """Return text that UTF-8 can encode; raises InvalidItem."""
    if not isinstance(content, str):
        raise InvalidItem(f"not text: {reprlib.repr(content)}")
    try:
        content.encode()
    except UnicodeEncodeError:
        raise InvalidItem("text with a lone surrogate") from None
    return content


def decode_value(value: Any, depth: int = 1) -> dict[str, Any]:
    """Return a value such as ``{"N": "1"}`` with bytes for base64; raises InvalidItem."""
    if depth > MAX_DEPTH:
        raise InvalidItem(f"nested in more than {MAX_DEPTH} levels")
    if not isinstance(value, dict) or len(value) != 1:
        raise InvalidItem(f"not one value of one type: {reprlib.repr(value)}")
    ((kind, content),) = value.items()
    if kind == "L" and isinstance(content, list):
        return {kind: [decode_value(element, depth + 1) for element in content]}
    if kind == "M" and isinstance(content, dict):
        return {
            kind: {
                check_text(key): decode_value(element, depth + 1)
                for key, element in content.items()
            }
        }
    if kind not in _CHECKS:
        raise InvalidItem(f"not a DynamoDB type: {reprlib.repr(value)}")
    return {kind: _CHECKS[kind](content)}


def normalize_number(text: str) -> str:
    """Return text that is the same for equal numbers, such as 1 and 1.00."""
    # Zero keeps an exponent of its own, however it is written.
    number = Decimal(text)
    return str(number.normalize(_DIGITS)) if number else "0"


def _decode_attribute(name: str, value: Any) -> dict[str, Any]:
    try:
        return decode_value(value)
    except InvalidItem as error:
        raise InvalidItem(f"{reprlib.repr(name)}: {error}") from None


def _canonicalize(value: dict[str, Any]) -> list[Any]:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return [kind, normalize_number(content)]
        case "NS":
            return [kind, sorted(map(normalize_number, content))]
        case "SS" | "BS":
            return [kind, sorted(content)]
        case "L":
            return [kind, [_canonicalize(element) for element in content]]
        case "M":
            return [kind, {name: _canonicalize(element) for name, element in content.items()}]
    return [kind, content]


def _encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decode_bytes(content: Any) -> bytes:
    try:
        return base64.b64decode(check_text(content), validate=True)
    except ValueError:
        raise InvalidItem(f"not base64: {reprlib.repr(content)}") from None


def _check_number(content: Any) -> str:
    match = _NUMBER_PATTERN.fullmatch(content) if isinstance(content, str) else None
    if match is None:
        raise InvalidItem(f"not a number as text: {reprlib.repr(content)}")
    whole, _, fraction = match[1].partition(".")
    digits = (whole + fraction).lstrip("0")
    # DynamoDB measures a zero by the exponent that it is written with.
    exponent = max(len(digits), 1) - 1 - len(fraction) + int(match[2] or 0)
    if not _MIN_EXPONENT <= exponent <= _MAX_EXPONENT:
        limits = f"1E{_MIN_EXPONENT} to 9.9E+{_MAX_EXPONENT}"
        raise InvalidItem(f"a number beyond {limits}: {reprlib.repr(content)}")
    if len(digits.rstrip("0")) > _MAX_DIGITS:
        raise InvalidItem(f"a number of more than {_MAX_DIGITS} digits: {reprlib.repr(content)}")
    return str(content)


def _check_flag(content: Any) -> bool:
    if not isinstance(content, bool):
        raise InvalidItem(f"not true or false: {reprlib.repr(content)}")
    return content


def _check_null(content: Any) -> bool:
    if content is not True:
        raise InvalidItem(f"NULL that is not true: {reprlib.repr(content)}")
    return True


def _build_set_check(
    check: Callable[[Any], Any], normalize: Callable[[Any], Any] = lambda element: element
) -> Callable[[Any], list[Any]]:
    """Return a check of a list of one element or more, no two of which are equal."""

    def check_set(content: Any) -> list[Any]:
        if not isinstance(content, list) or not content:
            raise InvalidItem(f"not a set, or an empty one: {reprlib.repr(content)}")
        elements = [check(element) for element in content]
        if len(set(map(normalize, elements))) < len(elements):
            raise InvalidItem(f"a set with duplicates: {reprlib.repr(content)}")
        return elements

    return check_set


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "S": check_text,
    "N": _check_number,
    "B": _decode_bytes,
    "BOOL": _check_flag,
    "NULL": _check_null,
    "SS": _build_set_check(check_text),
    "NS": _build_set_check(_check_number, normalize_number),
    "BS": _build_set_check(_decode_bytes),
}
