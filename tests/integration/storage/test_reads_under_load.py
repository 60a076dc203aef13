"""Reads when DynamoDB answers late, in part, or not at all."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pynamodb.exceptions import GetError, PynamoDBException, QueryError, TransactWriteError

from chalicelib.catalog import changes, queries
from chalicelib.catalog.entities import Package
from chalicelib.local.engine import Engine
from chalicelib.storage import aws, models, reads, refresh_state, sources
from chalicelib.storage.backoff import Backoff
from chalicelib.storage.errors import Throttled
from tests.support.aws import recorded
from tests.support.entities import category, package
from tests.support.races import Answer, answering, interleaving
from tests.support.state import Rows, restore, rows, tables_of_a_module

Call = Callable[[], Answer]
TABLE = "test-packages"


@pytest.fixture(scope="module")
def ten_packages(engine: Engine) -> Iterator[Rows]:
    """The tables, and what they hold with packages 1 to 10."""
    with tables_of_a_module():
        changes.create(category())
        for identifier in range(1, 11):
            changes.create(package(identifier))
        yield rows()


@pytest.fixture(autouse=True)
def filled(ten_packages: Rows) -> None:
    """Packages 1 to 10, for each test."""
    restore(ten_packages)


class Clock:
    """Takes down how long it was to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.backoff = Backoff(attempts=6, sleep=self.slept.append, draw=lambda low, high: high)


def processing(share: int) -> Callable[[Answer, Call], Answer]:
    """An answer that leaves all but the first ``share`` keys unprocessed."""

    def answer(arguments: Answer, call: Call) -> Answer:
        keys = arguments["RequestItems"][TABLE]["Keys"]
        left = keys[share:]
        if not share:
            return {"Responses": {}, "UnprocessedKeys": {TABLE: {"Keys": left}}}
        arguments["RequestItems"][TABLE]["Keys"] = keys[:share]
        given = call()
        given["UnprocessedKeys"] = {TABLE: {"Keys": left}} if left else {}
        return given

    return answer


def test_a_whole_answer_is_not_waited_for() -> None:
    clock = Clock()
    with recorded() as calls:
        found = reads.get_bodies("packages", range(10, 0, -1), clock.backoff)
    assert None not in found
    assert calls.operations == ["BatchGetItem"]
    assert clock.slept == []


def test_unprocessed_keys_are_asked_for_again_after_growing_waits() -> None:
    whole = reads.get_bodies("packages", range(10, 0, -1))
    clock = Clock()
    with answering("BatchGetItem", processing(3)) as calls:
        assert reads.get_bodies("packages", range(10, 0, -1), clock.backoff) == whole
    # 3 + 3 + 3 + 1
    assert calls.operations == ["BatchGetItem"] * 4
    assert len(clock.slept) == 3
    assert clock.slept == sorted(clock.slept)


def test_keys_that_stay_unprocessed_end_in_a_typed_error() -> None:
    clock = Clock()
    with (
        answering("BatchGetItem", processing(0)) as calls,
        pytest.raises(Throttled, match="10 of 10 keys"),
    ):
        reads.get_bodies("packages", range(10, 0, -1), clock.backoff)
    assert len(calls) == clock.backoff.attempts
    assert len(clock.slept) == clock.backoff.attempts - 1


def test_keys_processed_with_the_last_try_are_an_answer() -> None:
    clock = Clock()
    with answering("BatchGetItem", processing(2)) as calls:
        found = reads.get_bodies("packages", range(10, 0, -1), clock.backoff)
        assert None not in found
        found = reads.get_bodies("packages", [*range(1, 11), 11, 12], clock.backoff)
    assert found[:10].count(None) == 0
    assert found[10:] == [None, None]
    assert set(calls.operations) == {"BatchGetItem"}


def test_any_batch_read_asks_again_a_bounded_number_of_times() -> None:
    clock = Clock()
    keys: list[reads.Key] = [{"id": {"N": str(number)}} for number in range(1, 11)]
    with (
        answering("BatchGetItem", processing(0)) as calls,
        pytest.raises(Throttled, match="10 of 10 keys of test-packages"),
    ):
        list(reads.get_raw_items(models.PackageItem, keys, backoff=clock.backoff))
    assert len(calls) == clock.backoff.attempts
    with answering("BatchGetItem", processing(3)) as calls:
        found = reads.get_raw_items(models.PackageItem, keys, backoff=clock.backoff)
        assert sorted(int(raw["id"]["N"]) for raw in found) == [*range(1, 11)]
    assert calls.operations == ["BatchGetItem"] * 4


