"""The sources of figures: reading them by host and due time, and changing them on conditions."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from pynamodb.exceptions import DeleteError, PutError

from chalicelib.storage.backoff import DEFAULT
from chalicelib.storage.models import PackageItem
from chalicelib.storage.reads import BATCH, MAX_SLUG_BYTES, Throttled
from chalicelib.storage.refresh_models import HistoryItem, SourceItem, SourcesByDue
from chalicelib.storage.transaction import Transaction, WriteRefused, checked_size

_FAILED = "ConditionalCheckFailedException"
_BY_DUE: SourcesByDue = SourceItem.by_due


class Superseded(WriteRefused):
    """Another worker has written this source since it was read; its result stands."""


class Due(NamedTuple):
    """A source that is asked at ``due``; its turn came at ``since``, before it was put off."""

    package_id: int
    kind: str
    due: float
    since: float


def due(host: str, until: float, most: int) -> Iterator[Due]:
    """What is due at a host until then, longest due first."""
    for item in _BY_DUE.query(host, SourceItem.due <= until, limit=most):
        yield _due(item)


def _due(item: SourceItem) -> Due:
    due = float(item.due or 0)
    since = due if item.due_since is None else float(item.due_since)
    return Due(int(item.package_id), str(item.kind), due, since)


def soon(host: str, after: float, until: float, most: int) -> Iterator[Due]:
    """The same of what is due later than one instant, and until another."""
    found = _BY_DUE.query(host, SourceItem.due > after, limit=most)
    for item in takewhile(lambda item: item.due <= until, found):
        yield _due(item)


def read_many(kind: str, ids: Iterable[int]) -> dict[int, SourceItem]:
    """The sources of one kind of these packages, consistently; missing ones are left out."""
    wanted = sorted(set(ids))
    found = {}
    for start in range(0, len(wanted), BATCH):
        for raw in _batch_get(kind, wanted[start : start + BATCH]):
            item = SourceItem.from_raw_data(raw)
            found[int(item.package_id)] = item
    return found


def _batch_get(kind: str, ids: list[int]) -> Iterator[dict[str, Any]]:
    connection: Any = SourceItem._get_connection()
    keys: Any = [{"package_id": {"N": str(one)}, "kind": {"S": kind}} for one in ids]
    for _ in DEFAULT.tries():
        answer = connection.batch_get_item(keys, consistent_read=True)
        yield from answer["Responses"].get(connection.table_name, [])
        keys = answer.get("UnprocessedKeys", {}).get(connection.table_name, {}).get("Keys", [])
        if not keys:
            return
    raise Throttled(f"{len(keys)} keys of {connection.table_name} unprocessed")


def instant(row: SourceItem, name: str) -> float | None:
    """An instant of a source in seconds since the epoch, ``None`` if it has none."""
    value = getattr(row, name)
    return None if value is None else float(value)


def of_package(package_id: int) -> list[SourceItem]:
    """All sources of a package."""
    return list(SourceItem.query(package_id, consistent_read=True))


def every() -> Iterator[SourceItem]:
    """Every source; reads the table whole, consistently."""
    yield from SourceItem.scan(consistent_read=True)


def package_id_of(slug: str) -> int | None:
    """The id of the package that has this slug."""
    if not 0 < len(slug.encode(errors="replace")) <= MAX_SLUG_BYTES:
        return None
    found = PackageItem.by_slug.query(slug, limit=1, attributes_to_get=["id"])
    return next((int(item.id) for item in found), None)


def addresses() -> Iterator[tuple[int, str | None, str | None]]:
    """Id, repository URL and package index URL of every package; reads the table whole."""
    wanted = ["id", "repo_url", "pypi_url"]
    for item in PackageItem.scan(consistent_read=True, attributes_to_get=wanted):
        yield int(item.id), item.repo_url, item.pypi_url


def create(item: SourceItem) -> bool:
    """Put a source that must not exist; whether it was put."""
    try:
        item.save(condition=SourceItem.package_id.does_not_exist())
    except PutError as error:
        if error.cause_response_code != _FAILED:
            raise
        return False
    return True


def replace(item: SourceItem, version: int) -> None:
    """Put a source over the one that has ``version``; raises Superseded or ItemTooLarge."""
    item.version = version + 1
    checked_size(item)
    try:
        item.save(condition=SourceItem.version == version)
    except PutError as error:
        if error.cause_response_code != _FAILED:
            raise
        raise Superseded(f"{item.kind} of package {item.package_id}") from None


def delete(item: SourceItem) -> None:
    """Delete a source, unless it was changed since it was read."""
    try:
        item.delete(condition=SourceItem.version == int(item.version))
    except DeleteError as error:
        if error.cause_response_code != _FAILED:
            raise


def stage(transaction: Transaction, item: SourceItem, version: int, row: HistoryItem) -> None:
    """Add a source's change and its row of history to a transaction; both or neither."""
    refusal = Superseded(f"{item.kind} of package {item.package_id}")
    item.version = version + 1
    transaction.put_if(item, SourceItem.version == version, refusal)
    transaction.put_if(row, HistoryItem.package_id.does_not_exist(), refusal)
