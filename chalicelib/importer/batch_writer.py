"""Bringing a batch of items to what they should be, in as few transactions as hold them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from chalicelib.catalog.item_writes import add_writes, unique_names
from chalicelib.catalog.json_body import RENDER_VERSION
from chalicelib.catalog.repository import E, Versioned, get_many
from chalicelib.catalog.validation import Invalid
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
from chalicelib.storage.transaction import Transaction

#: A creation takes three writes, and a few more are shared by the batch.
AT_ONCE = 28


@dataclass(frozen=True, slots=True)
class Wanted(Generic[E]):
    """An item and what it should become.

    ``build`` makes the entity and the fingerprint to store from what is stored (``None``: it
    does not exist); it answers ``None`` where there is nothing to do. ``position`` is that of
    the record it comes from, ``None`` when it only follows from other records.
    """

    kind: type[E]
    id: int
    position: Position | None
    build: Callable[[Versioned[E] | None], tuple[E, str | None] | None]


@dataclass(slots=True)
class Results(Generic[E]):
    """What became of a batch: results by id, what was refused, and names that were taken."""

    done: dict[int, str]
    refused: list[tuple[Wanted[E], str]]
    taken: list[tuple[Wanted[E], str]]


def write(wanted: Sequence[Wanted[E]], backoff: Backoff = DEFAULT_BACKOFF) -> Results[E]:
    """Write a batch of at most ``AT_ONCE`` items of one kind.

    One item that cannot be written does not keep the others from it. Raises Contended.
    """
    results: Results[E] = Results({}, [], [])
    _write(list(wanted), results, backoff)
    return results


def _write(wanted: list[Wanted[E]], results: Results[E], backoff: Backoff) -> None:
    for _ in backoff.iter_attempts():
        try:
            results.done |= _attempt_without_taken(wanted, results)
        except VersionConflict:
            continue
        except (
            CategoryMissing,
            Invalid,
            ItemTooLarge,
            TooManyWrites,
            TransactionRejected,
        ) as error:
            if len(wanted) == 1:
                results.refused.append((wanted[0], _reason(error)))
                return
            middle = len(wanted) // 2
            _write(wanted[:middle], results, backoff)
            _write(wanted[middle:], results, backoff)
        return
    raise Contended(f"{len(wanted)} items could not be written")


def _attempt_without_taken(wanted: list[Wanted[E]], results: Results[E]) -> dict[int, str]:
    """One attempt after another, each without the item whose name was taken in the one before."""
    while wanted:
        try:
            return _attempt(wanted)
        except NameTaken as error:
            left = _without_claimant(wanted, error.name, results)
            if len(left) == len(wanted):
                # It was changed meanwhile: the next try reads it again.
                raise VersionConflict(error.name, 0) from error
            wanted[:] = left
    return {}


def _attempt(wanted: list[Wanted[E]]) -> dict[int, str]:
    """One transaction for the whole batch; returns each item's result."""
    stored = get_many(wanted[0].kind, (item.id for item in wanted))
    transaction = Transaction()
    done = {}
    for item in wanted:
        before = stored.get(item.id)
        built = item.build(before)
        if built is None:
            continue
        after, fingerprint = built
        if before is not None and _is_same(before, after, fingerprint):
            done[item.id] = UNCHANGED
        else:
            add_writes(transaction, before, after, fingerprint)
            done[item.id] = CREATED if before is None else CHANGED
    transaction.commit()
    return done


def _is_same(before: Versioned[E], after: E, fingerprint: str | None) -> bool:
    same_source = fingerprint is None or fingerprint == before.fingerprint
    return after == before.entity and same_source and before.rendering == RENDER_VERSION


def _without_claimant(wanted: list[Wanted[E]], name: str, results: Results[E]) -> list[Wanted[E]]:
    """Set aside the item that wanted a name that is not free (or gives up one not its own)."""
    stored = get_many(wanted[0].kind, (item.id for item in wanted))
    left = []
    for item in wanted:
        before = stored.get(item.id)
        built = item.build(before)
        borne = unique_names(before.entity) if before else set()
        if built is not None and name in unique_names(built[0]) ^ borne:
            results.taken.append((item, name))
        else:
            left.append(item)
    return left


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, TransactionRejected) else str(error)
