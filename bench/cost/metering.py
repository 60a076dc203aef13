"""Counting what a stretch of code uses of DynamoDB and S3, by the sizes of what it touches.

The engine's own ``ConsumedCapacity`` ignores sizes, so every item is looked at before and after
it is written. Rules: the Amazon DynamoDB Developer Guide, "Read and write operations" and
"Global Secondary Indexes".
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from chalicelib.storage.capacity import compute_item_size, compute_query_units
from tests.support import bucket
from tests.support.aws import around_calls, read_units, send
from tools.iamcheck.recording import outside

_WRITE_UNIT = 1024
_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
_S3_WRITES = {"PutObject", "ListObjectsV2", "CreateMultipartUpload", "UploadPart", "CopyObject"}

Item = dict[str, Any]


@dataclass(slots=True)
class Used:
    """Units of DynamoDB, calls to it, and requests to S3. ``cpu`` is in seconds."""

    reads: float = 0.0
    writes: float = 0.0
    calls: float = 0
    s3_reads: float = 0
    s3_writes: float = 0
    cpu: float = 0.0
    operations: Counter[str] = field(default_factory=Counter)
    #: Write units by operation and table, and by index.
    written: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.reads + other.reads,
            self.writes + other.writes,
            self.calls + other.calls,
            self.s3_reads + other.s3_reads,
            self.s3_writes + other.s3_writes,
            self.cpu + other.cpu,
            self.operations + other.operations,
            self.written + other.written,
        )

    def less(self, other: "Used") -> "Used":
        """What is left of the numbers without the other's, not below nothing."""
        return Used(
            max(0.0, self.reads - other.reads),
            max(0.0, self.writes - other.writes),
            max(0.0, self.calls - other.calls),
            max(0.0, self.s3_reads - other.s3_reads),
            max(0.0, self.s3_writes - other.s3_writes),
            max(0.0, self.cpu - other.cpu),
        )

    def times(self, factor: float) -> "Used":
        """So many times as much; the operations stay as they are."""
        return Used(
            self.reads * factor,
            self.writes * factor,
            self.calls * factor,
            self.s3_reads * factor,
            self.s3_writes * factor,
            self.cpu * factor,
            self.operations,
            self.written,
        )


_counting = threading.local()


def _counted() -> float:
    return float(getattr(_counting, "seconds", 0.0))


def own_cpu() -> float:
    """CPU seconds of this thread so far, without those that the counting took."""
    return time.thread_time() - _counted()


