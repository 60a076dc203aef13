"""What workers share about the hosts they ask: budgets, and how many work at once."""

import math
from typing import Any

from pynamodb.exceptions import DeleteError, PutError, UpdateError

from chalicelib.storage.refresh_models import HostItem

_FAILED = "ConditionalCheckFailedException"
Meters = dict[str, dict[str, Any]]


def meters_of(name: str) -> tuple[Meters, int | None]:
    """A host's meters and their version; none and ``None`` if nothing is stored yet."""
    try:
        item = HostItem.get(name, consistent_read=True)
    except HostItem.DoesNotExist:
        return {}, None
    return item.meters or {}, int(item.version)


def replace_meters(name: str, version: int | None, meters: Meters) -> int | None:
    """Store meters if they are as they were read; the new version, or ``None``."""
    free = HostItem.name.does_not_exist()
    condition = free if version is None else HostItem.version == version
    after = (version or 0) + 1
    try:
        HostItem(name, version=after, meters=meters).save(condition=condition)
    except PutError as error:
        if error.cause_response_code == _FAILED:
            return None
        raise
    return after


def all_meters() -> dict[str, Meters]:
    """The meters of every host that was ever asked."""
    return {item.name: item.meters or {} for item in HostItem.scan() if "#" not in str(item.name)}


def acquire_slot(name: str, slots: int, holder: str, now: float, until: float) -> str | None:
    """Take one of a host's slots for ``holder``; the slot, or ``None`` if all are held.

    A holder that died keeps its slot until ``until``; who comes back under the same name gets
    it again.
    """
    for number in range(slots):
        slot = f"{name}#{number}"
        free = (
            HostItem.name.does_not_exist()
            | HostItem.holder.does_not_exist()
            | (HostItem.until <= now)
            | (HostItem.holder == holder)
        )
        try:
            HostItem(slot).update(
                actions=[HostItem.holder.set(holder), HostItem.until.set(_whole(until))],
                condition=free,
            )
        except UpdateError as error:
            if error.cause_response_code != _FAILED:
                raise
            continue
        return slot
    return None


def first_free(name: str, slots: int) -> float | None:
    """When the first of a host's held slots is free at the latest; ``None`` if none is held."""
    names = [f"{name}#{number}" for number in range(slots)]
    ends = [float(item.until) for item in HostItem.batch_get(names) if item.until is not None]
    return min(ends, default=None)


def renew_slot(slot: str, holder: str, until: float) -> None:
    """Keep a slot until then, unless somebody else has it by now."""
    try:
        HostItem(slot).update(
            actions=[HostItem.until.set(_whole(until))], condition=HostItem.holder == holder
        )
    except UpdateError as error:
        if error.cause_response_code != _FAILED:
            raise


def release_slot(slot: str, holder: str) -> None:
    """Give a slot back, unless somebody else has it by now."""
    try:
        HostItem(slot).delete(condition=HostItem.holder == holder)
    except DeleteError as error:
        if error.cause_response_code != _FAILED:
            raise


def _whole(until: float) -> int:
    """As DynamoDB's TTL takes instants ("How it works"): it may delete a slot after its end."""
    return math.ceil(until)
