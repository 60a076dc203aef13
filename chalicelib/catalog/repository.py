"""Reading entities to change them, and changing them again after a lost race."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from chalicelib.catalog.item_writes import MODELS, E, Versioned, from_item
from chalicelib.storage import reads
from chalicelib.storage.backoff import DEFAULT, Backoff
from chalicelib.storage.transaction import Contended, VersionConflict, WriteRefused

_R = TypeVar("_R")


class DoesNotExist(WriteRefused):
    """The item to change or delete does not exist."""


class AlreadyExists(WriteRefused):
    """An item of that id exists."""


def get(kind: type[E], identifier: int) -> Versioned[E]:
    """Read one entity consistently; raises Missing."""
    model = MODELS[kind]
    try:
        return from_item(kind, model.get(identifier, consistent_read=True))
    except model.DoesNotExist:
        raise DoesNotExist(f"{kind.__name__.lower()} {identifier} does not exist") from None


def get_many(kind: type[E], identifiers: Iterable[int]) -> dict[int, Versioned[E]]:
    """Read entities consistently; those that do not exist are left out."""
    found = reads.items(MODELS[kind], identifiers)
    return {identifier: from_item(kind, item) for identifier, item in found.items()}


def iter_all(kind: type[E]) -> Iterator[E]:
    """Every entity of a kind, in no order; reads the table whole, consistently."""
    for item in MODELS[kind].scan(consistent_read=True):
        yield from_item(kind, item).entity


def retry_on_conflict(attempt: Callable[[], _R], backoff: Backoff = DEFAULT) -> _R:
    """What ``attempt`` returns, repeated while it meets a VersionConflict; raises Contended."""
    for _ in backoff.tries():
        try:
            return attempt()
        except VersionConflict as conflict:
            last = conflict
    raise Contended(str(last))
