"""Consistency checks over all tables, and rendering of bodies that are out of date."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.item_writes import add_writes, unique_names
from chalicelib.catalog.json_body import RENDER_VERSION, render_body
from chalicelib.catalog.repository import COLLECTIONS, MODELS, Versioned, from_item
from chalicelib.storage.backoff import DEFAULT_BACKOFF
from chalicelib.storage.errors import Contended, VersionConflict
from chalicelib.storage.models import MembershipItem, NameItem
from chalicelib.storage.reads import iter_directory, iter_items
from chalicelib.storage.transaction import Transaction

_KINDS: tuple[type[Any], ...] = (Category, Grid, Package)


def iter_faults() -> Iterator[str]:
    """Yield every disagreement between items, names, directory, grids and categories, as text.

    Scans all tables: for operators and tests, not for serving.
    """
    entities = {kind: dict(_iter_stored(kind)) for kind in _KINDS}
    names: dict[str, list[int]] = defaultdict(list)
    for kind, items in entities.items():
        collection = COLLECTIONS[kind]
        for identifier, (stored, body) in items.items():
            for name in unique_names(stored.entity):
                names[name].append(identifier)
            if stored.rendering == RENDER_VERSION and body != render_body(stored.entity):
                yield f"{collection} {identifier}: the body does not match the attributes"
        yield from _iter_listing_faults(collection, set(items))
    reserved = {item.name: [int(item.owner)] for item in iter_items(NameItem)}
    for name in sorted(names.keys() | reserved.keys()):
        if names.get(name) != reserved.get(name):
            owners = sorted(names.get(name, []))
            yield f"name {name}: reserved for {reserved.get(name)}, used by {owners}"
    yield from _iter_category_faults(entities[Category], entities[Package])
    yield from _iter_membership_faults(entities[Grid], entities[Package])


def rerender_bodies() -> int:
    """Render every body again that another version of the rendering made; return their number.

    Raises Contended.
    """
    count = 0
    for kind in _KINDS:
        for identifier, (stored, _) in _iter_stored(kind):
            if stored.rendering != RENDER_VERSION:
                count += _rerender_one(kind, identifier)
    return count


def _rerender_one(kind: type[Any], identifier: int) -> int:
    for _ in DEFAULT_BACKOFF.iter_attempts():
        try:
            before = changes.get(kind, identifier)
            if before.rendering == RENDER_VERSION:
                return 0
            transaction = Transaction()
            add_writes(transaction, before, before.entity)
            transaction.commit()
        except changes.DoesNotExist:
            return 0
        except VersionConflict:
            # Try again: a package's transaction changes its category's count without rendering.
            continue
        return 1
    raise Contended(f"{kind.__name__.lower()} {identifier} could not be rendered again")


def _iter_stored(kind: type[Any]) -> Iterator[tuple[int, tuple[Versioned[Any], str]]]:
    for item in iter_items(MODELS[kind]):
        yield int(item.id), (from_item(kind, item), item.body)


def _iter_listing_faults(collection: str, live: set[int]) -> Iterator[str]:
    listed: set[int] = set()
    for block, count, ids in iter_directory(collection):
        if len(ids) != count:
            yield f"directory of {collection}, block {block}: wrong count"
        listed.update(ids)
    for identifier in sorted(listed ^ live):
        state = "listed but missing" if identifier in listed else "not listed"
        yield f"{collection} {identifier}: {state}"


def _iter_category_faults(categories: dict[int, Any], packages: dict[int, Any]) -> Iterator[str]:
    counts = dict.fromkeys(categories, 0)
    for identifier, (stored, _) in packages.items():
        category = stored.entity.category_id
        if category not in counts:
            yield f"packages {identifier}: its category {category} does not exist"
            continue
        counts[category] += 1
    for identifier, (stored, _) in categories.items():
        count, actual = stored.package_count, counts[identifier]
        if count != actual:
            yield f"categories {identifier}: counts {count}, has {actual}"


def _iter_membership_faults(grids: dict[int, Any], packages: dict[int, Any]) -> Iterator[str]:
    rows = {
        int(row.id): (int(row.grid_id), int(row.package_id)) for row in iter_items(MembershipItem)
    }
    by_grid = {
        row: (identifier, package)
        for identifier, (stored, _) in grids.items()
        for row, package in stored.entity.members
    }
    by_package = {
        row: (grid, identifier)
        for identifier, (stored, _) in packages.items()
        for row, grid in stored.entity.memberships
    }
    for row in sorted(rows.keys() | by_grid.keys() | by_package.keys()):
        views = (rows.get(row), by_grid.get(row), by_package.get(row))
        if len(set(views)) != 1:
            yield f"membership {row}: row {views[0]}, grid says {views[1]}, package {views[2]}"
    for identifier, (stored, _) in grids.items():
        pairs = [pair for pair in stored.entity.members if pair[1] in packages]
        titles = [packages[package][0].entity.title for _, package in pairs]
        if titles != sorted(titles) or len(pairs) != len(stored.entity.members):
            yield f"grids {identifier}: its packages are not existing ones in the order of titles"
