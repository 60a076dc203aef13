"""Reads of items. Those for the API are eventually consistent, the others consistent.

Requests of the API: a body by id or by slug takes one; a page of up to 100 takes two (the
directory, then the bodies), whatever its offset.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pynamodb.models import Model

from chalicelib.storage import id_bitmap
from chalicelib.storage.backoff import DEFAULT_BACKOFF, Backoff
from chalicelib.storage.errors import Throttled
from chalicelib.storage.models import (
    BODY_ATTRIBUTES,
    CategoryItem,
    DirectoryItem,
    GridItem,
    GridsBySlug,
    PackageItem,
    PackagesBySlug,
)

SERVED_MODELS: dict[str, type[PackageItem] | type[GridItem] | type[CategoryItem]] = {
    "packages": PackageItem,
    "grids": GridItem,
    "categories": CategoryItem,
}
SLUG_INDEXES: dict[str, PackagesBySlug | GridsBySlug] = {
    "packages": PackageItem.by_slug,
    "grids": GridItem.by_slug,
}
#: No item has an id above this: the original's keys are 64-bit integers.
MAX_ID = 2**63 - 1
#: The most bytes of UTF-8 that DynamoDB takes as the partition key of an index.
MAX_SLUG_BYTES = 2048
#: The most bytes of a slug or repository URL: a name is stored with a prefix of at most 20.
MAX_NAME_BYTES = MAX_SLUG_BYTES - 20
#: The most keys of one BatchGetItem.
BATCH_SIZE = 100
MAX_THREADS = 8

_M = TypeVar("_M", bound=Model)
#: A key in DynamoDB's wire form, such as ``{"id": {"N": "7"}}``.
Key = dict[str, dict[str, str]]


def get_item(
    model: type[_M],
    key: int | str,
    range_key: int | str | None = None,
    *,
    attributes: Sequence[str] | None = None,
    consistent: bool = True,
) -> _M | None:
    """Return an item (or some of its attributes) by its key; ``None`` if it does not exist."""
    try:
        return model.get(key, range_key, consistent, attributes)
    except model.DoesNotExist:
        return None


def iter_items(
    model: type[_M], *, attributes: Sequence[str] | None = None, consistent: bool = True
) -> Iterator[_M]:
    """Yield every item of a table, in no order. Reads the whole table."""
    yield from model.scan(consistent_read=consistent, attributes_to_get=attributes)


def get_items(
    model: type[_M], ids: Iterable[int], attributes: Sequence[str] | None = None
) -> dict[int, _M]:
    """Return items (or some of their attributes) by id; those that do not exist are left out."""
    raw_items = get_raw_items(model, _build_keys(sorted(set(ids))), attributes=attributes)
    return {int(raw["id"]["N"]): model.from_raw_data(raw) for raw in raw_items}


def get_raw_items(
    model: type[Model],
    keys: Sequence[Key],
    *,
    attributes: Sequence[str] | None = None,
    consistent: bool = True,
    backoff: Backoff = DEFAULT_BACKOFF,
) -> Iterator[dict[str, Any]]:
    """Yield the items that exist of ``keys``, in no order: one BatchGetItem for each 100 keys.

    Keys that DynamoDB leaves unprocessed are asked for again; raises Throttled when that lasts.
    PynamoDB's own ``batch_get`` asks again without pause or end.
    """
    connection: Any = model._get_connection()
    table = connection.table_name
    for start in range(0, len(keys), BATCH_SIZE):
        batch = remaining = keys[start : start + BATCH_SIZE]
        for _ in backoff.iter_attempts():
            response = connection.batch_get_item(
                remaining, consistent_read=consistent, attributes_to_get=attributes
            )
            yield from response["Responses"].get(table, [])
            remaining = response.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not remaining:
                break
        else:
            raise Throttled(f"{len(remaining)} of {len(batch)} keys of {table} unprocessed")


def get_body_by_id(collection: str, identifier: int) -> str | None:
    """Return the stored body of one item: one GetItem, or none for an impossible id."""
    if not 0 <= identifier <= MAX_ID:
        return None
    model = SERVED_MODELS[collection]
    item = get_item(model, identifier, attributes=BODY_ATTRIBUTES, consistent=False)
    return None if item is None else item.body


def get_body_by_slug(collection: str, slug: str) -> str | None:
    """Return the stored body of the item with this slug: one Query of an index."""
    if not 0 < len(slug.encode(errors="replace")) <= MAX_SLUG_BYTES:
        return None
    query = SLUG_INDEXES[collection].query(slug, limit=1, attributes_to_get=BODY_ATTRIBUTES)
    item: Any = next(iter(query), None)
    return None if item is None else str(item.body)


def get_ids(collection: str, offset: int, limit: int) -> tuple[int, list[int]]:
    """Return the number of live ids and at most ``limit`` of them from ``offset`` on.

    The highest id comes first. One Query reads the whole directory of the collection whatever
    the offset (one more for each further MB of it, which is millions of ids).
    """
    blocks = list(DirectoryItem.query(collection, scan_index_forward=False))
    ids: list[int] = []
    skip = offset
    for block in blocks:
        if len(ids) >= limit:
            break
        count = int(block.live)
        if skip < count:
            bits = id_bitmap.unpack(block.ids)
            ids += id_bitmap.list_descending(int(block.block), bits, skip, limit - len(ids))
        skip = max(0, skip - count)
    return sum(int(block.live) for block in blocks), ids


def iter_directory(collection: str) -> Iterator[tuple[int, int, list[int]]]:
    """Yield each block of a collection's directory: its number, its count and its ids."""
    for item in DirectoryItem.query(collection, consistent_read=True):
        block, bits = int(item.block), id_bitmap.unpack(item.ids)
        ids = id_bitmap.list_descending(block, bits, 0, id_bitmap.BLOCK_SIZE)
        yield block, int(item.live), ids


def get_bodies(
    collection: str, ids: Sequence[int], backoff: Backoff = DEFAULT_BACKOFF
) -> list[str | None]:
    """Return the bodies of ids, in order: one BatchGetItem for each 100, eight at a time.

    An id that the directory lists but an eventually consistent read does not find yet is asked
    for once more, consistently; ``None`` stands for one that was deleted meanwhile. Raises
    Throttled.
    """
    model = SERVED_MODELS[collection]

    def get_batch(batch: Sequence[int]) -> dict[int, str]:
        return _get_bodies(model, batch, False, backoff)

    batches = [ids[start : start + BATCH_SIZE] for start in range(0, len(ids), BATCH_SIZE)]
    if len(batches) > 1:
        with ThreadPoolExecutor(MAX_THREADS) as pool:
            results = list(pool.map(get_batch, batches))
    else:
        results = [get_batch(batch) for batch in batches]
    bodies = {identifier: body for result in results for identifier, body in result.items()}
    late = [identifier for identifier in ids if identifier not in bodies]
    bodies |= _get_bodies(model, late, True, backoff)
    return [bodies.get(identifier) for identifier in ids]


def _get_bodies(
    model: type[Model], ids: Sequence[int], consistent: bool, backoff: Backoff
) -> dict[int, str]:
    raw_items = get_raw_items(
        model,
        _build_keys(ids),
        attributes=["id", *BODY_ATTRIBUTES],
        consistent=consistent,
        backoff=backoff,
    )
    return {int(raw["id"]["N"]): raw["body"]["S"] for raw in raw_items}


def _build_keys(ids: Iterable[int]) -> list[Key]:
    return [{"id": {"N": str(identifier)}} for identifier in ids]
