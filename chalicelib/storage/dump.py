"""Whole tables as DynamoDB itself has them, for backups: no model, no attribute left out.

An item maps names to DynamoDB's own values, such as ``{"N": "1"}``; binary ones are bytes.
Tables are called by their kinds (``packages``).
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.storage.backoff import DEFAULT, Backoff
from chalicelib.storage.models import MODELS, get_connection
from chalicelib.storage.reads import Throttled

Item = dict[str, Any]
#: The values of an item's key, of which ``key_of`` tells the names.
Key = tuple[str, ...]
#: The most items of one BatchWriteItem.
BATCH = 25
_FAILED = "ConditionalCheckFailedException"
#: The most bytes of a key's value, by what it is in the key.
_MAX_KEY_BYTES = {"HASH": 2048, "RANGE": 1024}
_DIGITS = Context(prec=40)


def table_of(kind: str) -> str:
    """The name of a table."""
    return str(MODELS[kind].Meta.table_name)


def key_of(kind: str, item: Mapping[str, Any]) -> Key:
    """An item's key, the same however its numbers are written; raises KeyError if it has none."""
    found = []
    for name in _key_names(kind):
        value = item[name]
        found.append(_number(value["N"]) if "N" in value else str(value["S"]))
    return tuple(found)


def fault_of_keys(kind: str, item: Mapping[str, Any]) -> str | None:
    """Why DynamoDB would refuse an item for its keys, of the table or of an index; or ``None``.

    What an index has as its key may be absent.
    """
    table = get_connection().get_meta_table(table_of(kind)).data
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    for name in _key_names(kind):
        if name not in item:
            return f"without its key {name}"
    schemas = [table, *table["GlobalSecondaryIndexes"]]
    for part in (part for schema in schemas for part in schema["KeySchema"]):
        name, most = part["AttributeName"], _MAX_KEY_BYTES[part["KeyType"]]
        wanted = types[name]
        if name in item and wanted not in item[name]:
            return f"its key {name} is not of type {wanted}"
        if name in item and wanted == "S" and not 0 < len(item[name]["S"].encode()) <= most:
            return f"its key {name} has no bytes, or more than {most:,}"
    return None


def pages(kind: str) -> Iterator[list[Item]]:
    """Every item of a table, a page of up to 1 MB at a time, each read consistently.

    A Scan is no picture of one instant: what is written meanwhile may be in it or not.
    """
    asked: dict[str, Any] = {"TableName": table_of(kind), "ConsistentRead": True}
    while True:
        answer = _call("Scan", asked)
        yield answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def read(kind: str, item: Mapping[str, Any]) -> Item | None:
    """What the table has under this item's key, read consistently."""
    key = {name: item[name] for name in _key_names(kind)}
    found = _call("GetItem", {"TableName": table_of(kind), "Key": key, "ConsistentRead": True})
    answer: Item | None = found.get("Item")
    return answer


def create(kind: str, item: Item) -> bool:
    """Put an item unless there is one of its key; whether it was put."""
    asked = {
        "TableName": table_of(kind),
        "Item": item,
        "ConditionExpression": "attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": _key_names(kind)[0]},
    }
    try:
        _call("PutItem", asked)
    except PynamoDBException as error:
        if error.cause_response_code != _FAILED:
            raise
        return False
    return True


def put_all(kind: str, items: Sequence[Item], backoff: Backoff = DEFAULT) -> None:
    """Put up to ``BATCH`` items of different keys over what is there; raises Throttled."""
    name = table_of(kind)
    left: Any = {name: [{"PutRequest": {"Item": item}} for item in items]}
    for _ in backoff.tries():
        left = _call("BatchWriteItem", {"RequestItems": left}).get("UnprocessedItems")
        if not left:
            return
    raise Throttled(f"{len(left[name])} items of {name} unprocessed")


def _key_names(kind: str) -> list[str]:
    model: Any = MODELS[kind]
    attributes = (model._hash_key_attribute(), model._range_key_attribute())
    return [str(one.attr_name) for one in attributes if one is not None]


def _number(text: str) -> str:
    number = Decimal(text)
    return format(number.normalize(_DIGITS), "f") if number else "0"


def _call(operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return get_connection().dispatch(operation, dict(arguments))
    except (ClientError, BotoCoreError) as error:
        raise PynamoDBException(f"{operation}: {error}", error) from error
