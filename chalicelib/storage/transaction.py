"""One change of the catalogue as one TransactWriteItems: all of it, or nothing.

A ``Transaction`` collects what changes (items, unique names, the directory, counts of categories)
and works out the writes and their conditions; DynamoDB then makes them together (at most 100 in
one transaction, and 4 MB). Racing writers meet in those conditions: one wins, the other gets a
typed error or, where the collision is harmless, tries again.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.storage import aws, id_bitmap, models
from chalicelib.storage.backoff import DEFAULT_BACKOFF, Backoff
from chalicelib.storage.capacity import MAX_ITEM_BYTES, compute_item_size
from chalicelib.storage.errors import (
    CategoryMissing,
    Contended,
    ItemTooLarge,
    NameTaken,
    TooManyWrites,
    TransactionRejected,
    VersionConflict,
    WriteRefused,
)
from chalicelib.storage.models import (
    CategoryItem,
    DirectoryItem,
    MembershipItem,
    NameItem,
    ServedItem,
)
from chalicelib.storage.reads import get_item

MAX_WRITES = 100
MAX_BYTES = 3_500_000
_CONDITION_FAILED = "ConditionalCheckFailed"
_TRANSIENT_CODES = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
#: Errors of a whole request that was not carried out, after botocore's own retries.
_THROTTLING_CODES = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}
#: Errors that the contents of a request cause.
_REJECTION_CODES = {"TransactionCanceledException", "ValidationException"}


@dataclass(slots=True)
class _Write:
    """One write of the transaction, and the error to raise if its condition fails.

    ``error`` is ``None`` where a failed condition only means: read the directory again.
    """

    model: Model
    condition: Condition | None
    error: WriteRefused | None
    actions: list[Any] | None = None
    delete: bool = False
    check: bool = False


@dataclass(slots=True)
class Transaction:
    """A change that is being collected; ``commit`` makes it."""

    _items: list[_Write] = field(default_factory=list)
    _reserved: dict[str, int] = field(default_factory=dict)
    _freed: dict[str, int] = field(default_factory=dict)
    _listings: dict[tuple[str, int], dict[int, bool]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _categories: Counter[int] = field(default_factory=Counter)
    size: int = 0

    def __len__(self) -> int:
        """Return how many of the 100 writes it takes."""
        names = self._reserved.keys() | self._freed.keys()
        return len(self._items) + len(names) + len(self._listings) + len(self._categories)

    def create(self, item: ServedItem | MembershipItem) -> None:
        """Put an item that must not exist."""
        error = VersionConflict(type(item).__name__, int(item.id))
        self._add(_Write(item, type(item).id.does_not_exist(), error))

    def replace(self, item: ServedItem, version: int) -> None:
        """Put an item over the one that has ``version``.

        The count of a category changes without its version, so it must be that of ``item``.
        """
        condition: Condition = type(item).version == version
        if isinstance(item, CategoryItem):
            condition &= CategoryItem.packages == item.packages
        error = VersionConflict(type(item).__name__, int(item.id))
        self._add(_Write(item, condition, error))

    def delete(self, item: ServedItem) -> None:
        """Delete an item that must still have its version; a category must have no packages."""
        condition: Condition = type(item).version == int(item.version)
        if isinstance(item, CategoryItem):
            condition &= CategoryItem.packages == 0
        error = VersionConflict(type(item).__name__, int(item.id))
        self._add(_Write(item, condition, error, delete=True))

    def check_version(self, model: type[ServedItem], identifier: int, version: int) -> None:
        """Make the transaction fail unless this item still has ``version``."""
        error = VersionConflict(model.__name__, identifier)
        self._add(_Write(model(identifier), model.version == version, error, check=True))

    def put_unconditionally(self, item: Model) -> None:
        """Put an item, whether or not it exists; for writes that are idempotent by themselves."""
        self._add(_Write(item, None, None))

    def put_on_condition(self, item: Model, condition: Condition, error: WriteRefused) -> None:
        """Put an item on a condition; ``commit`` raises ``error`` if that fails."""
        self._add(_Write(item, condition, error))

    def delete_unconditionally(self, item: Model) -> None:
        """Delete an item, whether or not it exists."""
        self._add(_Write(item, None, None, delete=True))

    def _add(self, write: _Write) -> None:
        if not write.delete and not write.check:
            self.size += check_size(write.model)
        self._items.append(write)

    def reserve_name(self, name: str, owner: int) -> None:
        """Reserve ``name`` for ``owner``, unless another item has it."""
        self._reserved[name] = owner

    def free_name(self, name: str, owner: int) -> None:
        """Free a name of ``owner``; another item may reserve it in the same transaction."""
        self._freed[name] = owner

    def add_to_directory(self, collection: str, identifier: int) -> None:
        """List an id in the directory of ``collection``."""
        self._listings[collection, id_bitmap.get_block(identifier)][identifier] = True

    def remove_from_directory(self, collection: str, identifier: int) -> None:
        """Remove an id from the directory of ``collection``."""
        self._listings[collection, id_bitmap.get_block(identifier)][identifier] = False

    def count_in_category(self, category: int, change: int) -> None:
        """Add ``change`` to the count of packages of a category, which must exist."""
        self._categories[category] += change

    def commit(self, backoff: Backoff = DEFAULT_BACKOFF) -> None:
        """Make the whole change or none of it.

        Raises a ``WriteRefused`` if the catalogue is not as assumed, ``TransactionRejected`` if
        DynamoDB does not accept the items, and ``Contended`` if collisions on the directory or
        transient faults of DynamoDB outlast every retry.
        """
        if len(self) > MAX_WRITES or self.size > MAX_BYTES:
            raise TooManyWrites(f"{len(self)} writes of {self.size} bytes are too many at once")
        fixed = self._items + self._build_name_writes() + self._build_category_writes()
        if not fixed and not self._listings:
            return
        for _ in backoff.iter_attempts():
            try:
                _send(fixed + self._build_directory_writes())
            except _Collision:
                continue
            return
        raise Contended(f"a transaction of {len(self)} writes did not get through")

    def _build_name_writes(self) -> list[_Write]:
        writes = []
        for name in self._reserved.keys() | self._freed.keys():
            owner, old_owner = self._reserved.get(name), self._freed.get(name)
            is_free = NameItem.name.does_not_exist()
            if owner is None:
                assert old_owner is not None
                item = NameItem(name, owner=old_owner)
                condition = is_free | (NameItem.owner == old_owner)
                writes.append(_Write(item, condition, NameTaken(name), delete=True))
                continue
            expected_owner = owner if old_owner is None else old_owner
            condition = is_free | (NameItem.owner == expected_owner)
            writes.append(_Write(NameItem(name, owner=owner), condition, NameTaken(name)))
        return writes

    def _build_category_writes(self) -> list[_Write]:
        return [
            _Write(
                CategoryItem(category),
                CategoryItem.id.exists(),
                CategoryMissing(category),
                actions=[CategoryItem.packages.add(change)],
            )
            for category, change in self._categories.items()
        ]

    def _build_directory_writes(self) -> list[_Write]:
        """Apply the changes to the blocks as they are now, read consistently."""
        writes = []
        for (collection, block), changes in self._listings.items():
            stored = get_item(DirectoryItem, collection, block)
            if stored is None:
                bits, version = 0, 0
                condition: Condition = DirectoryItem.collection.does_not_exist()
            else:
                bits, version = id_bitmap.unpack(stored.ids), int(stored.version)
                condition = DirectoryItem.version == version
            bits = id_bitmap.apply_changes(bits, changes)
            item = DirectoryItem(
                collection,
                block,
                ids=id_bitmap.pack(bits),
                live=bits.bit_count(),
                version=version + 1,
            )
            writes.append(_Write(item, condition, None))
        return writes


def get_size(item: Model) -> int:
    """Return the bytes that DynamoDB counts for an item."""
    return compute_item_size(item.serialize())


def check_size(item: Model) -> int:
    """Return the bytes of an item; raises ItemTooLarge."""
    size = get_size(item)
    if size > MAX_ITEM_BYTES:
        raise ItemTooLarge(f"too large: {size} bytes, and DynamoDB holds {MAX_ITEM_BYTES}")
    return size


class _Collision(Exception):
    """Another transaction was first, or DynamoDB asks to try again."""


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
        raise _convert_error(error, ordered) from error


def _convert_error(error: TransactWriteError, writes: list[_Write]) -> Exception:
    """Return the error of a failed condition, else a collision, else what DynamoDB said."""
    code = aws.error_code(error.cause)
    if code in _THROTTLING_CODES:
        return _Collision()
    reasons = [reason.code if reason else None for reason in error.cancellation_reasons]
    errors = [
        write.error
        for reason, write in zip(reasons, writes, strict=False)
        if reason == _CONDITION_FAILED and write.error is not None
    ]
    if errors:
        # On an item that has changed since it was read, names and categories prove nothing.
        return next((e for e in errors if isinstance(e, VersionConflict)), errors[0])
    if _CONDITION_FAILED in reasons or _TRANSIENT_CODES.intersection(reasons):
        return _Collision()
    return TransactionRejected(error.msg, error.cause) if code in _REJECTION_CODES else error
