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
from chalicelib.storage.models import MembershipItem
from chalicelib.storage.transaction import (
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
        transaction = Transaction()
        if isinstance(after, Package) and isinstance(before.entity, Package):
            if after.memberships != before.entity.memberships:
                raise ValueError("use add_to_grid and remove_from_grid for memberships")
            if after.title != before.entity.title:
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
        before = read(kind, identifier)
        if before.counted:
            raise CategoryInUse(f"category {identifier} has {before.counted} packages")
        while len(pairs := _memberships(before.entity)) > _MEMBERSHIPS_AT_ONCE:
            _remove(before, dict(islice(pairs.items(), _MEMBERSHIPS_AT_ONCE)), keep=True)
            before = read(kind, identifier)
        _remove(before, pairs, keep=False)

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
    grids = read_many(Grid, {grid for _, grid in package.memberships})
    for grid in grids.values():
        members = in_order(grid.entity.members, {package.id: package.title})
        if members != grid.entity.members:
            stage(transaction, grid, replace(grid.entity, members=members))


def _memberships(entity: Category | Grid | Package) -> dict[int, int]:
    """Membership id -> id at the other end."""
    match entity:
        case Package():
            return dict(entity.memberships)
        case Grid():
            return dict(entity.members)
    return {}


def _remove(before: Stored[E], pairs: dict[int, int], keep: bool) -> None:
    """One transaction that removes memberships of an item, and the item too unless ``keep``."""
    transaction = Transaction()
    others = read_many(Grid, pairs.values()) if isinstance(before.entity, Package) else {}
    packages = read_many(Package, pairs.values()) if isinstance(before.entity, Grid) else {}
    for stored in others.values():
        stage(transaction, stored, _without(stored.entity, pairs))
    for stored_package in packages.values():
        stage(transaction, stored_package, _without(stored_package.entity, pairs))
    for row in pairs:
        transaction.drop(MembershipItem(row))
    stage(transaction, before, _without(before.entity, pairs) if keep else None)
    transaction.commit()


def _without(entity: E, rows: dict[int, int]) -> E:
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
