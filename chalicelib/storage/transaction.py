"""One change of the catalogue as one TransactWriteItems: all of it, or nothing.

A ``Transaction`` is told what changes (items, unique names, listings in the directory, counts
of categories) and works out the writes and their conditions; DynamoDB then makes them together
(at most 100 in one transaction and 4 MB). Two writers that race meet in those conditions: one
wins, the other gets a typed error or, where the collision means nothing, tries again.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.storage import id_bitmap, models
from chalicelib.storage.backoff import DEFAULT, Backoff
from chalicelib.storage.capacity import MAX_ITEM_BYTES, item_size
from chalicelib.storage.models import (
    CategoryItem,
    DirectoryItem,
    MembershipItem,
    NameItem,
    ServedItem,
)

MAX_WRITES = 100
MAX_BYTES = 3_500_000
_FAILED = "ConditionalCheckFailed"
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
#: Errors of a whole request that was not carried out, after botocore's own retries.
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}


class WriteRefused(Exception):
    """The catalogue is not as the change assumed; nothing was written."""


class VersionConflict(WriteRefused):
    """Another writer changed, created or deleted the item meanwhile: read it again."""

    def __init__(self, kind: str, identifier: int) -> None:
        super().__init__(f"{kind} {identifier} was changed by another writer")
        self.kind, self.identifier = kind, identifier


class NameTaken(WriteRefused):
    """A name that must be unique belongs to another item."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} belongs to another item")
        self.name = name


class CategoryMissing(WriteRefused):
    """The category does not exist (any more)."""

    def __init__(self, identifier: int) -> None:
        super().__init__(f"category {identifier} does not exist")
        self.identifier = identifier


class TooManyWrites(WriteRefused):
    """The change is more than one transaction holds."""


class ItemTooLarge(WriteRefused):
    """An item would be larger than DynamoDB's 400 KB."""


class Contended(Exception):
    """Other writers kept getting in the way through every retry; nothing was written."""


@dataclass(slots=True)
class _Write:
    """One write of the transaction and the error that its failed condition stands for.

    ``refusal`` is ``None`` where a failed condition only means: read the directory again.
    """

    model: Model
    condition: Condition | None
    refusal: WriteRefused | None
    actions: list[Any] | None = None
    delete: bool = False
    check: bool = False


