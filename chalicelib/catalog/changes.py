"""Creating, updating and deleting entities together with their names, listings and grids.

Every function writes one transaction. Only where a grid or package has too many memberships for
one, it writes several, each of which leaves a consistent catalogue. A function that loses a race
reads again and repeats, a bounded number of times.
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
    """Create an item without memberships, which ``add_to_grid`` adds.

    Raises AlreadyExists, NameTaken, CategoryMissing, InvalidEntity or ItemTooLarge.
    """
    if (isinstance(entity, Package) and entity.memberships) or (
        isinstance(entity, Grid) and entity.members
    ):
        raise ValueError("create the item without memberships, then call add_to_grid")
    transaction = Transaction()
    add_writes(transaction, None, entity)
    try:
        transaction.commit()
    except VersionConflict:
        raise AlreadyExists(f"{type(entity).__name__.lower()} {entity.id} exists") from None


def update(kind: type[E], identifier: int, edit: Callable[[E], E]) -> E:
    """Replace an entity by ``edit(entity)``, and return what is stored then.

    ``edit`` is called again when another writer was faster. It cannot change memberships. A
    package's new title also moves it within its grids. An unchanged entity is not written.
    Raises DoesNotExist, NameTaken, CategoryMissing, InvalidEntity, ItemTooLarge, Contended, and
    TooManyWrites for the title of a package in more grids than one transaction can sort (about
    90).
    """

    def attempt() -> E:
        before = get(kind, identifier)
        after = edit(before.entity)
        if after == before.entity:
            return after
        if after.id != identifier:
            raise ValueError("the id of an item cannot change")
        if get_pairs(after) != get_pairs(before.entity):
            raise ValueError("use add_to_grid and remove_from_grid for memberships")
        transaction = Transaction()
        if isinstance(after, Package) and after.title != before.entity.title:
            _add_title_writes(transaction, after)
        add_writes(transaction, before, after)
        transaction.commit()
        return after

    return retry_on_conflict(attempt)


def update_figures(before: Versioned[Package], after: Package) -> None:
    """Update a package's figures: one UpdateItem writes the fields that differ, and the body.

    For fields that no name, listing or grid depends on. It costs half as much as a transaction.
    Raises VersionConflict if the package was changed or deleted meanwhile, or InvalidEntity.
    """
    if unique_names(after) != unique_names(before.entity) or get_pairs(after) != get_pairs(
        before.entity
    ):
        raise ValueError(
            "use update for names, and add_to_grid and remove_from_grid for memberships"
        )
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

    Raises DoesNotExist, CategoryInUse (it still has packages), Contended.
    """

    def attempt() -> None:
        is_deleted = False
        while not is_deleted:
            before = get(kind, identifier)
            if before.package_count:
                raise CategoryInUse(f"category {identifier} has {before.package_count} packages")
            is_deleted = remove_memberships(before, get_pairs(before.entity), keep=False)

    retry_on_conflict(attempt)


def _add_title_writes(transaction: Transaction, package: Package) -> None:
    """Add the writes that sort the package's grids by its new title.

    A grid is written even if its order stays: a writer that sorts it by the old title at the same
    time then loses the race, and sorts it again.
    """
    grids = get_many(Grid, {grid for _, grid in package.memberships})
    for grid in grids.values():
        members = sort_members(grid.entity.members, {package.id: package.title})
        add_writes(transaction, grid, replace(grid.entity, members=members))