@contextmanager
def metered() -> Iterator[Used]:
    """Count within the block, from all its threads.

    ``cpu`` is that of the thread of the block alone, without what the counting takes.
    """
    used = Used()
    lock = threading.Lock()

    def wrap(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        start = time.thread_time()
        writes = list(_written(operation, arguments))
        with outside():
            before = [_stored(table, key) for table, key, _ in writes]
            reads = _reads(operation, arguments)
        spent = time.thread_time() - start
        done = False
        try:
            answer = call()
            done = True
        finally:
            start = time.thread_time()
            units: Counter[str] = Counter()
            for (table, key, factor), old in zip(writes, before, strict=True):
                with outside():
                    after = _stored(table, key) if done else None
                units += _write_units(table, old, after, factor, done)
            _counting.seconds = _counted() + spent + time.thread_time() - start
            with lock:
                used.calls += 1
                used.operations[operation] += 1
                used.reads += reads
                used.writes += units.total()
                used.written += units
        return answer

    def wrap_s3(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        with lock:
            used.operations[operation] += 1
            if operation in _S3_WRITES:
                used.s3_writes += 1
            elif operation != "DeleteObject":
                used.s3_reads += 1
        return call()

    with around_calls(wrap), bucket.around_calls(wrap_s3):
        begun = own_cpu()
        yield used
        used.cpu = own_cpu() - begun


def _written(operation: str, arguments: Item) -> Iterator[tuple[str, Item, int]]:
    """Table, key and factor of every write of a call; in a transaction each counts twice."""
    if operation in _WRITES:
        table = arguments["TableName"]
        yield table, _key(table, arguments.get("Key") or arguments["Item"]), 1
    elif operation == "TransactWriteItems":
        for action in arguments["TransactItems"]:
            ((_, write),) = action.items()
            table = write["TableName"]
            yield table, _key(table, write.get("Key") or write["Item"]), 2
    elif operation == "BatchWriteItem":
        for table, requests in arguments["RequestItems"].items():
            for request in requests:
                ((_, write),) = request.items()
                yield table, _key(table, write.get("Key") or write["Item"]), 1


def _reads(operation: str, arguments: Item) -> float:
    if operation != "Scan":
        return read_units(operation, arguments)
    if "ExclusiveStartKey" in arguments:
        # The first page stands for the whole table.
        return 0.0
    sizes = [compute_item_size(item) for item in every_item(arguments["TableName"])]
    return compute_query_units(sizes, consistent=bool(arguments.get("ConsistentRead")))


def every_item(table: str) -> Iterator[Item]:
    """Every item of a table, whole."""
    asked: Item = {"TableName": table, "ConsistentRead": True}
    while True:
        page = send("Scan", asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _stored(table: str, key: Item) -> Item | None:
    answer = send("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
    found: Item | None = answer.get("Item")
    return found


def _write_units(
    table: str, before: Item | None, after: Item | None, factor: int, done: bool
) -> Counter[str]:
    """Units of one write: those of the larger of both items, and those of the indexes.

    A write whose condition failed costs as much as the item that is there. Indexes are written
    later, one by one, so there a transaction does not count twice.
    """
    larger = max(compute_item_size(item) if item else 0 for item in (before, after))
    units = Counter({table: factor * _units(larger)})
    if done:
        for index in _table(table).indexes:
            units[f"{table} {index.name}"] += _index_units(index, before, after)
    return units


def _index_units(index: "_Index", before: Item | None, after: Item | None) -> int:
    old, new = index.entry(before), index.entry(after)
    if old == new:
        return 0
    if old is None or new is None:
        return _units(compute_item_size(old or new or {}))
    if all(old[name] == new[name] for name in index.keys):
        return _units(max(compute_item_size(old), compute_item_size(new)))
    # What moves within an index is deleted and put.
    return _units(compute_item_size(old)) + _units(compute_item_size(new))


def _units(size: int) -> int:
    return max(1, -(-size // _WRITE_UNIT))


@dataclass(frozen=True, slots=True)
class _Index:
    name: str
    keys: tuple[str, ...]
    names: frozenset[str]

    def entry(self, item: Item | None) -> Item | None:
        """What the index holds of an item; nothing where a key is absent."""
        if item is None or any(name not in item for name in self.keys):
            return None
        return {name: value for name, value in item.items() if name in self.names}

    def size(self, item: Item) -> int:
        """The bytes that an index takes for an item."""
        entry = self.entry(item)
        return compute_item_size(entry) if entry else 0


@dataclass(frozen=True, slots=True)
class _Table:
    keys: tuple[str, ...]
    indexes: tuple[_Index, ...]


@cache
def _table(name: str) -> _Table:
    content = send("DescribeTable", {"TableName": name})["Table"]
    own = tuple(each["AttributeName"] for each in content["KeySchema"])
    indexes = []
    for raw in content.get("GlobalSecondaryIndexes", ()):
        keys = tuple(each["AttributeName"] for each in raw["KeySchema"])
        others = raw["Projection"].get("NonKeyAttributes", ())
        indexes.append(_Index(raw["IndexName"], keys, frozenset((*own, *keys, *others))))
    return _Table(own, tuple(indexes))


def _key(table: str, item: Item) -> Item:
    return {name: item[name] for name in _table(table).keys}


#: DynamoDB stores so many bytes beside each item and each entry of an index.
_OVERHEAD = 100


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a table as billed, with its indexes; ``scan_bytes`` without them."""

    items: int
    scan_bytes: int
    stored_bytes: int


def size_of(table: str) -> Size:
    """The size of a table as it is now."""
    items = scan = stored = 0
    for item in every_item(table):
        size = compute_item_size(item)
        items += 1
        scan += size
        stored += size + _OVERHEAD
        for index in _table(table).indexes:
            if index.entry(item) is not None:
                stored += index.size(item) + _OVERHEAD
    return Size(items, scan, stored)
