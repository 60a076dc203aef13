"""Collisions, throttling and lost connections: a clear end, and nothing half written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.cli.__main__ import main
from chalicelib.storage.backoff import DEFAULT_BACKOFF
from tests.support import state
from tests.support.fixtures import category, grid, load_file, package, row, write
from tests.support.races import Answer, answering


def _cancelled(code: str) -> ClientError:
    body: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": [{"Code": code, "Message": "come again"}],
    }
    return ClientError(body, "TransactWriteItems")


def _refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not you"}}, "TransactWriteItems")


def _raising(error: Exception) -> Callable[[Any, Any], Answer]:
    def answer(arguments: dict[str, Any], call: Callable[[], Answer]) -> Answer:
        raise error

    return answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalogue of a grid and two packages."""
    records = [category(1), package(1), package(2), grid(1), row(1, 1, 1), row(2, 1, 2)]
    return write(tmp_path / "fixture.json", records)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (_cancelled("TransactionConflict"), "did not get through"),
        (_refused("AccessDeniedException"), "not you"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "Could not connect"),
    ],
)
def test_a_write_that_never_gets_through_ends_the_load_and_writes_nothing(
    tables: None,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: str,
) -> None:
    with answering("TransactWriteItems", _raising(error)) as calls:
        code = main(["load", str(file)])
    assert code == 2
    output = capsys.readouterr()
    assert said in output.err
    assert "Traceback" not in output.err
    # Records are not to blame, so none is refused, and the rest is not tried in vain.
    assert "refused package" not in output.out
    assert calls.operations.count("TransactWriteItems") <= DEFAULT_BACKOFF.attempts
    assert state.catalogue_rows() == {}
    assert load_file(file).refusals == []
    state.assert_sound()


def test_a_load_that_stops_in_its_middle_leaves_a_sound_catalogue(
    tables: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [category(1), *(package(pk) for pk in range(1, 61))]
    file = write(tmp_path / "many.json", many)
    sent = 0

    def third_fails(arguments: dict[str, Any], call: Callable[[], Answer]) -> Answer:
        nonlocal sent
        sent += 1
        if sent > 2:
            raise _refused("AccessDeniedException")
        return call()

    with answering("TransactWriteItems", third_fails):
        assert main(["load", str(file)]) == 2
    assert "not finished: until it is run again" in capsys.readouterr().out
    assert len(state.listed("packages")) == 28
    state.assert_sound()
    assert main(["load", "--strict", str(file)]) == 0
    assert len(state.listed("packages")) == 60


def test_reads_that_stay_throttled_end_the_load(
    tables: None, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def none_processed(arguments: dict[str, Any], call: Callable[[], Answer]) -> Answer:
        return {"Responses": {}, "UnprocessedKeys": arguments["RequestItems"]}

    with answering("BatchGetItem", none_processed):
        assert main(["load", str(file)]) == 2
    assert "unprocessed" in capsys.readouterr().err
    assert state.catalogue_rows() == {}