def test_no_ids_are_no_request() -> None:
    with recorded() as calls:
        assert reads.get_bodies("packages", []) == []
        assert reads.get_body_by_id("packages", -1) is None
        assert reads.get_body_by_id("packages", 2**63) is None
        assert reads.get_body_by_slug("packages", "") is None
        assert reads.get_body_by_slug("packages", "é" * 1025) is None
        assert reads.get_items(models.PackageItem, []) == {}
        assert sources.get_sources("repository", []) == {}
        assert refresh_state.get_first_slot_end("github", 0) is None
    assert len(calls) == 0


def test_more_than_a_batch_comes_in_its_order() -> None:
    wanted = [*range(400, 0, -1)]
    with answering("BatchGetItem", lambda _, call: call()) as calls:
        found = reads.get_bodies("packages", wanted)
    # Four at once, and the 390 that are not there once more.
    assert calls.operations == ["BatchGetItem"] * 8
    assert [n for n, body in zip(wanted, found, strict=True) if body] == [*range(10, 0, -1)]


def test_an_id_that_is_found_late_is_read_again_consistently() -> None:
    seen: list[bool] = []

    def stale(arguments: Answer, call: Call) -> Answer:
        given = call()
        consistent = bool(arguments["RequestItems"][TABLE].get("ConsistentRead"))
        seen.append(consistent)
        if not consistent:
            items = given["Responses"][TABLE]
            given["Responses"][TABLE] = [i for i in items if i["id"] != {"N": "10"}]
        return given

    expected = queries.get_page("packages", 0, 3, max_bytes=100_000)
    with answering("BatchGetItem", stale):
        assert queries.get_page("packages", 0, 3, max_bytes=100_000) == expected
    assert seen == [False, True]


@pytest.mark.parametrize("at", [0, 1])
def test_what_is_deleted_meanwhile_is_left_out(at: int) -> None:
    with interleaving(at, lambda: changes.delete(Package, 9)):
        page = queries.get_page("packages", 0, 3, max_bytes=100_000)
    assert [body.split('"id":')[1].split(",")[0] for body in page.bodies] == (
        ["10", "8", "7"] if at == 0 else ["10", "8"]
    )
    assert page.count == (9 if at == 0 else 10)
    assert page.consumed == 3


def test_what_is_created_meanwhile_moves_nothing_out_of_the_page() -> None:
    with interleaving(1, lambda: changes.create(package(11))):
        page = queries.get_page("packages", 0, 2, max_bytes=100_000)
    assert [body.split('"id":')[1].split(",")[0] for body in page.bodies] == ["10", "9"]


@contextmanager
def engine_at(url: str, retries: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the models talk to ``url``, with little patience."""
    names = {kind: model.Meta.table_name for kind, model in models.MODELS.items()}
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setattr(aws, "READ_TIMEOUT_SECONDS", 0.05)
        patch.setattr(aws, "CONNECT_TIMEOUT_SECONDS", 0.05)
        patch.setattr(aws, "MAX_ATTEMPTS", retries + 1)
        models.bind_tables(names)
        yield
    models.bind_tables(names)


def _attempts() -> list[type[PynamoDBException]]:
    """The errors of a read by id, by slug, of a page, and of a write."""
    return [
        _error(lambda: queries.get_body_by_id("packages", 1)),
        _error(lambda: queries.get_body_by_slug("packages", "package-1")),
        _error(lambda: queries.get_page("packages", 0, 3, max_bytes=100_000)),
        _error(lambda: changes.delete(Package, 1)),
    ]


def _error(call: Callable[[], object]) -> type[PynamoDBException]:
    with pytest.raises(PynamoDBException) as caught:
        call()
    return caught.type


def test_an_endpoint_that_refuses_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with engine_at(f"http://127.0.0.1:{port}", 0, monkeypatch):
            assert _attempts() == [GetError, QueryError, QueryError, GetError]
    assert queries.get_body_by_id("packages", 1) is not None


def test_an_endpoint_that_never_answers_is_asked_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        silent.setblocking(False)
        with engine_at(f"http://127.0.0.1:{silent.getsockname()[1]}", 1, monkeypatch):
            assert _error(lambda: queries.get_body_by_id("packages", 1)) is GetError
        connections = 0
        while True:
            try:
                silent.accept()[0].close()
            except BlockingIOError:
                break
            connections += 1
    assert connections == 2


def test_a_lost_answer_is_an_error_and_what_was_written_is_right() -> None:
    from botocore.exceptions import ReadTimeoutError

    def lose(_: Answer, call: Call) -> Answer:
        call()
        raise ReadTimeoutError(endpoint_url="engine")

    with answering("TransactWriteItems", lose) as calls, pytest.raises(TransactWriteError):
        changes.create(package(11))
    # It may have been carried out: it is not for the writer to send it again.
    assert calls.operations.count("TransactWriteItems") == 1
    assert reads.get_ids("packages", 0, 1) == (11, [11])
    assert queries.get_body_by_slug("packages", "package-11") is not None
