"""What an item's values may be: what DynamoDB takes, up to its bounds, and nothing else."""

import base64
from typing import Any

import pytest
from pynamodb.exceptions import PynamoDBException

from chalicelib.backup.dynamodb_json import decode_item, encode_item
from chalicelib.storage import raw_items


def nested(levels: int, kind: str = "L") -> dict[str, Any]:
    value: dict[str, Any] = {"NULL": True}
    for _ in range(levels - 1):
        value = {"L": [value]} if kind == "L" else {"M": {"a": value}}
    return value


#: Values that JSON can say and DynamoDB does not take, and what is said of them.
BAD: list[tuple[Any, str]] = [
    ({"S": 5}, "not text: 5"),
    ({"S": None}, "not text: None"),
    ({"S": ["a"]}, "not text: ['a']"),
    ({"N": "abc"}, "not a number as text: 'abc'"),
    ({"N": 5}, "not a number as text: 5"),
    ({"N": ""}, "not a number"),
    ({"N": " 1"}, "not a number"),
    ({"N": "1_000"}, "not a number"),
    ({"N": "NaN"}, "not a number"),
    ({"N": "-Infinity"}, "not a number"),
    ({"N": "1e99999999999"}, "a number beyond 1E-130 to 9.9E+125"),
    ({"N": "1e99999999999999999999999"}, "not a number"),
    ({"N": "1E126"}, "a number beyond"),
    ({"N": "-9.9E-131"}, "a number beyond"),
    ({"N": "1" * 39}, "a number of more than 38 digits"),
    ({"BOOL": "true"}, "not true or false: 'true'"),
    ({"BOOL": 1}, "not true or false"),
    ({"NULL": False}, "NULL that is not true"),
    ({"SS": []}, "not a set, or an empty one: []"),
    ({"SS": ["a", 1]}, "not text: 1"),
    ({"SS": ["a", "a"]}, "a set with duplicates"),
    ({"NS": []}, "not a set"),
    ({"NS": ["1", "x"]}, "not a number"),
    ({"NS": ["1", "1.0"]}, "a set with duplicates"),
    ({"BS": []}, "not a set"),
    ({"BS": ["YQ==", "YQ=="]}, "a set with duplicates"),
    ({"M": {"a": {"N": "x"}}}, "not a number"),
    (nested(33), "nested in more than 32 levels"),
    (nested(33, "M"), "nested in more than 32 levels"),
    ({}, "not one value of one type: {}"),
    ({"S": "1", "N": "1"}, "not one value of one type"),
]
#: The last that DynamoDB takes.
GOOD: list[Any] = [
    {"S": ""},
    {"N": "9." + "9" * 37 + "E125"},
    {"N": "-1E-130"},
    {"N": "+.5"},
    {"N": "1" + "0" * 125},
    {"N": "0." + "0" * 129 + "1"},
    {"N": "-0.00"},
    {"NS": ["1", "-1"]},
    {"SS": ["a", "A"]},
    {"L": []},
    {"M": {}},
    nested(32),
    nested(32, "M"),
]
KEY: dict[str, Any] = {"package_id": {"N": "7"}, "at": {"S": "2026"}}


@pytest.mark.parametrize("value", [value for value, _ in BAD])
def test_a_table_would_refuse_it_in_the_middle_of_a_restore(tables: None, value: Any) -> None:
    if "BS" in value:
        value = {"BS": [base64.b64decode(one) for one in value["BS"]]}
    with pytest.raises(PynamoDBException):
        raw_items.create_item("history", KEY | {"a": value})


@pytest.mark.parametrize("value", GOOD)
def test_what_a_table_just_takes_is_an_item(tables: None, value: Any) -> None:
    item = KEY | {"a": value}
    assert decode_item(encode_item(item)) == item
    assert raw_items.create_item("history", item)
