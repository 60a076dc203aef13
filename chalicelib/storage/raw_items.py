"""Whole tables as DynamoDB holds them, for backups: no model, and no attribute left out.

An item maps names to DynamoDB's own values, such as ``{"N": "1"}``; binary ones are bytes.
A table is named by its kind (``packages``).
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

from pynamodb.exceptions import PynamoDBException

from chalicelib.storage.aws import AWS_ERRORS
from chalicelib.storage.backoff import DEFAULT_BACKOFF, Backoff
from chalicelib.storage.errors import Throttled
from chalicelib.storage.models import MODELS, get_connection
from chalicelib.storage.writes import try_write

RawItem = dict[str, Any]
#: The values of an item's key, in the order of the key's attributes.
Key = tuple[str, ...]
#: The most items of one BatchWriteItem.
MAX_BATCH_SIZE = 25
#: The most bytes of a key's value, by its role in the key.
_MAX_KEY_BYTES = {"HASH": 2048, "RANGE": 1024}
_DIGITS = Context(prec=40)


def get_table_name(kind: str) -> str:
    """Return the name of a table."""
    return str(MODELS[kind].Meta.table_name)


def get_key(kind: str, item: Mapping[str, Any]) -> Key:
    """Return an item's key, the same however its numbers are written.

    Raises KeyError if the item has none.
    """
    values = (item[name] for name in _get_key_names(kind))
    return tuple(
        _normalize_number(value["N"]) if "N" in value else str(value["S"]) for value in values
    )


def find_key_fault(kind: str, item: Mapping[str, Any]) -> str | None:
    """Return why DynamoDB would refuse an item for its keys, or ``None`` if it would not.

    Keys are those of the table and of its indexes. An index's key may be absent.
    """
    table = get_connection().get_meta_table(get_table_name(kind)).data
    types = {
        attribute["AttributeName"]: attribute["AttributeType"]
        for attribute in table["AttributeDefinitions"]
    }
    for name in _get_key_names(kind):
        if name not in item:
            return f"without its key {name}"
    schemas = [table, *table["GlobalSecondaryIndexes"]]
    for part in (part for schema in schemas for part in schema["KeySchema"]):
        name, max_bytes = part["AttributeName"], _MAX_KEY_BYTES[part["KeyType"]]
        key_type = types[name]
        if name not in item:
            continue
        if key_type not in item[name]:
            return f"its key {name} is not of type {key_type}"
        if key_type == "S" and not 0 < len(item[name]["S"].encode()) <= max_bytes:
            return f"its key {name} is empty or longer than {max_bytes:,} bytes"
    return None


def iter_pages(kind: str) -> Iterator[list[RawItem]]:
    """Yield every item of a table, a page of up to 1 MB at a time, each read consistently.

    A Scan is no picture of one instant: concurrent writes may be in it or not.
    """
    arguments: dict[str, Any] = {"TableName": get_table_name(kind), "ConsistentRead": True}
    while True:
        response = _call("Scan", arguments)
        yield response["Items"]
        if not response.get("LastEvaluatedKey"):
            return
        arguments["ExclusiveStartKey"] = response["LastEvaluatedKey"]


def get_item(kind: str, item: Mapping[str, Any]) -> RawItem | None:
    """Read the stored item that has the same key as ``item``, consistently."""
    key = {name: item[name] for name in _get_key_names(kind)}
    arguments = {"TableName": get_table_name(kind), "Key": key, "ConsistentRead": True}
    stored: RawItem | None = _call("GetItem", arguments).get("Item")
    return stored


def create_item(kind: str, item: RawItem) -> bool:
    """Put an item unless there is one with its key; return whether it was put."""
    arguments = {
        "TableName": get_table_name(kind),
        "Item": item,
        "ConditionExpression": "attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": _get_key_names(kind)[0]},
    }
    return try_write(_call, "PutItem", arguments)


def put_items(kind: str, items: Sequence[RawItem], backoff: Backoff = DEFAULT_BACKOFF) -> None:
    """Put up to ``MAX_BATCH_SIZE`` items with different keys, replacing those that exist.

    Raises Throttled.
    """
    name = get_table_name(kind)
    remaining: Any = {name: [{"PutRequest": {"Item": item}} for item in items]}
    for _ in backoff.iter_attempts():
        response = _call("BatchWriteItem", {"RequestItems": remaining})
        remaining = response.get("UnprocessedItems")
        if not remaining:
            return
    raise Throttled(f"{len(remaining[name])} items of {name} unprocessed")


def _get_key_names(kind: str) -> list[str]:
    model: Any = MODELS[kind]
    attributes = (model._hash_key_attribute(), model._range_key_attribute())
    return [str(attribute.attr_name) for attribute in attributes if attribute is not None]


def _normalize_number(text: str) -> str:
    number = Decimal(text)
    return format(number.normalize(_DIGITS), "f") if number else "0"


def _call(operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return get_connection().dispatch(operation, dict(arguments))
    except AWS_ERRORS as error:
        raise PynamoDBException(f"{operation}: {error}", error) from error
