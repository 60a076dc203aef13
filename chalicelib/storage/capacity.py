"""Item sizes and capacity units by DynamoDB's published rules.

Source: the Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats" and "Read and
write operations". An emulator's ``ConsumedCapacity`` may ignore sizes, so the units that Packgrid
claims to spend are computed from the stored items.
"""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_ITEM_BYTES = 400 * 1024
_READ_UNIT_BYTES = 4 * 1024


def compute_item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the bytes of an item in DynamoDB's wire form (``{"id": {"N": "7"}, ...}``)."""
    return sum(len(name.encode()) + compute_value_size(value) for name, value in item.items())


def compute_value_size(value: Mapping[str, Any]) -> int:
    """Return the bytes of one attribute value in wire form, without its name."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _compute_number_size(content)
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + compute_value_size(element) for element in content)
        case "M":
            return 3 + sum(
                1 + len(key.encode()) + compute_value_size(element)
                for key, element in content.items()
            )
        case "SS":
            return sum(len(element.encode()) for element in content)
        case "NS":
            return sum(_compute_number_size(element) for element in content)
        case "BS":
            return sum(len(element) for element in content)
    raise ValueError(f"not a DynamoDB type: {kind}")


def _compute_number_size(text: str) -> int:
    # One byte for each two significant digits, and one; a negative number takes one more.
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def compute_get_units(sizes: Iterable[int], *, consistent: bool = False) -> float:
    """Return the read units of GetItem or BatchGetItem: each item is rounded up to 4 KB.

    An item that does not exist (size 0) costs as much as the smallest.
    """
    units = sum(max(1, -(-size // _READ_UNIT_BYTES)) for size in sizes)
    return units if consistent else units / 2


def compute_query_units(sizes: Iterable[int], *, consistent: bool = False) -> float:
    """Return the read units of one page of Query: the items' total is rounded up to 4 KB."""
    units = max(1, -(-sum(sizes) // _READ_UNIT_BYTES))
    return units if consistent else units / 2
