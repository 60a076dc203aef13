"""A transaction under faults of DynamoDB: tried again while that helps, and never half done."""

from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError

from chalicelib.catalog import changes
from chalicelib.catalog.item_writes import add_writes
from chalicelib.local.engine import Engine
from chalicelib.storage.backoff import Backoff
from chalicelib.storage.errors import Contended, ItemTooLarge, NameTaken, TransactionRejected
from chalicelib.storage.transaction import Transaction
from tests.support.entities import category, grid, package
from tests.support.races import Answer, answering, before_each
from tests.support.state import (
    assert_sound,
    listed,
    restore,
    rows,
    tables_of_a_module,
    touch_directory,
)


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, which each test fills anew."""
    with tables_of_a_module():
        yield


@pytest.fixture(autouse=True)
def one_category(tables_of_this_module: None) -> None:
    """Category 1, and package 1 in it."""
    restore({})
    changes.create(category())
    changes.create(package(1))


class Clock:
    """Takes down how long it was to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.backoff = Backoff(attempts=5, sleep=self.slept.append, draw=lambda low, high: high)


def creation(identifier: int = 2) -> Transaction:
    """The transaction that creates a package."""
    transaction = Transaction()
    add_writes(transaction, None, package(identifier))
    return transaction


def cancelled(code: str, place: int) -> ClientError:
    """The transaction of five writes cancelled for one of them."""
    reasons = [{"Code": code if n == place else "None"} for n in range(5)]
    response = {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": reasons,
    }
    return ClientError(response, "TransactWriteItems")


def refused(code: str) -> ClientError:
    """The whole request refused."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "TransactWriteItems")


PASSING = [
    *(cancelled("TransactionConflict", place) for place in range(5)),
    cancelled("ThrottlingError", 0),
    cancelled("ProvisionedThroughputExceeded", 3),
    refused("ThrottlingException"),
    refused("ProvisionedThroughputExceededException"),
    refused("RequestLimitExceeded"),
]


def failing(errors: list[ClientError]) -> Callable[[Answer, Callable[[], Answer]], Answer]:
    """Raise these errors, one a call, and then let calls through."""
    left = iter(errors)

    def answer(_: Answer, call: Callable[[], Answer]) -> Answer:
        error = next(left, None)
        if error is not None:
            raise error
        return call()

    return answer


@pytest.mark.parametrize("error", PASSING, ids=lambda e: f"{e.response}"[:90])
def test_a_passing_fault_is_tried_again(error: ClientError) -> None:
    clock = Clock()
    with answering("TransactWriteItems", failing([error, error])) as calls:
        creation().commit(clock.backoff)
    # The directory is read again each time: another writer may have changed it.
    assert calls.operations == ["GetItem", "TransactWriteItems"] * 3
    assert len(clock.slept) == 2
    assert listed("packages") == [2, 1]
    assert_sound()


def test_a_fault_that_lasts_is_contention_and_nothing_is_written() -> None:
    before = rows()
    clock = Clock()
    errors = [PASSING[0]] * 100
    with (
        answering("TransactWriteItems", failing(errors)) as calls,
        pytest.raises(Contended, match="5 writes"),
    ):
        creation().commit(clock.backoff)
    assert calls.operations.count("TransactWriteItems") == clock.backoff.attempts
    assert len(clock.slept) == clock.backoff.attempts - 1
    assert rows() == before


def test_a_directory_that_is_always_written_meanwhile_is_contention() -> None:
    clock = Clock()
    with (
        before_each("TransactWriteItems", lambda: touch_directory("packages")),
        pytest.raises(Contended),
    ):
        creation().commit(clock.backoff)
    assert len(clock.slept) == clock.backoff.attempts - 1
    assert listed("packages") == [1]
    assert_sound()


@pytest.mark.parametrize(
    "error", [refused("AccessDeniedException"), cancelled("ValidationError", 1)], ids=str
)
def test_a_fault_that_does_not_pass_is_not_tried_again(error: ClientError) -> None:
    before = rows()
    with (
        answering("TransactWriteItems", failing([error])) as calls,
        pytest.raises(TransactWriteError),
    ):
        creation().commit()
    assert calls.operations == ["GetItem", "TransactWriteItems"]
    assert rows() == before


@pytest.mark.parametrize(
    ("error", "is_rejected"),
    [
        (cancelled("ValidationError", 1), True),
        (refused("ValidationException"), True),
        (refused("AccessDeniedException"), False),
        (refused("InternalServerError"), False),
    ],
    ids=str,
)
def test_rejected_items_are_told_from_a_service_that_fails(
    error: ClientError, is_rejected: bool
) -> None:
    with (
        answering("TransactWriteItems", failing([error])),
        pytest.raises(TransactWriteError) as caught,
    ):
        creation().commit()
    assert isinstance(caught.value, TransactionRejected) is is_rejected
    assert caught.value.cause is not None


def test_the_directory_keeps_the_attribute_names_that_stored_items_have() -> None:
    items = [row for (kind, _), row in rows().items() if kind == "directory"]
    assert sorted(item["collection"]["S"] for item in items) == ["categories", "packages"]
    for item in items:
        assert item.keys() == {"collection", "segment", "ids", "live", "version"}
        assert item["segment"] == {"N": "0"}


def test_an_empty_transaction_asks_for_nothing() -> None:
    with answering("TransactWriteItems", failing([])) as calls:
        Transaction().commit()
    assert len(calls) == 0


def test_a_name_passes_from_one_to_another_in_one_transaction() -> None:
    first = changes.get(type(package()), 1)
    transaction = creation(2)
    transaction.free_name("packages/slug/package-1", 1)
    transaction.reserve_name("packages/slug/package-1", 2)
    assert len(transaction) == 6
    transaction.commit()
    with pytest.raises(NameTaken):
        changes.create(package(3, slug="package-1"))
    assert first.entity.id == 1


def test_the_length_of_a_transaction_is_that_of_its_request() -> None:
    sent: list[int] = []

    def count(arguments: Answer, call: Callable[[], Answer]) -> Answer:
        sent.append(len(arguments["TransactItems"]))
        return call()

    transaction = creation(2)
    add_writes(transaction, None, package(70_000))
    add_writes(transaction, None, grid(1))
    with answering("TransactWriteItems", count):
        transaction.commit()
    # Three items, two slugs and repositories and a slug, three blocks, one category.
    assert sent == [len(transaction)] == [3 + 5 + 3 + 1]


def test_the_largest_item_that_dynamodb_holds_is_taken_and_no_byte_more() -> None:
    room = 0
    low, high = 100_000, 204_800
    while low < high:
        room = (low + high + 1) // 2
        try:
            add_writes(Transaction(), None, package(2, repo_description="x" * room))
            low = room
        except ItemTooLarge:
            high = room - 1
    changes.create(package(2, repo_description="x" * (low - 10)))
    with pytest.raises(ItemTooLarge, match="409600"):
        changes.create(package(3, repo_description="x" * (low + 10)))
    assert listed("packages") == [2, 1]
    assert_sound()
