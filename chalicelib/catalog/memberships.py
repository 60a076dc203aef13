"""Packages in grids: a row, the package's grids and the grid's packages always agree."""

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
_MEMBERSHIPS_AT_ONCE = 40


def add_to_grid(membership: int, grid: int, package: int) -> None:
    """Put a package into a grid as the row ``membership``; doing it twice changes nothing.

    Raises Missing (grid or package), AlreadyExists (the row is another), Contended.
    """

    def attempt() -> None:
        the_package, the_grid = get(Package, package), get(Grid, grid)
        if (membership, grid) in the_package.entity.memberships:
            return
        row = reads.get_items(MembershipItem, [membership]).get(membership)
        if row is not None:
            raise AlreadyExists(f"membership {membership} is of package {int(row.package_id)}")
        members = (*the_grid.entity.members, (membership, package))
        pairs = sorted((*the_package.entity.memberships, (membership, grid)))
        transaction = Transaction()
        transaction.create(MembershipItem(membership, grid_id=grid, package_id=package))
        add_writes(transaction, the_package, replace(the_package.entity, memberships=tuple(pairs)))
        add_writes(
            transaction,
            the_grid,
            replace(
                the_grid.entity, members=sort_members(members, {package: the_package.entity.title})
            ),
        )
        transaction.commit()

    retry_on_conflict(attempt)


def remove_from_grid(grid: int, package: int) -> None:
    """Take a package out of a grid; doing it twice changes nothing. Raises Missing, Contended."""

    def attempt() -> None:
        before = get(Package, package)
        pairs = {row: other for row, other in before.entity.memberships if other == grid}
        if pairs:
            remove_memberships(before, pairs, keep=True)

    retry_on_conflict(attempt)


def reconcile_membership(membership: int, grid: int, package: int) -> bool:
    """Make a row and both its ends agree: all have it if both exist, else none has.

    Returns whether it stands. Raises Contended.
    """

    def attempt() -> bool:
        the_package = get_many(Package, [package]).get(package)
        the_grid = get_many(Grid, [grid]).get(grid)
        stands = the_package is not None and the_grid is not None
        transaction = Transaction()
        if the_package is not None:
            left = drop_pairs(the_package.entity, {membership})
            pairs = sorted((*left.memberships, *([(membership, grid)] if stands else [])))
            add_writes(transaction, the_package, replace(left, memberships=tuple(pairs)))
        if the_grid is not None:
            rest = drop_pairs(the_grid.entity, {membership})
            members = (*rest.members, *([(membership, package)] if stands else []))
            add_writes(transaction, the_grid, replace(rest, members=sort_members(members, {})))
        row = MembershipItem(membership, grid_id=grid, package_id=package)
        if stands:
            transaction.put_unconditionally(row)
        else:
            transaction.delete_unconditionally(row)
        transaction.commit()
        return stands

    return retry_on_conflict(attempt)


def reconcile_memberships(places: dict[int, tuple[int, int]]) -> list[int]:
    """Write the rows (id -> grid, package) that both their ends have, in one transaction.

    Returns those that it could not: an end lacks them, or was changed meanwhile. For those there
    is ``settle``. Writes nothing for rows that are there.
    """
    stored = reads.get_items(MembershipItem, places)
    packages = get_many(Package, (package for _, package in places.values()))
    grids = get_many(Grid, (grid for grid, _ in places.values()))
    unsettled, missing = [], []
    for row, (grid, package) in places.items():
        ends = packages.get(package), grids.get(grid)
        if not (
            ends[0] is not None
            and ends[1] is not None
            and (row, grid) in ends[0].entity.memberships
            and (row, package) in ends[1].entity.members
        ):
            unsettled.append(row)
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
        return unsettled + missing
    return unsettled


def sort_members(
    members: Iterable[tuple[int, int]], titles: dict[int, str]
) -> tuple[tuple[int, int], ...]:
    """Members of a grid by title of the package, as code points; titles not given are read."""
    pairs = list(members)
    unknown = {package for _, package in pairs} - titles.keys()
    read_titles = {
        identifier: item.title
        for identifier, item in reads.get_items(MODELS[Package], unknown, ["id", "title"]).items()
    }
    known = titles | read_titles
    return tuple(sorted(pairs, key=lambda pair: (known.get(pair[1], ""), pair[0])))


def get_pairs(entity: Category | Grid | Package) -> dict[int, int]:
    """Membership id -> id at the other end."""
    match entity:
        case Package():
            return dict(entity.memberships)
        case Grid():
            return dict(entity.members)
    return {}


def remove_memberships(before: Versioned[E], pairs: dict[int, int], keep: bool) -> bool:
    """One transaction that removes memberships of an item, and the item too unless ``keep``.

    It removes as many as it holds; false says that some are left, and with them the item.
    """
    first = dict(islice(pairs.items(), _MEMBERSHIPS_AT_ONCE))
    other_end: type[Grid | Package] = Grid if isinstance(before.entity, Package) else Package
    others = get_many(other_end, first.values())
    transaction = Transaction()
    removed: set[int] = set()
    for identifier in dict.fromkeys(first.values()):
        # What still fits: one more item, and the one whose memberships these are.
        if transaction.size > MAX_BYTES - 2 * MAX_ITEM_BYTES:
            break
        gone = {row for row, other in first.items() if other == identifier}
        if identifier in others:
            stored = others[identifier]
            add_writes(transaction, stored, drop_pairs(stored.entity, gone))
        for row in gone:
            transaction.delete_unconditionally(MembershipItem(row))
        removed |= gone
    whole = len(removed) == len(pairs)
    add_writes(
        transaction, before, None if whole and not keep else drop_pairs(before.entity, removed)
    )
    transaction.commit()
    return whole


def drop_pairs(entity: E, rows: set[int]) -> E:
    """The entity without these memberships."""
    match entity:
        case Package():
            left = tuple(pair for pair in entity.memberships if pair[0] not in rows)
            return replace(entity, memberships=left)
        case Grid():
            return replace(entity, members=tuple(p for p in entity.members if p[0] not in rows))
    return entity
