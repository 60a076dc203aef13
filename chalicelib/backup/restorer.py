"""Putting what an export has into the tables."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice
from pathlib import Path

from chalicelib.backup import dynamodb_json
from chalicelib.backup.download import Files, items
from chalicelib.settings import TABLES
from chalicelib.storage import dump
from chalicelib.storage.dump import Item, Key

#: Names first, so that no other writer takes one; the directory last of the catalogue, so that
#: no list has what is not there yet; sources after the packages, without which enrolment would
#: remove them.
ORDER = (
    *("names", "categories", "packages", "grids", "memberships", "directory"),
    *("loads", "history", "sources", "hosts"),
)
assert set(ORDER) == set(TABLES), "every table is restored"
#: Budgets that are there are newer than any export: to go back to those of then would be to
#: forget what was asked of a host since. They are kept, and not told as a difference.
_LIVE = "hosts"
#: So many items, or batches of them, are put at once.
THREADS = 8
_AT_ONCE = 200
#: So many keys of each table are named in full.
_SHOWN = 5


class _Fate(Enum):
    WRITTEN = auto()
    SAME = auto()
    DIFFERENT = auto()


@dataclass(slots=True)
class Restored:
    """What became of one table's items.

    ``written`` and ``replaced`` (of a dry run: to be), ``same`` as in the export, ``different``
    and left so, ``kept`` budgets of hosts, ``left_out`` slots and leases; ``others`` are in the
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

    def show(self, what: str, key: Key) -> None:
        """Name one, unless enough are named."""
        if len(self.examples) < 2 * _SHOWN:
            self.examples.append(f"{what}: {self.kind} {' '.join(key)}")


def restore(
    files: Files, *, replace: bool = False, dry_run: bool = False, threads: int = THREADS
) -> Iterator[Restored]:
    """Put the items of files that were fetched, table after table.

    What is there is never overwritten, unless ``replace``, which no other writer should meet:
    it brings back older versions. May be repeated after it died: what is there already is the
    same then. Nothing is deleted. The slots of hosts are left out, since who held them is gone, and
    so are leases, since the queue of then is: what was under way is due, and is planned anew.
    Keeps the key and a hash of every item of one table in memory. Raises storage errors.
    """
    for kind in ORDER:
        if kind in files:
            table = _Table(kind, replace and kind != _LIVE, dry_run, threads)
            yield table.restore(files[kind])


class _Table:
    def __init__(self, kind: str, replace: bool, dry_run: bool, threads: int) -> None:
        self.kind = kind
        self.replace = replace
        self.dry_run = dry_run
        self.threads = threads
        self.done = Restored(kind)
        self._stored: dict[Key, bytes] = {}

    def restore(self, paths: Sequence[Path]) -> Restored:
        """Compare with what is there, and write what is not."""
        for page in dump.pages(self.kind):
            self._stored |= {
                dump.key_of(self.kind, item): dynamodb_json.digest(item) for item in page
            }
        others = set(self._stored)
        for path in paths:
            wanted = self._without_holders(items(path))
            while chunk := {
                dump.key_of(self.kind, item): item for item in islice(wanted, _AT_ONCE)
            }:
                others -= chunk.keys()
                self._write(chunk)
        if self.kind != _LIVE:
            self.done.others = len(others)
            for key in sorted(others)[:_SHOWN]:
                self.done.show("not in the export", key)
        return self.done

    def _without_holders(self, found: Iterator[Item]) -> Iterator[Item]:
        for item in found:
            if self.kind == _LIVE and "#" in item["name"]["S"]:
                self.done.left_out += 1
            else:
                yield item

    def _write(self, chunk: dict[Key, Item]) -> None:
        new, different = [], []
        for key, item in chunk.items():
            stored = self._stored.get(key)
            if stored is None:
                new.append(key)
            elif stored == dynamodb_json.digest(item):
                self.done.same += 1
            else:
                different.append(key)
        if self.replace:
            self.done.replaced += len(different)
            self.done.written += len(new)
            self._put_over([chunk[key] for key in (*new, *different)])
            return
        for key in different:
            self._count(key, _Fate.DIFFERENT)
        if self.dry_run:
            self.done.written += len(new)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            fates = pool.map(self._create, [chunk[key] for key in new])
            for key, fate in zip(new, fates, strict=True):
                self._count(key, fate)

    def _put_over(self, wanted: Sequence[Item]) -> None:
        if self.dry_run:
            return
        batches = [wanted[at : at + dump.BATCH] for at in range(0, len(wanted), dump.BATCH)]
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(lambda batch: dump.put_all(self.kind, batch), batches):
                pass

    def _create(self, item: Item) -> _Fate:
        """Put an item where none was; another writer may have been faster."""
        if dump.create(self.kind, item):
            return _Fate.WRITTEN
        found = dump.read(self.kind, item)
        is_same = found is not None and dynamodb_json.digest(found) == dynamodb_json.digest(item)
        return _Fate.SAME if is_same else _Fate.DIFFERENT

    def _count(self, key: Key, fate: _Fate) -> None:
        if fate is _Fate.WRITTEN:
            self.done.written += 1
        elif fate is _Fate.SAME:
            self.done.same += 1
        elif self.kind == _LIVE:
            self.done.kept += 1
        else:
            self.done.different += 1
            self.done.show("different", key)
