"""The queries of the API: bodies by id, slug or position."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.catalog.json_body import LINK_START
from chalicelib.storage import reads


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a collection: its bodies, and the number of items in the whole collection.

    ``truncated`` means that the response would have been too large: then ``bodies`` are those of
    the first ``consumed`` positions only.
    """

    count: int
    bodies: list[str]
    consumed: int
    truncated: bool = False


get_body_by_id = reads.get_body_by_id
get_body_by_slug = reads.get_body_by_slug


def get_bodies(collection: str, ids: Sequence[int]) -> list[str]:
    """Return the bodies of ``ids`` in their order, without those that were deleted."""
    return [body for body in reads.get_bodies(collection, ids) if body is not None]


#: Bodies read at once. A larger page is read in steps, until it is too large to return.
_STEP_SIZE = reads.BATCH_SIZE * reads.MAX_THREADS


def get_page(collection: str, offset: int, limit: int, max_bytes: int) -> Page:
    """Return the bodies from ``offset`` on, highest id first, as far as they fit ``max_bytes``.

    Bytes are counted as AWS Lambda returns them: the body is escaped once more, as an ASCII JSON
    string. At least one body is returned if there is one.
    """
    count, ids = reads.get_ids(collection, offset, limit)
    bodies: list[str] = []
    size = 0
    for start in range(0, len(ids), _STEP_SIZE):
        step = reads.get_bodies(collection, ids[start : start + _STEP_SIZE])
        for position, body in enumerate(step, start):
            if body is None:
                continue
            # Links grow when they are resolved: leave space for a long host name.
            size += len(json.dumps(body)) + 64 * body.count(LINK_START)
            if size > max_bytes and bodies:
                return Page(count, bodies, position, truncated=True)
            bodies.append(body)
    return Page(count, bodies, len(ids))
