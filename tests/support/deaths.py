"""The death of a process at any call to the outside: DynamoDB, SQS, or a host over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import requests

from chalicelib.storage import aws, models
from tests.support.aws import Died

Wrap = Callable[[str, Callable[[], Any]], Any]


@contextmanager
def around_everything(wrap: Wrap) -> Iterator[None]:
    """Run ``wrap(name, call)`` in place of every call to the outside."""
    with ExitStack() as stack:
        for client in (models.get_connection().client, aws.client("sqs")):
            stack.enter_context(_around_client(client, wrap))
        stack.enter_context(_around_http(wrap))
        yield


@contextmanager
def _around_client(client: Any, wrap: Wrap) -> Iterator[None]:
    def wrapped(operation: str, arguments: Any) -> Any:
        return wrap(operation, lambda: type(client)._make_api_call(client, operation, arguments))

    client._make_api_call = wrapped
    try:
        yield
    finally:
        del client._make_api_call


@contextmanager
def _around_http(wrap: Wrap) -> Iterator[None]:
    send = requests.Session.send

    def wrapped(self: requests.Session, request: Any, **kwargs: Any) -> Any:
        return wrap("HTTP", lambda: send(self, request, **kwargs))

    requests.Session.send = wrapped  # type: ignore[method-assign]
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign]


def calls_of(run: Callable[[], object]) -> list[str]:
    """The calls that a run makes, in order."""
    names: list[str] = []

    def note(name: str, call: Callable[[], Any]) -> Any:
        names.append(name)
        return call()

    with around_everything(note):
        run()
    return names


def dies(run: Callable[[], object], at: int, after: bool) -> bool:
    """Run, and die at the call of this number: before it is sent, or after it was carried out.

    Whether it died; it did not if it makes fewer calls.
    """
    place = -1

    def die(name: str, call: Callable[[], Any]) -> Any:
        nonlocal place
        place += 1
        if place > at or (place == at and not after):
            # The dead make no further calls, not even from their ``finally``.
            raise Died
        answer = call()
        if place == at:
            raise Died
        return answer

    with around_everything(die):
        try:
            run()
        except Died:
            return True
    return False