@dataclass(slots=True)
class Transaction:
    """A change being gathered; ``commit`` makes it."""

    _items: list[_Write] = field(default_factory=list)
    _claimed: dict[str, int] = field(default_factory=dict)
    _released: dict[str, int] = field(default_factory=dict)
    _listings: dict[tuple[str, int], dict[int, bool]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _categories: Counter[int] = field(default_factory=Counter)
    size: int = 0

    def __len__(self) -> int:
        """How many of the 100 writes it takes."""
        names = self._claimed.keys() | self._released.keys()
        return len(self._items) + len(names) + len(self._listings) + len(self._categories)

    def create(self, item: ServedItem | MembershipItem) -> None:
        """Put an item that must not exist yet."""
        refusal = VersionConflict(type(item).__name__, int(item.id))
        self._add(_Write(item, type(item).id.does_not_exist(), refusal))

    def replace(self, item: ServedItem, version: int, condition: Condition | None = None) -> None:
        """Put an item over the one that has ``version`` (and meets ``condition``)."""
        unchanged = type(item).version == version
        refusal = VersionConflict(type(item).__name__, int(item.id))
        whole = unchanged if condition is None else unchanged & condition
        self._add(_Write(item, whole, refusal))

    def delete(self, item: ServedItem, condition: Condition | None = None) -> None:
        """Delete an item that must still have the version it was read with."""
        unchanged = type(item).version == int(item.version)
        refusal = VersionConflict(type(item).__name__, int(item.id))
        whole = unchanged if condition is None else unchanged & condition
        self._add(_Write(item, whole, refusal, delete=True))

    def expect(self, model: type[ServedItem], identifier: int, version: int) -> None:
        """Write nothing at all unless this item still has ``version``."""
        refusal = VersionConflict(model.__name__, identifier)
        self._add(_Write(model(identifier), model.version == version, refusal, check=True))

    def put(self, item: Model) -> None:
        """Put an item whatever is there: for writes that are idempotent by themselves."""
        self._add(_Write(item, None, None))

    def put_if(self, item: Model, condition: Condition, refusal: WriteRefused) -> None:
        """Put an item on a condition; ``refusal`` is what its failure stands for."""
        self._add(_Write(item, condition, refusal))

    def drop(self, item: Model) -> None:
        """Delete an item whether or not it is there."""
        self._add(_Write(item, None, None, delete=True))

    def _add(self, write: _Write) -> None:
        if not write.delete and not write.check:
            self.size += checked_size(write.model)
        self._items.append(write)

    def claim(self, name: str, owner: int) -> None:
        """Make ``name`` belong to ``owner``, unless it is somebody else's."""
        self._claimed[name] = owner

    def release(self, name: str, owner: int) -> None:
        """Give up a name that ``owner`` has; within one transaction another may claim it."""
        self._released[name] = owner

    def enlist(self, collection: str, identifier: int, listed: bool = True) -> None:
        """List an id in the directory of ``collection``, or take it off."""
        self._listings[collection, id_bitmap.segment_of(identifier)][identifier] = listed

    def count_in_category(self, category: int, change: int) -> None:
        """Count packages into (or out of) a category, which must exist."""
        self._categories[category] += change

    def commit(self, backoff: Backoff = DEFAULT) -> None:
        """Make the whole change or none of it.

        Raises a ``WriteRefused`` when the catalogue is not as assumed, and ``Contended`` when
        collisions on the directory, or passing faults of DynamoDB, outlast every retry.
        """
        if len(self) > MAX_WRITES or self.size > MAX_BYTES:
            raise TooManyWrites(f"{len(self)} writes of {self.size} bytes are too many at once")
        settled = self._items + self._name_writes() + self._category_writes()
        if not settled and not self._listings:
            return
        for _ in backoff.tries():
            try:
                _send(settled + self._directory_writes())
            except _Collision:
                continue
            return
        raise Contended(f"a transaction of {len(self)} writes did not get through")

    def _name_writes(self) -> list[_Write]:
        writes = []
        for name in self._claimed.keys() | self._released.keys():
            owner, before = self._claimed.get(name), self._released.get(name)
            free = NameItem.name.does_not_exist()
            if owner is None:
                assert before is not None
                theirs = free | (NameItem.owner == before)
                writes.append(
                    _Write(NameItem(name, owner=before), theirs, NameTaken(name), delete=True)
                )
                continue
            mine = free | (NameItem.owner == (owner if before is None else before))
            writes.append(_Write(NameItem(name, owner=owner), mine, NameTaken(name)))
        return writes

    def _category_writes(self) -> list[_Write]:
        return [
            _Write(
                CategoryItem(category),
                CategoryItem.id.exists(),
                CategoryMissing(category),
                actions=[CategoryItem.packages.add(change)],
            )
            for category, change in self._categories.items()
        ]

    def _directory_writes(self) -> list[_Write]:
        """The listings applied to the segments as they are now, read consistently."""
        writes = []
        for (collection, segment), changes in self._listings.items():
            try:
                stored = DirectoryItem.get(collection, segment, consistent_read=True)
                bits, version = id_bitmap.unpack(stored.ids), int(stored.version)
                condition: Condition = DirectoryItem.version == version
            except DirectoryItem.DoesNotExist:
                bits, version = 0, 0
                condition = DirectoryItem.collection.does_not_exist()
            bits = id_bitmap.with_changes(bits, changes)
            item = DirectoryItem(
                collection,
                segment,
                ids=id_bitmap.pack(bits),
                live=bits.bit_count(),
                version=version + 1,
            )
            writes.append(_Write(item, condition, None))
        return writes


def checked_size(model: Model) -> int:
    """The bytes of an item; raises ItemTooLarge."""
    size = item_size(model.serialize())
    if size > MAX_ITEM_BYTES:
        raise ItemTooLarge(f"too large: {size} bytes, and DynamoDB holds {MAX_ITEM_BYTES}")
    return size


def error_code(error: TransactWriteError) -> str | None:
    """DynamoDB's code of an error; ``None`` if no answer came at all."""
    cause = error.cause
    return cause.response["Error"].get("Code") if isinstance(cause, ClientError) else None


class _Collision(Exception):
    """Another transaction was there first, or DynamoDB asks to come again."""


def _send(writes: list[_Write]) -> None:
    # PynamoDB sends checks, deletes, puts, then updates; reasons come back in that order.
    ordered = sorted(writes, key=lambda w: (not w.check, not w.delete, w.actions is not None))
    try:
        with TransactWrite(connection=models.get_connection()) as transaction:
            for write in ordered:
                if write.check and isinstance(write.model, ServedItem):
                    key = int(write.model.id)
                    transaction.condition_check(type(write.model), key, condition=write.condition)
                elif write.delete:
                    transaction.delete(write.model, condition=write.condition)
                elif write.actions is not None:
                    transaction.update(write.model, write.actions, condition=write.condition)
                else:
                    transaction.save(write.model, condition=write.condition)
    except TransactWriteError as error:
        raise _meaning(error, ordered) from error


def _meaning(error: TransactWriteError, writes: list[_Write]) -> Exception:
    """What a cancelled transaction says: a refusal first, then a collision, else the error."""
    if error_code(error) in _THROTTLED:
        return _Collision()
    codes = [reason.code if reason else None for reason in error.cancellation_reasons]
    refusals = [
        write.refusal
        for code, write in zip(codes, writes, strict=False)
        if code == _FAILED and write.refusal is not None
    ]
    if refusals:
        # On an item that has changed since it was read, names and categories prove nothing.
        return next((r for r in refusals if isinstance(r, VersionConflict)), refusals[0])
    if _FAILED in codes or _PASSING.intersection(codes):
        return _Collision()
    return error
