"""Memberships: the row, the package's grids and the grid's packages always agree."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.item_writes import add_writes
from chalicelib.catalog.repository import (
    MODELS,
    AlreadyExists,
    E,
    Versioned,
    get,
    get_many,
    retry_on_conflict,
)
from chalicelib.storage import reads
from chalicelib.storage.capacity import MAX_ITEM_BYTES
from chalicelib.storage.errors import VersionConflict
from chalicelib.storage.models import GridItem, MembershipItem, PackageItem
from chalicelib.storage.transaction import MAX_BYTES, Transaction

#: Memberships removed in one transaction: each takes its row and a package or grid.
_BATCH_SIZE = 40


def add_to_grid(membership: int, grid: int, package: int) -> None:
    """Add a package to a grid as the row ``membership``; a repetition changes nothing.

    Raises DoesNotExist (grid or package), AlreadyExists (the row has other ends), Contended.
    """

    def attempt() -> None:
        stored_package, stored_grid = get(Package, package), get(Grid, grid)
        if (membership, grid) in stored_package.entity.memberships:
            return
        row = reads.get_items(MembershipItem, [membership]).get(membership)
        if row is not None:
            raise AlreadyExists(f"membership {membership} is of package {int(row.package_id)}")
        pairs = sorted((*stored_package.entity.memberships, (membership, grid)))
        members = sort_members(
            (*stored_grid.entity.members, (membership, package)),
            {package: stored_package.entity.title},
        )
        transaction = Transaction()
        transaction.create(MembershipItem(membership, grid_id=grid, package_id=package))
        new_package = replace(stored_package.entity, memberships=tuple(pairs))
        add_writes(transaction, stored_package, new_package)
        add_writes(transaction, stored_grid, replace(stored_grid.entity, members=members))
        transaction.commit()

    retry_on_conflict(attempt)


def remove_from_grid(grid: int, package: int) -> None:
    """Remove a package from a grid; a repetition changes nothing.

    Raises DoesNotExist (the package), Contended.
    """

    def attempt() -> None:
        before = get(Package, package)
        pairs = {row: other for row, other in before.entity.memberships if other == grid}
        if pairs:
            remove_memberships(before, pairs, keep=True)

    retry_on_conflict(attempt)


def reconcile_membership(membership: int, grid: int, package: int) -> bool:
    """Make a row and both its ends agree: all have it if both ends exist, else none has it.

    Returns True if they have it. Raises Contended.
    """

    def attempt() -> bool:
        stored_package = get_many(Package, [package]).get(package)
        stored_grid = get_many(Grid, [grid]).get(grid)
        exists = stored_package is not None and stored_grid is not None
        transaction = Transaction()
        if stored_package is not None:
            new_package = drop_pairs(stored_package.entity, {membership})
            pairs = sorted((*new_package.memberships, *([(membership, grid)] if exists else [])))
            new_package = replace(new_package, memberships=tuple(pairs))
            add_writes(transaction, stored_package, new_package)
        if stored_grid is not None:
            new_grid = drop_pairs(stored_grid.entity, {membership})
            members = (*new_grid.members, *([(membership, package)] if exists else []))
            new_grid = replace(new_grid, members=sort_members(members, {}))
            add_writes(transaction, stored_grid, new_grid)
        row = MembershipItem(membership, grid_id=grid, package_id=package)
        if exists:
            transaction.put_unconditionally(row)
        else:
            transaction.delete_unconditionally(row)
        transaction.commit()
        return exists

    return retry_on_conflict(attempt)


def reconcile_memberships(places: dict[int, tuple[int, int]]) -> list[int]:
    """Write the rows (id -> grid, package) that both their ends have, in one transaction.

    Rows that exist already are not written. Returns the rows for which an end lacks them or was
    changed meanwhile: those need ``reconcile_membership``, one by one.
    """
    stored = reads.get_items(MembershipItem, places)
    packages = get_many(Package, (package for _, package in places.values()))
    grids = get_many(Grid, (grid for grid, _ in places.values()))
    unreconciled, missing = [], []
    for row, (grid, package) in places.items():
        ends = packages.get(package), grids.get(grid)
        if not (
            ends[0] is not None
            and ends[1] is not None
            and (row, grid) in ends[0].entity.memberships
            and (row, package) in ends[1].entity.members
        ):
            unreconciled.append(row)
        elif row not in stored or (stored[row].grid_id, stored[row].package_id) != places[row]:
            missing.append(row)
    transaction = Transaction()
    for row in missing:
        grid, package = places[row]
        transaction.put_unconditionally(MembershipItem(row, grid_id=grid, package_id=package))
    for package in {places[row][1] for row in missing}:
        transaction.check_version(PackageItem, package, packages[package].version)
    for grid in {places[row][0] for row in missing}:
        transaction.check_version(GridItem, grid, grids[grid].version)
    try:
        transaction.commit()
    except VersionConflict:
        return unreconciled + missing
    return unreconciled


def sort_members(
    members: Iterable[tuple[int, int]], titles: dict[int, str]
) -> tuple[tuple[int, int], ...]:
    """Sort members of a grid by the package's title, by code point; other titles are read."""
    pairs = list(members)
    missing = {package for _, package in pairs} - titles.keys()
    items = reads.get_items(MODELS[Package], missing, ["id", "title"])
    all_titles = titles | {identifier: item.title for identifier, item in items.items()}
    return tuple(sorted(pairs, key=lambda pair: (all_titles.get(pair[1], ""), pair[0])))


def get_pairs(entity: Category | Grid | Package) -> dict[int, int]:
    """Return an entity's memberships as membership id -> id of the other end."""
    match entity:
        case Package():
            return dict(entity.memberships)
        case Grid():
            return dict(entity.members)
    return {}


def remove_memberships(before: Versioned[E], pairs: dict[int, int], keep: bool) -> bool:
    """Remove memberships of an item in one transaction, and the item too unless ``keep``.

    A transaction removes as many as it can hold. Returns False if some remain, and with them the
    item.
    """
    first = dict(islice(pairs.items(), _BATCH_SIZE))
    other_end: type[Grid | Package] = Grid if isinstance(before.entity, Package) else Package
    others = get_many(other_end, first.values())
    transaction = Transaction()
    removed: set[int] = set()
    for identifier in dict.fromkeys(first.values()):
        # There must be space for one more item, and for the one whose memberships these are.
        if transaction.size > MAX_BYTES - 2 * MAX_ITEM_BYTES:
            break
        rows = {row for row, other in first.items() if other == identifier}
        if identifier in others:
            stored = others[identifier]
            add_writes(transaction, stored, drop_pairs(stored.entity, rows))
        for row in rows:
            transaction.delete_unconditionally(MembershipItem(row))
        removed |= rows
    is_complete = len(removed) == len(pairs)
    add_writes(
        transaction,
        before,
        None if is_complete and not keep else drop_pairs(before.entity, removed),
    )
    transaction.commit()
    return is_complete


def drop_pairs(entity: E, rows: set[int]) -> E:
    """Return the entity without these memberships."""
    match entity:
        case Package():
            memberships = tuple(pair for pair in entity.memberships if pair[0] not in rows)
            return replace(entity, memberships=memberships)
        case Grid():
            members = tuple(pair for pair in entity.members if pair[0] not in rows)
            return replace(entity, members=members)
    return entity
