"""Entities and their items in DynamoDB: the mapping between them, and consistent reads."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args

from chalicelib.catalog.entities import Category, Entity, Grid, Package
from chalicelib.catalog.json_body import RENDER_VERSION, render_body
from chalicelib.storage import reads
from chalicelib.storage.backoff import DEFAULT_BACKOFF, Backoff
from chalicelib.storage.errors import Contended, VersionConflict, WriteRefused
from chalicelib.storage.models import CategoryItem, GridItem, PackageItem, ServedItem

E = TypeVar("E", bound=Entity)
_R = TypeVar("_R")

COLLECTIONS: dict[type, str] = {Package: "packages", Grid: "grids", Category: "categories"}
MODELS: dict[type, type[PackageItem] | type[GridItem] | type[CategoryItem]] = {
    Package: PackageItem,
    Grid: GridItem,
    Category: CategoryItem,
}
#: The fields of each entity, which are also the names of the item's attributes, with the values
#: that stand for attributes that an item lacks: a field's default, or ``None`` where it allows
#: ``None`` or has no default. Only a damaged item lacks the latter; ``check`` names it.
_FIELDS: dict[type, dict[str, Any]] = {
    kind: {
        field.name: (
            None
            if field.default is dataclasses.MISSING or type(None) in get_args(field.type)
            else field.default
        )
        for field in dataclasses.fields(kind)
    }
    for kind in COLLECTIONS
}


class DoesNotExist(WriteRefused):
    """The item to change or delete does not exist."""


class AlreadyExists(WriteRefused):
    """An item of that id exists."""


@dataclass(frozen=True, slots=True)
class Versioned(Generic[E]):
    """An entity as it was read, with the version that a change of it is conditional on."""

    entity: E
    version: int
    fingerprint: str | None
    rendering: int
    #: The number of packages that a category's item counts; 0 for other entities.
    package_count: int = 0


def to_item(entity: Entity, version: int, fingerprint: str | None) -> ServedItem:
    """Build the item of an entity, with its rendered body."""
    values = {name: getattr(entity, name) for name in _FIELDS[type(entity)]}
    return MODELS[type(entity)](
        **values,
        version=version,
        body=render_body(entity),
        rendering=RENDER_VERSION,
        fingerprint=fingerprint,
    )


def from_item(kind: type[E], item: ServedItem) -> Versioned[E]:
    """Build the entity of an item that was read with all its attributes.

    An item that was written before a field existed has no attribute for it. The field's default
    stands for it then, or ``None`` if the field may be ``None``.
    """
    values = {
        name: absent_value if (value := getattr(item, name)) is None else _freeze(value)
        for name, absent_value in _FIELDS[kind].items()
    }
    package_count = int(item.packages) if isinstance(item, CategoryItem) else 0
    return Versioned(
        kind(**values), int(item.version), item.fingerprint, int(item.rendering), package_count
    )


def _freeze(value: Any) -> Any:
    """Return a value with tuples in place of the lists that JSON has."""
    return tuple(map(_freeze, value)) if isinstance(value, list) else value


def get(kind: type[E], identifier: int) -> Versioned[E]:
    """Read one entity consistently; raises DoesNotExist."""
    item = reads.get_item(MODELS[kind], identifier)
    if item is None:
        raise DoesNotExist(f"{kind.__name__.lower()} {identifier} does not exist")
    return from_item(kind, item)


def get_many(kind: type[E], identifiers: Iterable[int]) -> dict[int, Versioned[E]]:
    """Read entities consistently, by id; those that do not exist are left out."""
    items = reads.get_items(MODELS[kind], identifiers)
    return {identifier: from_item(kind, item) for identifier, item in items.items()}


def iter_all(kind: type[E]) -> Iterator[E]:
    """Yield every entity of a kind, in no order. Scans the whole table, consistently."""
    for item in reads.iter_items(MODELS[kind]):
        yield from_item(kind, item).entity


def retry_on_conflict(attempt: Callable[[], _R], backoff: Backoff = DEFAULT_BACKOFF) -> _R:
    """Call ``attempt`` again while it raises VersionConflict, and return its value.

    Raises Contended when the conflicts outlast every retry.
    """
    for _ in backoff.iter_attempts():
        try:
            return attempt()
        except VersionConflict as conflict:
            last = conflict
    raise Contended(str(last))
