"""What tests see and do at the edge to AWS: counting calls, and failing at one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import EndpointConnectionError

from chalicelib.storage import models
from chalicelib.storage.capacity import compute_get_units, compute_item_size, compute_query_units
from tools.iamcheck.recorder import suspend_checks


class Died(BaseException):
    """Stands for the death of the process: no code of ours may catch it."""


@dataclass(slots=True)
class Calls:
    """Calls to DynamoDB in order: operation names, and read units by DynamoDB's own rule."""

    operations: list[str] = field(default_factory=list)
    read_units: float = 0.0

    def __len__(self) -> int:
        return len(self.operations)


@contextmanager
def around_calls(wrap: Callable[[str, Any, Callable[[], Any]], Any]) -> Iterator[None]:
    """Run ``wrap(operation, arguments, call)`` in place of every call that PynamoDB makes."""
    client: Any = models.get_connection().client

    def wrapped(operation: str, arguments: Any) -> Any:
        return wrap(operation, arguments, lambda: send(operation, arguments))

    client._make_api_call = wrapped
    try:
        yield
    finally:
        del client._make_api_call


def send(operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    client: Any = models.get_connection().client
    answer: dict[str, Any] = type(client)._make_api_call(client, operation, arguments)
    return answer


@contextmanager
def recorded() -> Iterator[Calls]:
    """Count calls and the read units that their sizes make."""
    calls = Calls()

    def wrap(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        answer = call()
        calls.operations.append(operation)
        with suspend_checks():
            calls.read_units += read_units(operation, arguments)
        return answer

    with around_calls(wrap):
        yield calls


@contextmanager
def dying(at: int, after: bool) -> Iterator[Calls]:
    """Die at the call of this number, from 0: before it is sent, or after it was carried out."""
    calls = Calls()

    def wrap(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        place = len(calls)
        calls.operations.append(operation)
        if place == at and not after:
            raise Died
        answer = call()
        if place == at:
            raise Died
        return answer

    with around_calls(wrap):
        yield calls


@contextmanager
def failing(operation: str, is_meant: Callable[[Any], bool]) -> Iterator[None]:
    """Calls of one operation fail like a DynamoDB that is down, where the arguments are meant."""

    def wrap(name: str, arguments: Any, call: Callable[[], Any]) -> Any:
        if name == operation and is_meant(arguments):
            raise EndpointConnectionError(endpoint_url="nowhere")
        return call()

    with around_calls(wrap):
        yield


def read_units(operation: str, arguments: dict[str, Any]) -> float:
    """Units of a read, from the sizes of the whole items that it touches.

    A projection does not make a read cheaper; so the items are read again, whole.
    """
    consistent = bool(arguments.get("ConsistentRead"))
    match operation:
        case "GetItem":
            size = _size_of(arguments["TableName"], arguments["Key"])
            return compute_get_units([size], consistent=consistent)
        case "BatchGetItem":
            ((table, request),) = arguments["RequestItems"].items()
            sizes = [_size_of(table, key) for key in request["Keys"]]
            return compute_get_units(sizes, consistent=bool(request.get("ConsistentRead")))
        case "Query":
            items = send("Query", _without_projection(arguments))["Items"]
            return compute_query_units(
                [compute_item_size(item) for item in items], consistent=consistent
            )
    return 0.0


def _without_projection(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same Query of whole items; placeholders that only the projection used are dropped."""
    names = arguments["ExpressionAttributeNames"]
    used = {k: v for k, v in names.items() if k in arguments["KeyConditionExpression"]}
    kept = {k: v for k, v in arguments.items() if k != "ProjectionExpression"}
    return {**kept, "ExpressionAttributeNames": used}


def _size_of(table: str, key: dict[str, Any]) -> int:
    answer = send("GetItem", {"TableName": table, "Key": key})
    return compute_item_size(answer["Item"]) if "Item" in answer else 0
