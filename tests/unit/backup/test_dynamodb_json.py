"""The law of lines: what is written is what is read, whatever an item holds."""

import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.dynamodb_json import decode_item, encode_item, hash_item

_LAST = 10**30
NUMBERS = st.decimals(-_LAST, _LAST, allow_nan=False, allow_infinity=False, places=3).map(str)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.one_of(
    st.builds(lambda v: {"S": v}, TEXTS),
    st.builds(lambda v: {"N": v}, NUMBERS),
    st.builds(lambda v: {"B": v}, st.binary()),
    st.builds(lambda v: {"BOOL": v}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda v: {"SS": v}, st.lists(TEXTS, min_size=1, unique=True)),
    st.builds(lambda v: {"NS": v}, st.lists(NUMBERS, min_size=1, unique_by=Decimal)),
    st.builds(lambda v: {"BS": v}, st.lists(st.binary(), min_size=1, unique=True)),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda v: {"L": v}, st.lists(inner)),
        st.builds(lambda v: {"M": v}, st.dictionaries(TEXTS, inner)),
    ),
    max_leaves=6,
)
NAMES = TEXTS.filter(bool)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(ITEMS)
def test_an_item_comes_back_from_its_line(item: dict[str, Any]) -> None:
    line = encode_item(item)
    assert line.count(b"\n") == 1
    assert decode_item(line) == item
    assert hash_item(decode_item(line)) == hash_item(item)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"N": "1"}, {"N": "1.00"}, True),
        ({"N": "100"}, {"N": "1E2"}, True),
        ({"N": "0"}, {"N": "-0.0"}, True),
        ({"NS": ["1", "2"]}, {"NS": ["2.0", "1"]}, True),
        ({"BS": [b"a", b"b"]}, {"BS": [b"b", b"a"]}, True),
        ({"N": "1"}, {"S": "1"}, False),
        ({"B": b"a"}, {"S": base64.b64encode(b"a").decode()}, False),
        ({"L": [{"N": "1"}, {"N": "2"}]}, {"L": [{"N": "2"}, {"N": "1"}]}, False),
        ({"N": "1"}, {"N": "1.0000000000000000000000000000000000001"}, False),
        (
            {"N": "12345678901234567890123456789012345678"},
            {"N": "12345678901234567890123456789012345679"},
            False,
        ),
    ],
)
def test_what_dynamodb_calls_equal_is_equal(one: Any, other: Any, is_same: bool) -> None:
    assert (hash_item({"a": one}) == hash_item({"a": other})) is is_same
    nested = ({"a": {"M": {"b": {"L": [value]}}}} for value in (one, other))
    assert (len({hash_item(item) for item in nested}) == 1) is is_same


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b'{"Item": 1}',
        b'{"Item": {"a": {}}}',
        b'{"Item": {"a": {"X": "1"}}}',
        b'{"Item": {"a": {"B": "no base64"}}}',
        b'{"Item": {"a": {"S": "1", "N": "1"}}}',
    ],
)
def test_what_is_no_item_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode_item(line)
