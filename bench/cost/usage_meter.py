"""Measuring what a block of code uses of DynamoDB and S3, from the sizes of its items.

The engine's ``ConsumedCapacity`` ignores sizes, so every item is read before and after it is
written. Rules: the Amazon DynamoDB Developer Guide, "Read and write operations" and
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
from tools.iamcheck.recorder import suspend_checks

_WRITE_UNIT = 1024
_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
_S3_WRITES = {"PutObject", "ListObjectsV2", "CreateMultipartUpload", "UploadPart", "CopyObject"}

Item = dict[str, Any]


@dataclass(slots=True)
class Usage:
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

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.reads + other.reads,
            self.writes + other.writes,
            self.calls + other.calls,
            self.s3_reads + other.s3_reads,
            self.s3_writes + other.s3_writes,
            self.cpu + other.cpu,
            self.operations + other.operations,
            self.written + other.written,
        )

    def subtract(self, other: "Usage") -> "Usage":
        """Return this usage minus the other, not below 0."""
        return Usage(
            max(0.0, self.reads - other.reads),
            max(0.0, self.writes - other.writes),
            max(0.0, self.calls - other.calls),
            max(0.0, self.s3_reads - other.s3_reads),
            max(0.0, self.s3_writes - other.s3_writes),
            max(0.0, self.cpu - other.cpu),
        )

    def multiply(self, factor: float) -> "Usage":
        """Return this usage multiplied; the counts of operations stay as they are."""
        return Usage(
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


def _get_meter_seconds() -> float:
    return float(getattr(_counting, "seconds", 0.0))


def get_cpu_seconds() -> float:
    """Return the CPU seconds of this thread so far, without those of the meter."""
    return time.thread_time() - _get_meter_seconds()


@contextmanager
def measure_usage() -> Iterator[Usage]:
    """Measure the usage of a block and its threads.

    ``cpu`` counts only the thread of the block, without the meter's own work.
    """
    used = Usage()
    lock = threading.Lock()

    def wrap(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        start = time.thread_time()
        writes = list(_iter_writes(operation, arguments))
        with suspend_checks():
            before = [_get_item(table, key) for table, key, _ in writes]
            reads = _count_reads(operation, arguments)
        meter_seconds = time.thread_time() - start
        is_written = False
        try:
            answer = call()
            is_written = True
        finally:
            start = time.thread_time()
            units: Counter[str] = Counter()
            for (table, key, factor), old in zip(writes, before, strict=True):
                with suspend_checks():
                    after = _get_item(table, key) if is_written else None
                units += _count_write_units(table, old, after, factor, is_written)
            _counting.seconds = _get_meter_seconds() + meter_seconds + time.thread_time() - start
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
        begun = get_cpu_seconds()
        yield used
        used.cpu = get_cpu_seconds() - begun


def _iter_writes(operation: str, arguments: Item) -> Iterator[tuple[str, Item, int]]:
    """Yield table, key and factor of every write of a call; a transaction counts each twice."""
    if operation in _WRITES:
        table = arguments["TableName"]
        yield table, _get_key(table, arguments.get("Key") or arguments["Item"]), 1
    elif operation == "TransactWriteItems":
        for action in arguments["TransactItems"]:
            ((_, write),) = action.items()
            table = write["TableName"]
            yield table, _get_key(table, write.get("Key") or write["Item"]), 2
    elif operation == "BatchWriteItem":
        for table, requests in arguments["RequestItems"].items():
            for request in requests:
                ((_, write),) = request.items()
                yield table, _get_key(table, write.get("Key") or write["Item"]), 1


def _count_reads(operation: str, arguments: Item) -> float:
    if operation != "Scan":
        return read_units(operation, arguments)
    if "ExclusiveStartKey" in arguments:
        # The first page counts for the whole table.
        return 0.0
    sizes = [compute_item_size(item) for item in iter_items(arguments["TableName"])]
    return compute_query_units(sizes, consistent=bool(arguments.get("ConsistentRead")))


def iter_items(table: str) -> Iterator[Item]:
    """Yield every item of a table."""
    request: Item = {"TableName": table, "ConsistentRead": True}
    while True:
        page = send("Scan", request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _get_item(table: str, key: Item) -> Item | None:
    response = send("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
    item: Item | None = response.get("Item")
    return item


def _count_write_units(
    table: str, before: Item | None, after: Item | None, factor: int, is_written: bool
) -> Counter[str]:
    """Return the units of one write: of the larger item, and of the indexes.

    A write whose condition fails costs as much as the stored item. Indexes are written later,
    one by one, so a transaction does not count twice there.
    """
    larger = max(compute_item_size(item) if item else 0 for item in (before, after))
    units = Counter({table: factor * _units(larger)})
    if is_written:
        for index in _describe_table(table).indexes:
            units[f"{table} {index.name}"] += _count_index_units(index, before, after)
    return units


def _count_index_units(index: "_Index", before: Item | None, after: Item | None) -> int:
    old, new = index.get_entry(before), index.get_entry(after)
    if old == new:
        return 0
    if old is None or new is None:
        return _units(compute_item_size(old or new or {}))
    if all(old[name] == new[name] for name in index.keys):
        return _units(max(compute_item_size(old), compute_item_size(new)))
    # An entry that moves within an index is deleted and put.
    return _units(compute_item_size(old)) + _units(compute_item_size(new))


def _units(size: int) -> int:
    return max(1, -(-size // _WRITE_UNIT))


@dataclass(frozen=True, slots=True)
class _Index:
    name: str
    keys: tuple[str, ...]
    names: frozenset[str]

    def get_entry(self, item: Item | None) -> Item | None:
        """Return the index's entry for an item; None if a key is absent."""
        if item is None or any(name not in item for name in self.keys):
            return None
        return {name: value for name, value in item.items() if name in self.names}

    def compute_size(self, item: Item) -> int:
        """Return the bytes of the index's entry for an item."""
        entry = self.get_entry(item)
        return compute_item_size(entry) if entry else 0


@dataclass(frozen=True, slots=True)
class _Table:
    keys: tuple[str, ...]
    indexes: tuple[_Index, ...]


@cache
def _describe_table(name: str) -> _Table:
    content = send("DescribeTable", {"TableName": name})["Table"]
    own = tuple(each["AttributeName"] for each in content["KeySchema"])
    indexes = []
    for raw in content.get("GlobalSecondaryIndexes", ()):
        keys = tuple(each["AttributeName"] for each in raw["KeySchema"])
        others = raw["Projection"].get("NonKeyAttributes", ())
        indexes.append(_Index(raw["IndexName"], keys, frozenset((*own, *keys, *others))))
    return _Table(own, tuple(indexes))


def _get_key(table: str, item: Item) -> Item:
    return {name: item[name] for name in _describe_table(table).keys}


#: DynamoDB stores this many more bytes for each item and each entry of an index.
_OVERHEAD_BYTES = 100


@dataclass(frozen=True, slots=True)
class TableSize:
    """The size of a table as billed with its indexes; ``scan_bytes`` is without them."""

    items: int
    scan_bytes: int
    stored_bytes: int


def measure_table(table: str) -> TableSize:
    """Return the present size of a table."""
    items = scan = stored = 0
    for item in iter_items(table):
        size = compute_item_size(item)
        items += 1
        scan += size
        stored += size + _OVERHEAD_BYTES
        for index in _describe_table(table).indexes:
            if index.get_entry(item) is not None:
                stored += index.compute_size(item) + _OVERHEAD_BYTES
    return TableSize(items, scan, stored)
