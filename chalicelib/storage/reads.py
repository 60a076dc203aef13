"""Reads that the API's answers are made of; all eventually consistent unless said otherwise.

Requests: a body by id or by slug is one; a page of up to 100 is two (the directory, then the
bodies), whatever its offset.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pynamodb.models import Model

from chalicelib.storage import id_bitmap
from chalicelib.storage.backoff import DEFAULT, Backoff
from chalicelib.storage.models import (
    BODY_ATTRIBUTES,
    CategoryItem,
    DirectoryItem,
    GridItem,
    GridsBySlug,
    PackageItem,
    PackagesBySlug,
)

SERVED: dict[str, type[PackageItem] | type[GridItem] | type[CategoryItem]] = {
    "packages": PackageItem,
    "grids": GridItem,
    "categories": CategoryItem,
}
BY_SLUG: dict[str, PackagesBySlug | GridsBySlug] = {
    "packages": PackageItem.by_slug,
    "grids": GridItem.by_slug,
}
#: Ids and numbers above are not stored: the original's keys are 64-bit integers.
MAX_ID = 2**63 - 1
#: The most bytes of UTF-8 that DynamoDB takes as the partition key of an index.
MAX_SLUG_BYTES = 2048
#: The most bytes of a slug or repository URL: a name is stored with a prefix of at most 20.
MAX_NAME_BYTES = MAX_SLUG_BYTES - 20
BATCH = 100
PARALLEL = 8

_M = TypeVar("_M", bound=Model)


class Throttled(Exception):
    """DynamoDB left keys unprocessed through every retry."""


def body_by_id(collection: str, identifier: int) -> str | None:
    """The stored body of one item: one GetItem, or none at all for an id that cannot be."""
    if not 0 <= identifier <= MAX_ID:
        return None
    model = SERVED[collection]
    try:
        return model.get(identifier, attributes_to_get=BODY_ATTRIBUTES).body
    except model.DoesNotExist:
        return None


def body_by_slug(collection: str, slug: str) -> str | None:
    """The stored body of the item that has this slug: one Query of an index."""
    if not 0 < len(slug.encode(errors="replace")) <= MAX_SLUG_BYTES:
        return None
    query = BY_SLUG[collection].query(slug, limit=1, attributes_to_get=BODY_ATTRIBUTES)
    found: Any = next(iter(query), None)
    return None if found is None else str(found.body)


def ids_at(collection: str, offset: int, limit: int) -> tuple[int, list[int]]:
    """How many ids live, and those from ``offset`` on, at most ``limit``, highest id first.

    One Query reads the whole directory of the collection whatever the offset (one more for each
    further MB of it, which is millions of ids).
    """
    segments = list(DirectoryItem.query(collection, scan_index_forward=False))
    ids: list[int] = []
    skip = offset
    for segment in segments:
        if len(ids) >= limit:
            break
        count = int(segment.live)
        if skip < count:
            bits = id_bitmap.unpack(segment.ids)
            ids += id_bitmap.descending(int(segment.segment), bits, skip, limit - len(ids))
        skip = max(0, skip - count)
    return sum(int(segment.live) for segment in segments), ids


def bodies(collection: str, ids: Sequence[int], backoff: Backoff = DEFAULT) -> list[str | None]:
    """The bodies of ``ids`` in their order: one BatchGetItem for each 100, eight at a time.

    An id that the directory lists but an eventually consistent read does not find yet is asked
    for once more, consistently; ``None`` stands for one that was deleted meanwhile. Raises
    Throttled.
    """
    model = SERVED[collection]
    chunks = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    if len(chunks) > 1:
        with ThreadPoolExecutor(PARALLEL) as pool:
            parts = list(pool.map(lambda chunk: _bodies_of(model, chunk, False, backoff), chunks))
    else:
        parts = [_bodies_of(model, chunk, False, backoff) for chunk in chunks]
    found = {identifier: body for part in parts for identifier, body in part.items()}
    late = [identifier for identifier in ids if identifier not in found]
    for start in range(0, len(late), BATCH):
        found |= _bodies_of(model, late[start : start + BATCH], True, backoff)
    return [found.get(identifier) for identifier in ids]


def _bodies_of(
    model: type[Model], ids: Sequence[int], consistent: bool, backoff: Backoff
) -> dict[int, str]:
    raw = _batch_get(model, ids, consistent, ["id", *BODY_ATTRIBUTES], backoff)
    return {int(item["id"]["N"]): item["body"]["S"] for item in raw}


def items(
    model: type[_M], ids: Iterable[int], attributes: list[str] | None = None
) -> dict[int, _M]:
    """Whole items (or some attributes of them) by id, consistently; missing ones are left out."""
    wanted = sorted(set(ids))
    found = {}
    for start in range(0, len(wanted), BATCH):
        for raw in _batch_get(model, wanted[start : start + BATCH], True, attributes):
            found[int(raw["id"]["N"])] = model.from_raw_data(raw)
    return found


def _batch_get(
    model: type[Model],
    ids: Sequence[int],
    consistent: bool,
    attributes: list[str] | None,
    backoff: Backoff = DEFAULT,
) -> list[dict[str, Any]]:
    """One BatchGetItem, and what it left unprocessed again; raises Throttled when that lasts.

    PynamoDB's own ``batch_get`` asks again without pause or end, hence this.
    """
    connection: Any = model._get_connection()
    keys: Any = [{"id": {"N": str(identifier)}} for identifier in ids]
    found: list[dict[str, Any]] = []
    if not keys:
        return found
    for _ in backoff.tries():
        answer = connection.batch_get_item(
            keys, consistent_read=consistent, attributes_to_get=attributes
        )
        found += answer["Responses"].get(connection.table_name, [])
        keys = answer.get("UnprocessedKeys", {}).get(connection.table_name, {}).get("Keys", [])
        if not keys:
            return found
    raise Throttled(f"{len(keys)} of {len(ids)} keys of {connection.table_name} unprocessed")
