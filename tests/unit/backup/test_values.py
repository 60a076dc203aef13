"""DynamoDB's limits of keys and values, checked before a restore writes."""

import json
from typing import Any

import pytest

from chalicelib.backup.dynamodb_json import decode_item


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
#: The same, but not what the client can send, or (digits of others) the engine can tell.
MISSHAPEN: list[tuple[Any, str]] = [
    ({"N": "\u0661"}, "not a number"),
    ({"B": 1}, "not base64: 1"),
    ({"SS": "ab"}, "not a set, or an empty one: 'ab'"),
    ({"L": {}}, "not a DynamoDB type: {'L': {}}"),
    ({"L": [1]}, "not one value of one type: 1"),
    ({"M": []}, "not a DynamoDB type"),
    ({"X": "1"}, "not a DynamoDB type"),
    ([], "not one value of one type: []"),
]
KEY: dict[str, Any] = {"package_id": {"N": "7"}, "at": {"S": "2026"}}


@pytest.mark.parametrize(("value", "reason"), BAD + MISSHAPEN)
def test_what_a_table_does_not_take_is_no_item(value: Any, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        decode_item(json.dumps({"Item": KEY | {"a": value}}).encode())
    assert str(refused.value).startswith("'a': ")
    assert reason in str(refused.value)
