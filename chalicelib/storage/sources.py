"""Sources of figures: reads by host and due time, and conditional writes."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

from chalicelib.storage.errors import Superseded
from chalicelib.storage.models import PackageItem
from chalicelib.storage.reads import MAX_SLUG_BYTES, Key, get_raw_items, iter_items
from chalicelib.storage.refresh_models import HistoryItem, SourceItem, SourcesByDue
from chalicelib.storage.transaction import Transaction, check_size
from chalicelib.storage.writes import try_write

_BY_DUE: SourcesByDue = SourceItem.by_due


class DueSource(NamedTuple):
    """A source that is due at ``due``; ``since`` is its due time before it was postponed."""

    package_id: int
    kind: str
    due: float
    since: float


def iter_due(host: str, until: float, limit: int) -> Iterator[DueSource]:
    """Yield the sources of a host that are due by ``until``, longest due first."""
    for item in _BY_DUE.query(host, SourceItem.due <= until, limit=limit):
        yield _build_due_source(item)


def iter_due_later(host: str, after: float, until: float, limit: int) -> Iterator[DueSource]:
    """Yield the sources of a host that are due later than ``after`` and by ``until``."""
    items = _BY_DUE.query(host, SourceItem.due > after, limit=limit)
    for item in takewhile(lambda item: item.due <= until, items):
        yield _build_due_source(item)


def _build_due_source(item: SourceItem) -> DueSource:
    due = float(item.due or 0)
    since = due if item.due_since is None else float(item.due_since)
    return DueSource(int(item.package_id), str(item.kind), due, since)


def get_sources(kind: str, ids: Iterable[int]) -> dict[int, SourceItem]:
    """Read the sources of one kind of these packages; those that do not exist are left out."""
    keys: list[Key] = [
        {"package_id": {"N": str(identifier)}, "kind": {"S": kind}}
        for identifier in sorted(set(ids))
    ]
    items = map(SourceItem.from_raw_data, get_raw_items(SourceItem, keys))
    return {int(item.package_id): item for item in items}


def get_package_sources(package_id: int) -> list[SourceItem]:
    """Read all sources of a package, consistently."""
    return list(SourceItem.query(package_id, consistent_read=True))


def iter_sources() -> Iterator[SourceItem]:
    """Yield every source; reads the whole table, consistently."""
    yield from iter_items(SourceItem)


def get_timestamp(item: SourceItem, name: str) -> float | None:
    """Return an attribute in seconds since the epoch; ``None`` if it is absent."""
    value = getattr(item, name)
    return None if value is None else float(value)


def copy_source(item: SourceItem) -> SourceItem:
    """Return a copy of an item, so that a change of it that fails leaves the original alone."""
    return SourceItem(**{name: getattr(item, name) for name in item.get_attributes()})


def find_package_id(slug: str) -> int | None:
    """Return the id of the package with this slug; ``None`` if there is none."""
    if not 0 < len(slug.encode(errors="replace")) <= MAX_SLUG_BYTES:
        return None
    items = PackageItem.by_slug.query(slug, limit=1, attributes_to_get=["id"])
    return next((int(item.id) for item in items), None)


def iter_package_urls() -> Iterator[tuple[int, str | None, str | None]]:
    """Yield id, repository URL and package index URL of every package; reads the whole table."""
    for item in iter_items(PackageItem, attributes=["id", "repo_url", "pypi_url"]):
        yield int(item.id), item.repo_url, item.pypi_url


def create_source(item: SourceItem) -> bool:
    """Put a source unless it exists; return whether it was put."""
    return try_write(item.save, condition=SourceItem.package_id.does_not_exist())


def replace_source(item: SourceItem, version: int) -> None:
    """Put a source over the one that has ``version``; raises Superseded or ItemTooLarge."""
    item.version = version + 1
    check_size(item)
    if not try_write(item.save, condition=SourceItem.version == version):
        raise _build_superseded(item)


def delete_source(item: SourceItem) -> None:
    """Delete a source, unless it was changed since it was read."""
    try_write(item.delete, condition=SourceItem.version == int(item.version))


def add_source_writes(
    transaction: Transaction, item: SourceItem, version: int, history: HistoryItem
) -> None:
    """Add a source's change and its history to a transaction."""
    error = _build_superseded(item)
    item.version = version + 1
    transaction.put_on_condition(item, SourceItem.version == version, error)
    transaction.put_on_condition(history, HistoryItem.package_id.does_not_exist(), error)


def _build_superseded(item: SourceItem) -> Superseded:
    return Superseded(f"{item.kind} of package {item.package_id}")
