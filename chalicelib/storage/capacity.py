"""Item sizes and capacity units by DynamoDB's published rules.

Source: the Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats" and "Read and
write operations". An emulator's ``ConsumedCapacity`` may ignore sizes, so what Packgrid claims
to spend is computed from what is stored.
"""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_ITEM_BYTES = 400 * 1024
_READ_UNIT = 4 * 1024


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The size in bytes of an item in DynamoDB's wire form (``{"id": {"N": "7"}, ...}``)."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Mapping[str, Any]) -> int:
    """The size in bytes of one attribute value in wire form, without its name."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_size(content)
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + value_size(element) for element in content)
        case "M":
            return 3 + sum(1 + len(k.encode()) + value_size(v) for k, v in content.items())
        case "SS":
            return sum(len(element.encode()) for element in content)
        case "NS":
            return sum(_number_size(element) for element in content)
        case "BS":
            return sum(len(element) for element in content)
    raise ValueError(f"not a DynamoDB type: {kind}")


def _number_size(text: str) -> int:
    # One byte for each two significant digits, and one; a negative number takes one more.
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def get_units(sizes: Iterable[int], *, consistent: bool = False) -> float:
    """Read units of GetItem or BatchGetItem: each item is rounded up to 4 KB by itself.

    An item that does not exist (size 0) costs as much as the smallest.
    """
    units = sum(max(1, -(-size // _READ_UNIT)) for size in sizes)
    return units if consistent else units / 2


def query_units(sizes: Iterable[int], *, consistent: bool = False) -> float:
    """Read units of one page of Query: the sum of the items' sizes is rounded up to 4 KB."""
    units = max(1, -(-sum(sizes) // _READ_UNIT))
    return units if consistent else units / 2
