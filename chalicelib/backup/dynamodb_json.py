"""Items as lines of a data file: DynamoDB JSON, as ExportTableToPointInTime writes it."""

import base64
import hashlib
import json
import reprlib
from typing import Any

from chalicelib.backup import attribute_values
from chalicelib.backup.attribute_values import NotAnItem
from chalicelib.storage.dump import Item


def encode(item: Item) -> bytes:
    """``{"Item": {"id": {"N": "1"}}}`` and a line end; binary values as base64."""
    text = json.dumps({"Item": item}, default=_base64, separators=(",", ":"))
    return text.encode() + b"\n"


def decode(line: bytes) -> Item:
    """The item of a line, if its values are such as DynamoDB takes.

    Raises NotAnItem, and of JSON ValueError and RecursionError.
    """
    found = json.loads(line)
    item = found.get("Item") if isinstance(found, dict) else None
    if not isinstance(item, dict):
        raise NotAnItem("a line without an object called Item")
    return {attribute_values.name(name): _decoded(name, value) for name, value in item.items()}


def digest(item: Item) -> bytes:
    """The same for items that DynamoDB calls equal: sets have no order, 1 is 1.0."""
    known = {name: _canonical(value) for name, value in item.items()}
    text = json.dumps(known, default=_base64, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:16]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decoded(name: str, value: Any) -> dict[str, Any]:
    try:
        return attribute_values.decoded(value)
    except NotAnItem as error:
        raise NotAnItem(f"{reprlib.repr(name)}: {error}") from None


def _canonical(value: dict[str, Any]) -> list[Any]:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return [kind, attribute_values.normal(content)]
        case "NS":
            return [kind, sorted(map(attribute_values.normal, content))]
        case "SS" | "BS":
            return [kind, sorted(content)]
        case "L":
            return [kind, [_canonical(one) for one in content]]
        case "M":
            return [kind, {name: _canonical(one) for name, one in content.items()}]
    return [kind, content]
