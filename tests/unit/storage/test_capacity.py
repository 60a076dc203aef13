"""Sizes and units by DynamoDB's published rules, on examples worked out by hand."""

from typing import Any

import pytest

from chalicelib.storage.capacity import (
    compute_get_units,
    compute_item_size,
    compute_query_units,
    compute_value_size,
)

SIZES: list[tuple[dict[str, Any], int]] = [
    # Text and bytes count as UTF-8 and as they are; a name counts elsewhere.
    ({"S": ""}, 0),
    ({"S": "abc"}, 3),
    ({"S": "é"}, 2),
    ({"S": "😀"}, 4),
    ({"B": b""}, 0),
    ({"B": b"\x00\xff"}, 2),
    # A number: a byte for each two significant digits, and one; one more if negative.
    ({"N": "0"}, 1),
    ({"N": "7"}, 2),
    ({"N": "27"}, 2),
    ({"N": "127"}, 3),
    ({"N": "-27"}, 3),
    ({"N": "100"}, 2),
    ({"N": "100.5"}, 3),
    ({"N": "0.001"}, 2),
    ({"N": "1.50"}, 2),
    ({"N": "9223372036854775807"}, 11),
    # Null and truth: one byte.
    ({"NULL": True}, 1),
    ({"BOOL": False}, 1),
    # A list or map: three bytes, and one for each element beside it and its name.
    ({"L": []}, 3),
    ({"L": [{"S": "ab"}, {"N": "7"}]}, 3 + (1 + 2) + (1 + 2)),
    ({"M": {}}, 3),
    ({"M": {"ab": {"S": "cde"}}}, 3 + 1 + 2 + 3),
    ({"M": {"a": {"L": [{"BOOL": True}]}}}, 3 + 1 + 1 + (3 + 1 + 1)),
    # A set: its elements.
    ({"SS": ["ab", "é"]}, 4),
    ({"NS": ["7", "-27"]}, 5),
    ({"BS": [b"a", b"bc"]}, 3),
]


@pytest.mark.parametrize(("value", "size"), SIZES, ids=str)
def test_a_value_has_its_published_size(value: dict[str, Any], size: int) -> None:
    assert compute_value_size(value) == size


def test_an_item_is_its_names_and_values() -> None:
    item: dict[str, dict[str, Any]] = {
        "id": {"N": "3708"},
        "title": {"S": "café"},
        "é": {"NULL": True},
    }
    assert compute_item_size(item) == (2 + 3) + (5 + 5) + (2 + 1)


def test_an_unknown_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="X"):
        compute_value_size({"X": "1"})


@pytest.mark.parametrize(
    ("sizes", "units"),
    [
        ([], 0),
        ([0], 0.5),
        ([1], 0.5),
        ([4096], 0.5),
        ([4097], 1.0),
        ([8192], 1.0),
        ([8193], 1.5),
        # Each item of a batch is rounded up by itself.
        ([1] * 20, 10.0),
        ([4097, 4096], 1.5),
    ],
)
def test_a_get_rounds_up_each_item(sizes: list[int], units: float) -> None:
    assert compute_get_units(sizes) == units
    assert compute_get_units(sizes, consistent=True) == 2 * units


@pytest.mark.parametrize(
    ("sizes", "units"),
    [
        # A query that finds nothing costs the least there is.
        ([], 0.5),
        ([0], 0.5),
        ([4096], 0.5),
        ([4097], 1.0),
        ([1] * 20, 0.5),
        ([2048, 2048], 0.5),
        ([2048, 2049], 1.0),
    ],
)
def test_a_query_rounds_up_the_sum(sizes: list[int], units: float) -> None:
    assert compute_query_units(sizes) == units
    assert compute_query_units(sizes, consistent=True) == 2 * units
