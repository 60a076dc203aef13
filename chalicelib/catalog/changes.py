"""Creation, change and deletion; each leaves item, names, listing and grids right together.

Every function is one transaction, or, where a grid or package has too many memberships for one,
a row of transactions each of which leaves a right catalogue. A function that lost a race reads
again and repeats, a bounded number of times.
"""

from collections.abc import Callable
from dataclasses import fields, replace

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.item_writes import add_writes, unique_names
from chalicelib.catalog.memberships import (
    add_to_grid,
    get_pairs,
    remove_from_grid,
    remove_memberships,
    sort_members,
)
from chalicelib.catalog.repository import (
    AlreadyExists,
    DoesNotExist,
    E,
    Versioned,
    get,
    get_many,
    retry_on_conflict,
    to_item,
)
from chalicelib.catalog.validation import InvalidEntity, validate
from chalicelib.storage.errors import NameTaken, VersionConflict, WriteRefused
from chalicelib.storage.transaction import Transaction
from chalicelib.storage.writes import update_attributes

__all__ = [
    "AlreadyExists",
    "CategoryInUse",
    "DoesNotExist",
    "InvalidEntity",
    "NameTaken",
    "WriteRefused",
    "add_to_grid",
    "create",
    "delete",
    "get",
    "remove_from_grid",
    "update",
    "update_figures",
]


class CategoryInUse(WriteRefused):
    """The category still has packages."""


def create(entity: Category | Grid | Package) -> None:
    """Create an item that stands in no grid (a grid: without packages).

    Raises AlreadyExists, NameTaken, CategoryMissing, Invalid or ItemTooLarge. Use
    ``add_to_grid`` for memberships.
    """
    if (isinstance(entity, Package) and entity.memberships) or (
        isinstance(entity, Grid) and entity.members
    ):
        raise ValueError("create it without memberships, then add it to its grids")
    transaction = Transaction()
    add_writes(transaction, None, entity)
    try:
        transaction.commit()
    except VersionConflict:
        raise AlreadyExists(f"{type(entity).__name__.lower()} {entity.id} exists") from None


def update(kind: type[E], identifier: int, edit: Callable[[E], E]) -> E:
    """Replace an item by ``edit`` of it; returns what is stored then.

    ``edit`` may be called again, on what another writer left. Memberships cannot be edited
    here. A package's new title also moves it within its grids. Nothing is written if nothing
    changes. Raises Missing, NameTaken, CategoryMissing, Invalid, ItemTooLarge, Contended, and
    TooManyWrites for the title of a package in more grids than one transaction can put in order
    (some 90).
    """

    def attempt() -> E:
        before = get(kind, identifier)
        after = edit(before.entity)
        if after == before.entity:
            return after
        if after.id != identifier:
            raise ValueError("an item keeps its id")
        if get_pairs(after) != get_pairs(before.entity):
            raise ValueError("use add_to_grid and remove_from_grid for memberships")
        transaction = Transaction()
        if isinstance(after, Package) and after.title != before.entity.title:
            _stage_title(transaction, after)
        add_writes(transaction, before, after)
        transaction.commit()
        return after

    return retry_on_conflict(attempt)


def update_figures(before: Versioned[Package], after: Package) -> None:
    """Change figures of a package in one UpdateItem that writes what differs, and its body.

    For fields that no name, listing or grid depends on; costs half of a transaction. Raises
    VersionConflict (changed or deleted meanwhile) or Invalid.
    """
    if unique_names(after) != unique_names(before.entity) or get_pairs(after) != get_pairs(
        before.entity
    ):
        raise ValueError("use change for names and memberships")
    validate(after)
    item = to_item(after, before.version + 1, before.fingerprint)
    names = [
        field.name
        for field in fields(after)
        if getattr(after, field.name) != getattr(before.entity, field.name)
    ]
    update_attributes(item, [*names, "body", "rendering", "version"], before.version)


def delete(kind: type[E], identifier: int) -> None:
    """Delete an item, its names, its listing and its memberships.

    Raises Missing, CategoryInUse (it still has packages), Contended.
    """

    def attempt() -> None:
        whole = False
        while not whole:
            before = get(kind, identifier)
            if before.package_count:
                raise CategoryInUse(f"category {identifier} has {before.package_count} packages")
            whole = remove_memberships(before, get_pairs(before.entity), keep=False)

    retry_on_conflict(attempt)


def _stage_title(transaction: Transaction, package: Package) -> None:
    """Put the package where its new title stands in its grids.

    A grid is written even when its order stays: whoever else is ordering it by the old title
    then loses the race, and orders it anew.
    """
    grids = get_many(Grid, {grid for _, grid in package.memberships})
    for grid in grids.values():
        members = sort_members(grid.entity.members, {package.id: package.title})
        add_writes(transaction, grid, replace(grid.entity, members=members))
