"""Items as lines of a data file: DynamoDB JSON, as ExportTableToPointInTime writes it."""

import base64
import hashlib
import json
from decimal import Context, Decimal
from typing import Any

from chalicelib.storage.raw import Item

#: DynamoDB's numbers have up to 38 digits, more than Python counts by default.
_DIGITS = Context(prec=40)
_AS_THEY_ARE = {"S", "N", "SS", "NS", "BOOL", "NULL"}


def encode(item: Item) -> bytes:
    """``{"Item": {"id": {"N": "1"}}}`` and a line end; binary values as base64."""
    text = json.dumps({"Item": item}, default=_base64, separators=(",", ":"))
    return text.encode() + b"\n"


def decode(line: bytes) -> Item:
    """The item of a line; raises ValueError (also of JSON), KeyError or TypeError."""
    item = json.loads(line)["Item"]
    return {name: _decoded(value) for name, value in item.items()}


def digest(item: Item) -> bytes:
    """The same for items that DynamoDB calls equal: sets have no order, 1 is 1.0."""
    known = {name: _canonical(value) for name, value in item.items()}
    text = json.dumps(known, default=_base64, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:16]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return {kind: base64.b64decode(content, validate=True)}
        case "BS":
            return {kind: [base64.b64decode(one, validate=True) for one in content]}
        case "L":
            return {kind: [_decoded(one) for one in content]}
        case "M":
            return {kind: {name: _decoded(one) for name, one in content.items()}}
    if kind not in _AS_THEY_ARE:
        raise ValueError(f"{kind!r} is no type of DynamoDB")
    return {kind: content}


def _canonical(value: dict[str, Any]) -> list[Any]:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return [kind, _number(content)]
        case "NS":
            return [kind, sorted(map(_number, content))]
        case "SS" | "BS":
            return [kind, sorted(content)]
        case "L":
            return [kind, [_canonical(one) for one in content]]
        case "M":
            return [kind, {name: _canonical(one) for name, one in content.items()}]
    return [kind, content]


def _number(text: str) -> str:
    # Zero has an exponent of its own, whatever it is written as.
    number = Decimal(text)
    return str(number.normalize(_DIGITS)) if number else "0"
