"""State that workers share about each host: meters, slots and leases."""

import json
import logging
import math
import zlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action

from chalicelib.storage.reads import get_item, get_raw_items, iter_items
from chalicelib.storage.refresh_models import HostItem
from chalicelib.storage.writes import try_write

_log = logging.getLogger(__name__)
Meters = dict[str, dict[str, Any]]


class Lease(NamedTuple):
    """A source that was sent when it was ``due``, and is under way until ``until`` at the latest.

    As soon as its item has another ``due``, its batch was worked on and the lease is over.
    """

    due: float
    until: float


#: By package: a host has sources of one kind only.
Leases = dict[int, Lease]


def get_meters(name: str) -> tuple[Meters, int | None]:
    """Return a host's meters and their version; none and ``None`` if nothing is stored yet."""
    item = get_item(HostItem, name)
    return ({}, None) if item is None else (item.meters or {}, int(item.version))


def replace_meters(name: str, version: int | None, meters: Meters) -> int | None:
    """Store meters if their version is still ``version``; return the new one, or ``None``."""
    next_version = (version or 0) + 1
    item = HostItem(name, version=next_version, meters=meters)
    return next_version if _replace(item, version) else None


def get_all_meters() -> dict[str, Meters]:
    """Return the meters of every host that was ever asked."""
    items = iter_items(HostItem, consistent=False)
    return {item.name: item.meters or {} for item in items if "#" not in str(item.name)}


def acquire_slot(name: str, slots: int, holder: str, now: float, until: float) -> str | None:
    """Take one of a host's slots for ``holder``; return it, or ``None`` if all are held.

    The slot of a holder that died is held until ``until``. A holder that comes back under the
    same name gets its slot again.
    """
    for number in range(slots):
        slot = f"{name}#{number}"
        is_free = (
            HostItem.name.does_not_exist()
            | HostItem.holder.does_not_exist()
            | (HostItem.until <= now)
            | (HostItem.holder == holder)
        )
        actions: list[Action] = [
            HostItem.holder.set(holder),
            HostItem.until.set(_round_up(until)),
        ]
        if try_write(HostItem(slot).update, actions=actions, condition=is_free):
            return slot
    return None


def get_first_slot_end(name: str, slots: int) -> float | None:
    """Return when the first held slot of a host ends at the latest; ``None`` if none is held."""
    keys = [{"name": {"S": f"{name}#{number}"}} for number in range(slots)]
    items = map(HostItem.from_raw_data, get_raw_items(HostItem, keys, consistent=False))
    return min((float(item.until) for item in items if item.until is not None), default=None)


def renew_slot(slot: str, holder: str, until: float) -> None:
    """Keep a slot until then, unless another holder has it by now."""
    actions: list[Action] = [HostItem.until.set(_round_up(until))]
    try_write(HostItem(slot).update, actions=actions, condition=HostItem.holder == holder)


def release_slot(slot: str, holder: str) -> None:
    """Give a slot back, unless another holder has it by now."""
    try_write(HostItem(slot).delete, condition=HostItem.holder == holder)


def _round_up(until: float) -> int:
    """Return whole seconds, as DynamoDB's TTL takes them: a slot is never deleted too early."""
    return math.ceil(until)


def get_leases(host: str) -> tuple[Leases, int | None]:
    """Return a host's leases and their version; none and ``None`` if nothing is stored yet."""
    item = get_item(HostItem, _get_leases_name(host))
    if item is None:
        return {}, None
    try:
        return unpack_leases(item.leases), int(item.version)
    except (TypeError, ValueError, zlib.error):
        # From another release, or damaged: sources under way are sent again, and planning goes on.
        _log.exception("the leases of %s cannot be read", host)
        return {}, int(item.version)


def replace_leases(host: str, version: int | None, leases: Mapping[int, Lease]) -> bool:
    """Store leases if their version is still ``version``; return whether they were stored."""
    next_version = (version or 0) + 1
    item = HostItem(_get_leases_name(host), version=next_version, leases=pack_leases(leases))
    return _replace(item, version)


def pack_leases(leases: Mapping[int, Lease]) -> bytes:
    """Return leases as deflated JSON: ``[[until, [due, ...], [package id, ...]], ...]``.

    About 12 bytes a source, since its numbers hardly differ from those of its neighbours.
    """
    groups: dict[float, list[tuple[float, int]]] = defaultdict(list)
    for identifier, lease in leases.items():
        groups[lease.until].append((lease.due, identifier))
    content = [
        [until, [due for due, _ in pairs], [identifier for _, identifier in pairs]]
        for until, pairs in sorted((until, sorted(pairs)) for until, pairs in groups.items())
    ]
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), level=9)


def unpack_leases(content: bytes) -> Leases:
    """Return the leases of a stored form; the inverse of ``pack_leases``."""
    return {
        identifier: Lease(due, until)
        for until, dues, ids in json.loads(zlib.decompress(content))
        for due, identifier in zip(dues, ids, strict=True)
    }


def _get_leases_name(host: str) -> str:
    return f"{host}#leases"


def _replace(item: HostItem, version: int | None) -> bool:
    is_new = HostItem.name.does_not_exist()
    condition = is_new if version is None else HostItem.version == version
    return try_write(item.save, condition=condition)
