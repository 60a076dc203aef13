"""What was sent to be worked on, in one row for each host, so that it is not sent again."""

import json
import logging
import zlib
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from pynamodb.exceptions import PutError

from chalicelib.storage.refresh_models import HostItem

_log = logging.getLogger(__name__)
_FAILED = "ConditionalCheckFailedException"


class Lease(NamedTuple):
    """A source was sent when it was ``due``, and is under way until ``until`` at the latest.

    As soon as its row has another ``due`` its batch was worked on, and the lease is over.
    """

    due: float
    until: float


#: By package: a host has sources of one kind only.
Leases = dict[int, Lease]


def read(host: str) -> tuple[Leases, int | None]:
    """A host's leases and their version; none and ``None`` if nothing is stored yet."""
    try:
        item = HostItem.get(_name(host), consistent_read=True)
    except HostItem.DoesNotExist:
        return {}, None
    try:
        return unpacked(item.leases), int(item.version)
    except (TypeError, ValueError, zlib.error):
        # Of another release, or spoilt: what is under way is sent once more, and no plan stops.
        _log.exception("the leases of %s cannot be read", host)
        return {}, int(item.version)


def replace(host: str, version: int | None, leases: Mapping[int, Lease]) -> bool:
    """Store leases if they are as they were read; whether they were stored."""
    free = HostItem.name.does_not_exist()
    condition = free if version is None else HostItem.version == version
    item = HostItem(_name(host), version=(version or 0) + 1, leases=packed(leases))
    try:
        item.save(condition=condition)
    except PutError as error:
        if error.cause_response_code == _FAILED:
            return False
        raise
    return True


def _name(host: str) -> str:
    return f"{host}#leases"


def packed(leases: Mapping[int, Lease]) -> bytes:
    """Deflated JSON: ``[[until, [due, ...], [package id, ...]], ...]``.

    About 12 bytes a source, since its numbers hardly differ from those of its neighbours.
    """
    groups: dict[float, list[tuple[float, int]]] = defaultdict(list)
    for identifier, lease in leases.items():
        groups[lease.until].append((lease.due, identifier))
    content = [
        [until, [due for due, _ in sent], [identifier for _, identifier in sent]]
        for until, sent in sorted((until, sorted(sent)) for until, sent in groups.items())
    ]
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), level=9)


def unpacked(content: bytes) -> Leases:
    """What ``packed`` gave."""
    return {
        identifier: Lease(due, until)
        for until, dues, ids in json.loads(zlib.decompress(content))
        for due, identifier in zip(dues, ids, strict=True)
    }
