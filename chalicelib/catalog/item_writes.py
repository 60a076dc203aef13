"""Entities to items and back, and what else an entity needs stored: names and a listing."""

import dataclasses
import secrets
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chalicelib.catalog import validation
from chalicelib.catalog.entities import Category, Entity, Grid, Package
from chalicelib.catalog.json_body import RENDER_VERSION, render_body
from chalicelib.storage.models import CategoryItem, GridItem, PackageItem, ServedItem
from chalicelib.storage.transaction import Transaction

E = TypeVar("E", bound=Entity)

COLLECTIONS: dict[type, str] = {Package: "packages", Grid: "grids", Category: "categories"}
MODELS: dict[type, type[PackageItem] | type[GridItem] | type[CategoryItem]] = {
    Package: PackageItem,
    Grid: GridItem,
    Category: CategoryItem,
}
_PAIRS = {"memberships", "members"}
_TUPLES = {
    "commits_over_52w",
    "pypi_licenses",
    "pypi_classifiers",
    "pypi_frameworks",
    "pypi_advisories",
}
#: An item's first version is drawn: one that was deleted and created anew must never look like
#: the one that another writer has read and is about to change.
_VERSION_BITS = 40
_FIELDS = {kind: tuple(field.name for field in dataclasses.fields(kind)) for kind in COLLECTIONS}


@dataclass(frozen=True, slots=True)
class Versioned(Generic[E]):
    """An entity as it was read: with the version a change of it is conditional on."""

    entity: E
    version: int
    fingerprint: str | None
    rendering: int
    #: How many packages a category counts; 0 for anything else.
    counted: int = 0


def to_item(entity: Entity, version: int, fingerprint: str | None) -> ServedItem:
    """The item of an entity, its body rendered."""
    values = {name: getattr(entity, name) for name in _FIELDS[type(entity)]}
    return MODELS[type(entity)](
        **values,
        version=version,
        body=render_body(entity),
        rendering=RENDER_VERSION,
        fingerprint=fingerprint,
    )


def from_item(kind: type[E], item: ServedItem) -> Versioned[E]:
    """The entity of an item that was read whole."""
    values: dict[str, Any] = {}
    for name in _FIELDS[kind]:
        value = getattr(item, name)
        if name in _PAIRS:
            value = tuple((first, second) for first, second in value)
        elif name in _TUPLES and value is not None:
            value = tuple(value)
        values[name] = value
    counted = int(item.packages) if isinstance(item, CategoryItem) else 0
    return Versioned(
        kind(**values), int(item.version), item.fingerprint, int(item.rendering), counted
    )


def unique_names(entity: Entity) -> set[str]:
    """The names that no other item may have: its slug, and a package's repository URL."""
    collection = COLLECTIONS[type(entity)]
    names = {f"{collection}/slug/{entity.slug}"}
    if isinstance(entity, Package) and entity.repo_url:
        names.add(f"{collection}/repo_url/{entity.repo_url}")
    return names


def add_writes(
    transaction: Transaction,
    before: Versioned[E] | None,
    after: E | None,
    fingerprint: str | None = None,
) -> None:
    """Add to ``transaction`` all that a creation, change or deletion of one entity means.

    ``before`` is what was read (``None``: it must not exist), ``after`` what shall be (``None``:
    it goes). This is the only place that knows which writes belong together. Raises Invalid.
    """
    if after is not None:
        validation.validate(after)
    subject = after if after is not None else before.entity if before is not None else None
    assert subject is not None, "neither before nor after"
    if after is None:
        assert before is not None
        _stage_deletion(transaction, before)
    elif before is None:
        transaction.create(to_item(after, secrets.randbits(_VERSION_BITS), fingerprint))
    else:
        item = to_item(after, before.version + 1, fingerprint or before.fingerprint)
        condition = None
        if isinstance(item, CategoryItem):
            # The count belongs to the packages' transactions; keep it as it was read.
            item.packages = before.counted
            condition = CategoryItem.packages == before.counted
        transaction.replace(item, before.version, condition)
    old_names = unique_names(before.entity) if before else set()
    new_names = unique_names(after) if after is not None else set()
    for name in old_names - new_names:
        transaction.release(name, subject.id)
    for name in new_names - old_names:
        transaction.claim(name, subject.id)
    if (before is None) != (after is None):
        transaction.enlist(COLLECTIONS[type(subject)], subject.id, listed=after is not None)
    _stage_category_counts(transaction, before.entity if before else None, after)


def _stage_deletion(transaction: Transaction, before: Versioned[E]) -> None:
    item = to_item(before.entity, before.version, before.fingerprint)
    empty = CategoryItem.packages == 0 if isinstance(item, CategoryItem) else None
    transaction.delete(item, empty)


def _stage_category_counts(
    transaction: Transaction, before: Entity | None, after: Entity | None
) -> None:
    old = before.category_id if isinstance(before, Package) else None
    new = after.category_id if isinstance(after, Package) else None
    if old == new:
        return
    if old is not None:
        transaction.count_in_category(old, -1)
    if new is not None:
        transaction.count_in_category(new, +1)
