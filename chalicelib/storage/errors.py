"""The errors of the storage, other than those of objects in the bucket."""

from botocore.exceptions import BotoCoreError
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from chalicelib.storage.objects import ObjectError


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


class Superseded(WriteRefused):
    """Another worker has written this source since it was read; its result stands."""


class TooManyWrites(WriteRefused):
    """The change is more than one transaction holds."""


class ItemTooLarge(WriteRefused):
    """An item would be larger than DynamoDB's 400 KB."""


class TransactionRejected(TransactWriteError):
    """DynamoDB rejected the contents of a transaction; ``reason`` is its explanation."""

    @property
    def reason(self) -> str:
        """The messages of the items that it was cancelled for, or else of the whole request."""
        messages = [r.message for r in self.cancellation_reasons if r and r.message]
        return "; ".join(messages) or str(self.cause)


class Contended(Exception):
    """Other writers kept getting in the way through every retry; nothing was written."""


class Throttled(Exception):
    """DynamoDB left keys or items unprocessed through every retry."""


#: Any read or write may raise these when DynamoDB or the bucket fails.
STORAGE_ERRORS = (PynamoDBException, BotoCoreError, Throttled, Contended, ObjectError)
