"""What the API reads: bodies by id, slug or position."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.catalog.json_body import LINK_START
from chalicelib.storage import reads


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a collection: ``count`` items live in all, ``bodies`` are those asked for.

    ``cut`` says that the answer would have grown larger than can be returned, and that only
    the first ``read`` positions of those asked for were read.
    """

    count: int
    bodies: list[str]
    consumed: int
    truncated: bool = False


get_body_by_id = reads.get_body_by_id
get_body_by_slug = reads.get_body_by_slug


def get_bodies(collection: str, ids: Sequence[int]) -> list[str]:
    """The bodies of ``ids`` in their order; those that are gone are left out."""
    return [body for body in reads.get_bodies(collection, ids) if body is not None]


#: A page of up to so many is read whole; larger ones in steps, until they are too large.
_STEP = reads.BATCH_SIZE * reads.MAX_THREADS


def get_page(collection: str, offset: int, limit: int, max_bytes: int) -> Page:
    """The bodies from ``offset`` on, highest id first, while they fit ``max_bytes``.

    Bytes are counted as AWS Lambda returns them: the body once more escaped as an ASCII JSON
    string. At least one body is returned if there is one.
    """
    count, ids = reads.get_ids(collection, offset, limit)
    bodies: list[str] = []
    size = 0
    for start in range(0, len(ids), _STEP):
        step = reads.get_bodies(collection, ids[start : start + _STEP])
        for position, body in enumerate(step, start):
            if body is None:
                continue
            # Links grow when they are resolved: leave room for a long host.
            size += len(json.dumps(body)) + 64 * body.count(LINK_START)
            if size > max_bytes and bodies:
                return Page(count, bodies, position, truncated=True)
            bodies.append(body)
    return Page(count, bodies, len(ids))
