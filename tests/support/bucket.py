"""What tests do at the edge to the bucket: failing, dying, or letting another writer in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.storage import aws
from tests.support.aws import Died

Wrap = Callable[[str, Any, Callable[[], Any]], Any]


@contextmanager
def around_calls(wrap: Wrap) -> Iterator[list[str]]:
    """Run ``wrap(operation, arguments, call)`` in place of every call to S3; lists them."""
    client: Any = aws.client("s3")
    operations: list[str] = []

    def wrapped(operation: str, arguments: Any) -> Any:
        operations.append(operation)
        return wrap(
            operation, arguments, lambda: type(client)._make_api_call(client, operation, arguments)
        )

    client._make_api_call = wrapped
    try:
        yield operations
    finally:
        del client._make_api_call


@contextmanager
def failing(error: Exception) -> Iterator[list[str]]:
    """Every call ends with ``error``."""

    def fail(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        raise error

    with around_calls(fail) as operations:
        yield operations


@contextmanager
def dying(at: int, after: bool) -> Iterator[list[str]]:
    """Die at the call of this number, from 0: before it is sent, or after it was carried out."""
    place = -1

    def die(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        nonlocal place
        place += 1
        if place == at and not after:
            raise Died
        answer = call()
        if place == at:
            raise Died
        return answer

    with around_calls(die) as operations:
        yield operations


def client_error(code: str, status: int = 503) -> ClientError:
    """An error as S3 answers it."""
    answer: Any = {
        "Error": {"Code": code, "Message": f"secret {code}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "AnyOperation")
