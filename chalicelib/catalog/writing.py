"""Creation, change and deletion; each leaves item, names, listing and grids right together.

Every function is one transaction, or, where a grid or package has too many memberships for one,
a row of transactions each of which leaves a right catalogue. A function that lost a race reads
again and repeats, a bounded number of times.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.items import MODELS, E, Stored, from_item, stage
from chalicelib.storage import reads
from chalicelib.storage.backoff import DEFAULT, Backoff
from chalicelib.storage.capacity import MAX_ITEM_BYTES
from chalicelib.storage.models import MembershipItem
from chalicelib.storage.transaction import (
    MAX_BYTES,
    Contended,
    NameTaken,
    Transaction,
    VersionConflict,
    WriteRefused,
)

__all__ = ["AlreadyExists", "CategoryInUse", "Missing", "NameTaken", "WriteRefused"]

#: Memberships removed in one transaction: each takes its row and a package or grid.
_MEMBERSHIPS_AT_ONCE = 40

_R = TypeVar("_R")


class Missing(WriteRefused):
    """The item to change or delete does not exist."""


class AlreadyExists(WriteRefused):
    """An item of that id exists."""


class CategoryInUse(WriteRefused):
    """The category still has packages."""


def read(kind: type[E], identifier: int) -> Stored[E]:
    """Read one entity consistently; raises Missing."""
    model = MODELS[kind]
    try:
        return from_item(kind, model.get(identifier, consistent_read=True))
    except model.DoesNotExist:
        raise Missing(f"{kind.__name__.lower()} {identifier} does not exist") from None


def read_many(kind: type[E], identifiers: Iterable[int]) -> dict[int, Stored[E]]:
    """Read entities consistently; those that do not exist are left out."""
    found = reads.items(MODELS[kind], identifiers)
    return {identifier: from_item(kind, item) for identifier, item in found.items()}


def create(entity: Category | Grid | Package) -> None:
    """Create an item that stands in no grid (a grid: without packages).

    Raises AlreadyExists, NameTaken, or CategoryMissing. Use ``add_to_grid`` for memberships.
    """
    if (isinstance(entity, Package) and entity.memberships) or (
        isinstance(entity, Grid) and entity.members
    ):
        raise ValueError("create it without memberships, then add it to its grids")
    transaction = Transaction()
    stage(transaction, None, entity)
    try:
        transaction.commit()
    except VersionConflict:
        raise AlreadyExists(f"{type(entity).__name__.lower()} {entity.id} exists") from None


def change(kind: type[E], identifier: int, edit: Callable[[E], E]) -> E:
    """Replace an item by ``edit`` of it; returns what is stored then.

    ``edit`` may be called again, on what another writer left. Memberships cannot be edited
    here. A package's new title also moves it within its grids. Nothing is written if nothing
    changes. Raises Missing, NameTaken, CategoryMissing, Contended.
    """

    def attempt() -> E:
        before = read(kind, identifier)
        after = edit(before.entity)
        if after == before.entity:
            return after
        if after.id != identifier:
            raise ValueError("an item keeps its id")
        if _memberships(after) != _memberships(before.entity):
            raise ValueError("use add_to_grid and remove_from_grid for memberships")
        transaction = Transaction()
        if isinstance(after, Package) and after.title != before.entity.title:
            _stage_title(transaction, after)
        stage(transaction, before, after)
        transaction.commit()
        return after

    return _repeated(attempt)


def delete(kind: type[E], identifier: int) -> None:
    """Delete an item, its names, its listing and its memberships.

    Raises Missing, CategoryInUse (it still has packages), Contended.
    """

    def attempt() -> None:
        whole = False
        while not whole:
            before = read(kind, identifier)
            if before.counted:
                raise CategoryInUse(f"category {identifier} has {before.counted} packages")
            whole = _remove(before, _memberships(before.entity), keep=False)

    _repeated(attempt)


def add_to_grid(membership: int, grid: int, package: int) -> None:
    """Put a package into a grid as the row ``membership``; doing it twice changes nothing.

    Raises Missing (grid or package), AlreadyExists (the row is another), Contended.
    """

    def attempt() -> None:
        the_package, the_grid = read(Package, package), read(Grid, grid)
        if (membership, grid) in the_package.entity.memberships:
            return
        row = reads.items(MembershipItem, [membership]).get(membership)
        if row is not None:
            raise AlreadyExists(f"membership {membership} is of package {int(row.package_id)}")
        members = (*the_grid.entity.members, (membership, package))
        pairs = sorted((*the_package.entity.memberships, (membership, grid)))
        transaction = Transaction()
        transaction.create(MembershipItem(membership, grid_id=grid, package_id=package))
        stage(transaction, the_package, replace(the_package.entity, memberships=tuple(pairs)))
        stage(
            transaction,
            the_grid,
            replace(
                the_grid.entity, members=in_order(members, {package: the_package.entity.title})
            ),
        )
        transaction.commit()

    _repeated(attempt)


def remove_from_grid(grid: int, package: int) -> None:
    """Take a package out of a grid; doing it twice changes nothing. Raises Missing, Contended."""

    def attempt() -> None:
        before = read(Package, package)
        pairs = {row: other for row, other in before.entity.memberships if other == grid}
        if pairs:
            _remove(before, pairs, keep=True)

    _repeated(attempt)


def in_order(
    members: Iterable[tuple[int, int]], titles: dict[int, str]
) -> tuple[tuple[int, int], ...]:
    """Members of a grid by title of the package, as code points; titles not given are read."""
    pairs = list(members)
    unknown = {package for _, package in pairs} - titles.keys()
    read_titles = {
        identifier: item.title
        for identifier, item in reads.items(MODELS[Package], unknown, ["id", "title"]).items()
    }
    known = titles | read_titles
    return tuple(sorted(pairs, key=lambda pair: (known.get(pair[1], ""), pair[0])))


def _stage_title(transaction: Transaction, package: Package) -> None:
    """Put the package where its new title stands in its grids.

    A grid is written even when its order stays: whoever else is ordering it by the old title
    then loses the race, and orders it anew.
    """
    grids = read_many(Grid, {grid for _, grid in package.memberships})
    for grid in grids.values():
        members = in_order(grid.entity.members, {package.id: package.title})
        stage(transaction, grid, replace(grid.entity, members=members))


def _memberships(entity: Category | Grid | Package) -> dict[int, int]:
    """Membership id -> id at the other end."""
    match entity:
        case Package():
            return dict(entity.memberships)
        case Grid():
            return dict(entity.members)
    return {}


def _remove(before: Stored[E], pairs: dict[int, int], keep: bool) -> bool:
    """One transaction that removes memberships of an item, and the item too unless ``keep``.

    It removes as many as it holds; false says that some are left, and with them the item.
    """
    first = dict(islice(pairs.items(), _MEMBERSHIPS_AT_ONCE))
    other_end: type[Grid | Package] = Grid if isinstance(before.entity, Package) else Package
    others = read_many(other_end, first.values())
    transaction = Transaction()
    removed: set[int] = set()
    for identifier in dict.fromkeys(first.values()):
        # What still fits: one more item, and the one whose memberships these are.
        if transaction.size > MAX_BYTES - 2 * MAX_ITEM_BYTES:
            break
        gone = {row for row, other in first.items() if other == identifier}
        if identifier in others:
            stored = others[identifier]
            stage(transaction, stored, _without(stored.entity, gone))
        for row in gone:
            transaction.drop(MembershipItem(row))
        removed |= gone
    whole = len(removed) == len(pairs)
    stage(transaction, before, None if whole and not keep else _without(before.entity, removed))
    transaction.commit()
    return whole


def _without(entity: E, rows: set[int]) -> E:
    match entity:
        case Package():
            left = tuple(pair for pair in entity.memberships if pair[0] not in rows)
            return replace(entity, memberships=left)
        case Grid():
            return replace(entity, members=tuple(p for p in entity.members if p[0] not in rows))
    return entity


def _repeated(attempt: Callable[[], _R], backoff: Backoff = DEFAULT) -> _R:
    for _ in backoff.tries():
        try:
            return attempt()
        except VersionConflict as conflict:
            last = conflict
    raise Contended(str(last))
