"""The tables as a whole: taken down, put back and compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.catalog import changes, consistency
from chalicelib.catalog.entities import Grid, Package
from chalicelib.catalog.item_writes import add_writes
from chalicelib.storage import models, reads
from chalicelib.storage.models import DirectoryItem, MembershipItem
from chalicelib.storage.transaction import Transaction
from tests.support import tables
from tests.support.entities import category, grid, package

Row = dict[str, Any]
#: Rows by table and key.
Rows = dict[tuple[str, str], Row]

_KEYS = dict.fromkeys(models.MODELS, ("id",)) | {
    "directory": ("collection", "segment"),
    "names": ("name",),
    "loads": ("sha256",),
    "sources": ("package_id", "kind"),
    "history": ("package_id", "at"),
    "hosts": ("name",),
}
_AT_ONCE = 25
_SMALL: Rows = {}


def rows() -> Rows:
    """Every row of every table, as stored."""
    return {
        (kind, str(_key(kind, row))): row
        for kind, model in models.MODELS.items()
        for row in tables.items_of(model.Meta.table_name)
    }


def catalogue_rows() -> Rows:
    """The same without the notes on loads, and without what the refresh keeps for itself."""
    others = {"loads", "sources", "history", "hosts"}
    return {place: row for place, row in rows().items() if place[0] not in others}


def contents(stored: Rows) -> Rows:
    """Rows without their versions, which tell how often something was written, not what."""
    return {
        place: {name: value for name, value in row.items() if name != "version"}
        for place, row in stored.items()
    }


@contextmanager
def tables_of_a_module() -> Iterator[None]:
    """Tables for all tests of a module, each of which begins with ``restore`` of something."""
    with tables.empty():
        yield


def restore(wanted: Rows, now: Rows | None = None) -> None:
    """Make the tables hold exactly ``wanted``; ``now`` is what they hold, if that is known."""
    now = rows() if now is None else now
    requests = [
        (kind, {"DeleteRequest": {"Key": _key(kind, row)}})
        for (kind, key), row in now.items()
        if (kind, key) not in wanted
    ] + [
        (kind, {"PutRequest": {"Item": row}})
        for (kind, key), row in wanted.items()
        if now.get((kind, key)) != row
    ]
    client: Any = models.get_connection().client
    for start in range(0, len(requests), _AT_ONCE):
        changes_by_table: dict[str, list[Any]] = {}
        for kind, request in requests[start : start + _AT_ONCE]:
            changes_by_table.setdefault(models.MODELS[kind].Meta.table_name, []).append(request)
        answer = client.batch_write_item(RequestItems=changes_by_table)
        assert not answer.get("UnprocessedItems")
    for kind in {kind for kind, _ in requests}:
        held = [row for (other, _), row in wanted.items() if other == kind]
        tables.remember(models.MODELS[kind].Meta.table_name, held)


def small_catalogue() -> None:
    """Categories 1 to 3, packages 1 to 3, grids 1 and 2.

    Package 1 stands in both grids and package 2 in the first; categories 2 and 3 are empty.
    Built once by the writers themselves, and put back from then on.
    """
    if _SMALL:
        restore(_SMALL)
        return
    for identifier in (1, 2, 3):
        changes.create(category(identifier))
    for identifier in (1, 2, 3):
        changes.create(package(identifier))
    for identifier in (1, 2):
        changes.create(grid(identifier))
    changes.add_to_grid(10, 1, 1)
    changes.add_to_grid(11, 2, 1)
    changes.add_to_grid(12, 1, 2)
    _SMALL.update(rows())


def full_grid(count: int, **values: Any) -> None:
    """Category 1, and grid 1 with the packages 1 to ``count`` (each with ``values``).

    Row ``1000 + n`` is that of package ``n``. In few transactions, for speed.
    """
    changes.create(category())
    ids = range(1, count + 1)
    at_once = 7 if values else 40
    members = sorted((package(n).title, 1000 + n, n) for n in ids)
    transaction = Transaction()
    add_writes(transaction, None, grid(1, members=tuple((row, n) for _, row, n in members)))
    transaction.commit()
    for start in range(0, count, at_once):
        transaction = Transaction()
        for n in ids[start : start + at_once]:
            fields = {"repo_url": ""} | values
            add_writes(transaction, None, package(n, memberships=((1000 + n, 1),), **fields))
        transaction.commit()
    for start in range(0, count, at_once):
        transaction = Transaction()
        for n in ids[start : start + at_once]:
            transaction.put_unconditionally(MembershipItem(1000 + n, grid_id=1, package_id=n))
        transaction.commit()


def touch_directory(collection: str, segment: int = 0) -> None:
    """Write a segment of the directory as another writer's change of it would, once more."""
    item = DirectoryItem.get(collection, segment, consistent_read=True)
    item.version = int(item.version) + 1
    item.save()


def _key(kind: str, row: Row) -> Row:
    return {name: row[name] for name in _KEYS[kind]}


def assert_sound() -> None:
    """Items, names, directory, grids and categories agree with each other."""
    assert list(consistency.iter_faults()) == []


def packages_of(identifier: int) -> list[int]:
    """The packages of a grid, in the order shown."""
    return [other for _, other in changes.get(Grid, identifier).entity.members]


def grids_of(identifier: int) -> list[int]:
    """The grids of a package, in the order shown."""
    return [other for _, other in changes.get(Package, identifier).entity.memberships]


def listed(collection: str) -> list[int]:
    """The ids that the directory lists, highest first."""
    count, ids = reads.get_ids(collection, 0, 10_000)
    assert count == len(ids)
    return ids
