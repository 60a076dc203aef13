"""Writing changes of items in batches, in as few transactions as hold them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chalicelib.catalog.item_writes import add_writes, unique_names
from chalicelib.catalog.json_body import RENDER_VERSION
from chalicelib.catalog.repository import E, Versioned, get_many
from chalicelib.catalog.validation import InvalidEntity
from chalicelib.importer.fixture import Position
from chalicelib.importer.report import CHANGED, CREATED, UNCHANGED
from chalicelib.storage.backoff import DEFAULT_BACKOFF, Backoff
from chalicelib.storage.errors import (
    CategoryMissing,
    Contended,
    ItemTooLarge,
    NameTaken,
    TooManyWrites,
    TransactionRejected,
    VersionConflict,
)
from chalicelib.storage.models import NameItem
from chalicelib.storage.reads import get_item
from chalicelib.storage.transaction import Transaction

#: A creation takes three writes, a transaction holds 100, and a batch shares a few more.
BATCH_SIZE = 28

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ItemChange(Generic[E]):
    """An item and the change to make of it.

    ``build`` gets the stored entity (``None``: it does not exist) and returns the entity and the
    fingerprint to store, or ``None`` if there is nothing to do. ``position`` is that of the
    record, ``None`` for a change that only follows from other records.
    """

    kind: type[E]
    id: int
    position: Position | None
    build: Callable[[Versioned[E] | None], tuple[E, str | None] | None]


@dataclass(slots=True)
class BatchResult(Generic[E]):
    """The outcome of a batch: results by id, refusals with reasons, and names that are taken."""

    results: dict[int, str] = field(default_factory=dict)
    refused: list[tuple[ItemChange[E], str]] = field(default_factory=list)
    conflicts: list[tuple[ItemChange[E], str]] = field(default_factory=list)


def write_all(
    changes: Iterable[ItemChange[E]],
    on_batch: Callable[[Sequence[ItemChange[E]], BatchResult[E]], None],
) -> None:
    """Write changes of one kind; ``on_batch`` is called with each batch and its result.

    Items whose names belong to other items are tried again at the end, when those may have given
    their names up. Raises Contended.
    """

    def write(batches: Iterable[Iterable[ItemChange[E]]]) -> list[tuple[ItemChange[E], str]]:
        conflicts = []
        for part in batches:
            for batch in iter_batches(part, BATCH_SIZE):
                result = write_batch(batch)
                on_batch(batch, result)
                conflicts += result.conflicts
        return conflicts

    conflicts = write([changes])
    while conflicts:
        remaining = write(_iter_chains(conflicts))
        if len(remaining) == len(conflicts):
            refused = [(change, _get_conflict_reason(name)) for change, name in remaining]
            on_batch([], BatchResult(refused=refused))
            return
        conflicts = remaining


def write_batch(
    changes: Sequence[ItemChange[E]], backoff: Backoff = DEFAULT_BACKOFF
) -> BatchResult[E]:
    """Write a batch of at most ``BATCH_SIZE`` items of one kind.

    An item that cannot be written does not keep the others from being written. Raises Contended.
    """
    result: BatchResult[E] = BatchResult()
    _write(list(changes), result, backoff)
    return result


def iter_batches(items: Iterable[_T], size: int) -> Iterator[Sequence[_T]]:
    """Yield the items in lists of ``size``, the last of which may be shorter."""
    batch: list[_T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _write(changes: list[ItemChange[E]], result: BatchResult[E], backoff: Backoff) -> None:
    for _ in backoff.iter_attempts():
        try:
            result.results |= _attempt_without_conflicts(changes, result)
        except VersionConflict:
            continue
        except (
            CategoryMissing,
            InvalidEntity,
            ItemTooLarge,
            TooManyWrites,
            TransactionRejected,
        ) as error:
            if len(changes) == 1:
                result.refused.append((changes[0], _get_reason(error)))
                return
            middle = len(changes) // 2
            _write(changes[:middle], result, backoff)
            _write(changes[middle:], result, backoff)
        return
    raise Contended(f"{len(changes)} items could not be written")


def _attempt_without_conflicts(
    changes: list[ItemChange[E]], result: BatchResult[E]
) -> dict[int, str]:
    """Repeat the attempt, each time without the item whose name was taken, and return results."""
    while changes:
        try:
            return _attempt(changes)
        except NameTaken as error:
            remaining = _set_claimants_aside(changes, error.name, result)
            if len(remaining) == len(changes):
                # It was changed meanwhile: the next try reads it again.
                raise VersionConflict(error.name, 0) from error
            changes[:] = remaining
    return {}


def _attempt(changes: list[ItemChange[E]]) -> dict[int, str]:
    """Write the whole batch in one transaction, and return each item's result."""
    stored = get_many(changes[0].kind, (change.id for change in changes))
    transaction = Transaction()
    results = {}
    for change in changes:
        before = stored.get(change.id)
        built = change.build(before)
        if built is None:
            continue
        after, fingerprint = built
        if before is not None and _is_same(before, after, fingerprint):
            results[change.id] = UNCHANGED
        else:
            add_writes(transaction, before, after, fingerprint)
            results[change.id] = CREATED if before is None else CHANGED
    transaction.commit()
    return results


def _is_same(before: Versioned[E], after: E, fingerprint: str | None) -> bool:
    same_source = fingerprint is None or fingerprint == before.fingerprint
    return after == before.entity and same_source and before.rendering == RENDER_VERSION


def _set_claimants_aside(
    changes: list[ItemChange[E]], name: str, result: BatchResult[E]
) -> list[ItemChange[E]]:
    """Move items that want a name that is not free, or free one not their own, to the conflicts.

    Returns the other items.
    """
    stored = get_many(changes[0].kind, (change.id for change in changes))
    remaining = []
    for change in changes:
        before = stored.get(change.id)
        built = change.build(before)
        old_names = unique_names(before.entity) if before else set()
        if built is not None and name in unique_names(built[0]) ^ old_names:
            result.conflicts.append((change, name))
        else:
            remaining.append(change)
    return remaining


def _get_reason(error: Exception) -> str:
    return error.reason if isinstance(error, TransactionRejected) else str(error)


def _iter_chains(conflicts: Sequence[tuple[ItemChange[E], str]]) -> Iterator[list[ItemChange[E]]]:
    """Yield groups in which each item waits for a name of the next.

    Items that swap their names must be in one transaction.
    """
    waiting = {change.id: change for change, _ in conflicts}
    owners = {change.id: _get_owner(name) for change, name in conflicts}
    while waiting:
        change = waiting.pop(next(iter(waiting)))
        chain = [change]
        while (owner := owners[change.id]) in waiting:
            change = waiting.pop(owner)
            chain.append(change)
        yield chain


def _get_conflict_reason(name: str) -> str:
    """Return the reason to refuse an item that never got ``name``."""
    collection, field_name, value = name.split("/", 2)
    owner = _get_owner(name)
    whose = f"that of {collection} {owner}" if owner else "wanted by others too"
    return f"duplicate {field_name} {value!r}: {whose}"


def _get_owner(name: str) -> int:
    """Return the id of the item that a name belongs to; 0, which is no id, if to none."""
    item = get_item(NameItem, name)
    return 0 if item is None else int(item.owner)
