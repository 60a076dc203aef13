"""The tables of the tests: created once, and emptied between tests.

Creating and deleting ten tables takes longer than most tests. So every call that changes a table
is noted, and only tables that are not known to be there and empty are looked at again.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from pynamodb.models import Model

from chalicelib.storage import models

_READS = {
    "BatchGetItem",
    "DescribeContinuousBackups",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "ListTables",
    "Query",
    "Scan",
    "TransactGetItems",
}
#: A table with more items is deleted and created again, which takes as long.
_MAX_DELETED = 200
#: DynamoDB's limit.
_BATCH_SIZE = 25
#: Names of the tables that are there and empty; none without ``watch``.
_empty: set[str] = set()
_is_watching = False


def watch() -> None:
    """Note from now on what changes tables."""
    global _is_watching
    _is_watching = True
    client: Any = BaseClient
    process: Any = subprocess.Popen
    call, start = client._make_api_call, process.__init__

    @wraps(call)
    def noted(client: Any, operation: str, arguments: Any) -> Any:
        if client.meta.service_model.service_name in {"dynamodb", "cloudformation"}:
            _note(operation, arguments)
        return call(client, operation, arguments)

    @wraps(start)
    def started(*args: Any, **kwargs: Any) -> None:
        # Another process may write whatever it likes.
        _empty.clear()
        start(*args, **kwargs)

    client._make_api_call, process.__init__ = noted, started


def empty_tables() -> None:
    """Make all tables be there, without a single item."""
    for model in models.MODELS.values():
        if model.Meta.table_name not in _empty:
            _empty_table(model)


@contextmanager
def empty() -> Iterator[None]:
    """All tables, empty at the beginning of the block and after it."""
    empty_tables()
    try:
        yield
    finally:
        empty_tables()


@contextmanager
def missing() -> Iterator[None]:
    """No table at all within the block."""
    delete_tables()
    try:
        yield
    finally:
        empty_tables()


def delete_tables() -> None:
    """Delete all tables that there are."""
    for model in models.MODELS.values():
        if model.exists():
            model.delete_table()


def _empty_table(model: type[Model]) -> None:
    name = model.Meta.table_name
    try:
        keys = _keys(name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        model.create_table(wait=True)
    else:
        if len(keys) > _MAX_DELETED:
            model.delete_table()
            model.create_table(wait=True)
        else:
            _delete(name, keys)
    if _is_watching:
        _empty.add(name)


def _keys(table: str) -> list[dict[str, Any]]:
    """The keys of all items; more than ``_MAX_DELETED`` need not be all."""
    client: Any = models.get_connection().client
    page = client.scan(TableName=table, ConsistentRead=True)
    items = page["Items"]
    while "LastEvaluatedKey" in page and len(items) <= _MAX_DELETED:
        start = page["LastEvaluatedKey"]
        page = client.scan(TableName=table, ConsistentRead=True, ExclusiveStartKey=start)
        items += page["Items"]
    if not items:
        return []
    schema = client.describe_table(TableName=table)["Table"]["KeySchema"]
    return [
        {part["AttributeName"]: item[part["AttributeName"]] for part in schema} for item in items
    ]


def _delete(name: str, keys: list[dict[str, Any]]) -> None:
    client: Any = models.get_connection().client
    for start in range(0, len(keys), _BATCH_SIZE):
        requests = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + _BATCH_SIZE]]
        answer = client.batch_write_item(RequestItems={name: requests})
        assert not answer.get("UnprocessedItems")


def _note(operation: str, arguments: Any) -> None:
    if operation in _READS:
        return
    if "TableName" in arguments:
        _empty.discard(arguments["TableName"])
    elif operation == "BatchWriteItem":
        _empty.difference_update(arguments["RequestItems"])
    elif operation == "TransactWriteItems":
        writes = [write for item in arguments["TransactItems"] for write in item.values()]
        _empty.difference_update(write["TableName"] for write in writes)
    else:
        _empty.clear()
