"""Conditional writes: a failed condition is an answer, every other error is an error."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import DeleteError, PutError, PynamoDBException, UpdateError

from chalicelib.storage.writes import try_write


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem")


@pytest.mark.parametrize("kind", [PutError, UpdateError, DeleteError, PynamoDBException])
def test_a_failed_condition_is_told_by_the_result(kind: type[PynamoDBException]) -> None:
    def write() -> None:
        raise kind("no", refused("ConditionalCheckFailedException"))

    assert not try_write(write)


@pytest.mark.parametrize(
    "error",
    [
        PutError("no", refused("AccessDeniedException")),
        PutError("no", ReadTimeoutError(endpoint_url="engine")),
        UpdateError("no"),
        ValueError("of our own"),
    ],
    ids=str,
)
def test_another_error_is_passed_on(error: Exception) -> None:
    def write() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        try_write(write)
    assert caught.value is error


def test_a_write_gets_its_arguments() -> None:
    calls = []

    def write(place: int, *, condition: str) -> None:
        calls.append((place, condition))

    assert try_write(write, 1, condition="free")
    assert calls == [(1, "free")]
