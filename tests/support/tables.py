"""The tables of the tests: created once, and emptied between tests.

Creating and deleting ten tables takes longer than most tests, and so does reading all of them
again to see what a test changed. So every call that changes a table is noted; what a table holds
is remembered until then.
"""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from pynamodb.models import Model

from chalicelib.storage import models

#: An item as DynamoDB has it: ``{"id": {"N": "1"}, ...}``.
Item = dict[str, Any]
#: Told of a write before it is sent: the table, and the item or its key; ``None`` for any.
Listener = Callable[[str, Item | None], None]

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


class _Watch:
    """What is known of the tables' contents; nothing before ``start``."""

    def __init__(self) -> None:
        self.is_on = False
        self.listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._items: dict[str, list[Item]] = {}
        self._changes: Counter[str] = Counter()
        self._processes: list[subprocess.Popen[Any]] = []

    def changed(self, table: str, item: Item | None) -> None:
        with self._lock:
            self._items.pop(table, None)
            self._changes[table] += 1
        for listen in self.listeners:
            listen(table, item)

    def changed_all(self) -> None:
        for model in models.MODELS.values():
            self.changed(model.Meta.table_name, None)

    def started(self, process: subprocess.Popen[Any]) -> None:
        # The engine writes nothing by itself; of all others nobody knows.
        if not any(name in str(process.args) for name in ("ministack", "engine_server")):
            self._processes.append(process)
            self.changed_all()

    def get(self, table: str) -> list[Item] | None:
        return self._items.get(table)

    def keep(self, table: str, read: Callable[[], list[Item]]) -> list[Item]:
        """Read the items of a table, and remember them unless somebody writes meanwhile."""
        before = self._changes[table]
        items = read()
        self._processes = [process for process in self._processes if process.poll() is None]
        with self._lock:
            if self.is_on and before == self._changes[table] and not self._processes:
                self._items[table] = items
        return items


_watch = _Watch()


def watch() -> None:
    """Note from now on what changes tables."""
    if _watch.is_on:
        return
    _watch.is_on = True
    client: Any = BaseClient
    process: Any = subprocess.Popen
    call, start = client._make_api_call, process.__init__

    @wraps(call)
    def noted(client: Any, operation: str, arguments: Any) -> Any:
        service = client.meta.service_model.service_name
        if service not in {"dynamodb", "cloudformation"} or operation in _READS:
            return call(client, operation, arguments)
        _note(operation, arguments)
        try:
            return call(client, operation, arguments)
        finally:
            # Who read the table meanwhile may have read it as it was before.
            _note(operation, arguments)

    @wraps(start)
    def started(self: Any, *args: Any, **kwargs: Any) -> None:
        start(self, *args, **kwargs)
        _watch.started(self)

    client._make_api_call, process.__init__ = noted, started


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell ``listener`` of every write within the block, and twice: before and after it."""
    watch()
    _watch.listeners.append(listener)
    try:
        yield
    finally:
        _watch.listeners.remove(listener)


def items_of(table: str) -> list[Item]:
    """Every item of a table as it is stored; not to be changed."""
    items = _watch.get(table)
    return _watch.keep(table, lambda: _scan(table)) if items is None else items


def remember(table: str, items: list[Item]) -> None:
    """Say what a table holds, for one who has just written all of it."""
    _watch.keep(table, lambda: items)


def empty_tables() -> None:
    """Make all tables be there, without a single item."""
    for model in models.MODELS.values():
        if _watch.get(model.Meta.table_name) != []:
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
        items = items_of(name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        model.create_table(wait=True)
    else:
        if len(items) > _MAX_DELETED:
            model.delete_table()
            model.create_table(wait=True)
        elif items:
            _delete(name, items)
    remember(name, [])


def _scan(table: str) -> list[Item]:
    client: Any = models.get_connection().client
    page = client.scan(TableName=table, ConsistentRead=True)
    items: list[Item] = page["Items"]
    while "LastEvaluatedKey" in page:
        start = page["LastEvaluatedKey"]
        page = client.scan(TableName=table, ConsistentRead=True, ExclusiveStartKey=start)
        items += page["Items"]
    return items


def _delete(table: str, items: list[Item]) -> None:
    client: Any = models.get_connection().client
    schema = client.describe_table(TableName=table)["Table"]["KeySchema"]
    names = [part["AttributeName"] for part in schema]
    for start in range(0, len(items), _BATCH_SIZE):
        keys = [{name: item[name] for name in names} for item in items[start : start + _BATCH_SIZE]]
        requests = [{"DeleteRequest": {"Key": key}} for key in keys]
        answer = client.batch_write_item(RequestItems={table: requests})
        assert not answer.get("UnprocessedItems")


def _note(operation: str, arguments: Any) -> None:
    if "TableName" in arguments:
        _watch.changed(arguments["TableName"], arguments.get("Item", arguments.get("Key")))
    elif operation == "BatchWriteItem":
        for table, requests in arguments["RequestItems"].items():
            for write in (each for request in requests for each in request.values()):
                _watch.changed(table, write.get("Item", write.get("Key")))
    elif operation == "TransactWriteItems":
        for write in (each for item in arguments["TransactItems"] for each in item.values()):
            _watch.changed(write["TableName"], write.get("Item", write.get("Key")))
    else:
        _watch.changed_all()
