"""Restore of an export into the tables."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice
from pathlib import Path

from chalicelib.backup.download import Files, iter_items
from chalicelib.backup.dynamodb_json import hash_item
from chalicelib.settings import TABLES
from chalicelib.storage import raw_items
from chalicelib.storage.raw_items import Key, RawItem

#: Names are first, so that no other writer takes one; the directory is last of the catalogue, so
#: that no list has what is not there yet; sources come after the packages, without which
#: enrolment would remove them.
RESTORE_ORDER = (
    *("names", "categories", "packages", "grids", "memberships", "directory"),
    *("loads", "history", "sources", "hosts"),
)
assert set(RESTORE_ORDER) == set(TABLES), "every table is restored"
#: Stored meters of hosts are newer than any export: to restore older ones would be to forget the
#: requests made since. They are kept, and not reported as different.
_LIVE_TABLE = "hosts"
#: How many items, or batches of them, are put at once.
THREADS = 8
_CHUNK_SIZE = 200
#: How many keys of each table are named in full.
_MAX_EXAMPLES = 5


class _PutResult(Enum):
    WRITTEN = auto()
    SAME = auto()
    DIFFERENT = auto()


@dataclass(slots=True)
class RestoreReport:
    """The number of one table's items by what became of them.

    ``written`` and ``replaced`` (in a dry run: to be), ``same`` as in the export, ``different``
    and left so, ``kept`` meters of hosts, ``left_out`` slots and leases; ``others`` are in the
    table but not in the export. ``examples`` names some that are different or others.
    """

    kind: str
    written: int = 0
    replaced: int = 0
    same: int = 0
    different: int = 0
    kept: int = 0
    left_out: int = 0
    others: int = 0
    examples: list[str] = field(default_factory=list)

    def add_example(self, description: str, key: Key) -> None:
        """Name an item, unless enough are named."""
        if len(self.examples) < 2 * _MAX_EXAMPLES:
            self.examples.append(f"{description}: {self.kind} {' '.join(key)}")


def restore_tables(
    files: Files, *, replace: bool = False, dry_run: bool = False, threads: int = THREADS
) -> Iterator[RestoreReport]:
    """Put the items of downloaded files into the tables, table after table.

    Existing items are never overwritten, unless ``replace``, which must not run beside other
    writers: it brings back older versions. A restore that died can be repeated: the items it
    wrote are the same then. Nothing is deleted. The slots of hosts are left out, since their
    holders are gone, and so are leases, since the old queue is gone: what was under way is due,
    and is planned again. Keeps the key and a hash of every item of one table in memory. Raises
    storage errors.
    """
    for kind in RESTORE_ORDER:
        if kind in files:
            table = _TableRestorer(kind, replace and kind != _LIVE_TABLE, dry_run, threads)
            yield table.restore(files[kind])


class _TableRestorer:
    def __init__(self, kind: str, replace: bool, dry_run: bool, threads: int) -> None:
        self.kind = kind
        self.replace = replace
        self.dry_run = dry_run
        self.threads = threads
        self.report = RestoreReport(kind)
        self._stored: dict[Key, bytes] = {}

    def restore(self, paths: Sequence[Path]) -> RestoreReport:
        """Compare with the stored items, and write the missing ones."""
        for page in raw_items.iter_pages(self.kind):
            self._stored |= {raw_items.get_key(self.kind, item): hash_item(item) for item in page}
        others = set(self._stored)
        for path in paths:
            items = self._iter_restorable(iter_items(path))
            while chunk := {
                raw_items.get_key(self.kind, item): item for item in islice(items, _CHUNK_SIZE)
            }:
                others -= chunk.keys()
                self._write(chunk)
        if self.kind != _LIVE_TABLE:
            self.report.others = len(others)
            for key in sorted(others)[:_MAX_EXAMPLES]:
                self.report.add_example("not in the export", key)
        return self.report

    def _iter_restorable(self, items: Iterator[RawItem]) -> Iterator[RawItem]:
        """Yield the items without the slots and leases of hosts."""
        for item in items:
            if self.kind == _LIVE_TABLE and "#" in item["name"]["S"]:
                self.report.left_out += 1
            else:
                yield item

    def _write(self, chunk: dict[Key, RawItem]) -> None:
        new, different = [], []
        for key, item in chunk.items():
            stored = self._stored.get(key)
            if stored is None:
                new.append(key)
            elif stored == hash_item(item):
                self.report.same += 1
            else:
                different.append(key)
        if self.replace:
            self.report.replaced += len(different)
            self.report.written += len(new)
            self._put([chunk[key] for key in (*new, *different)])
            return
        for key in different:
            self._count(key, _PutResult.DIFFERENT)
        if self.dry_run:
            self.report.written += len(new)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            results = pool.map(self._create, [chunk[key] for key in new])
            for key, result in zip(new, results, strict=True):
                self._count(key, result)

    def _put(self, items: Sequence[RawItem]) -> None:
        if self.dry_run:
            return
        size = raw_items.MAX_BATCH_SIZE
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(lambda batch: raw_items.put_items(self.kind, batch), batches):
                pass

    def _create(self, item: RawItem) -> _PutResult:
        """Put an item unless another writer was faster."""
        if raw_items.create_item(self.kind, item):
            return _PutResult.WRITTEN
        stored = raw_items.get_item(self.kind, item)
        is_same = stored is not None and hash_item(stored) == hash_item(item)
        return _PutResult.SAME if is_same else _PutResult.DIFFERENT

    def _count(self, key: Key, result: _PutResult) -> None:
        if result is _PutResult.WRITTEN:
            self.report.written += 1
        elif result is _PutResult.SAME:
            self.report.same += 1
        elif self.kind == _LIVE_TABLE:
            self.report.kept += 1
        else:
            self.report.different += 1
            self.report.add_example("different", key)
