"""Other writers at the edge to AWS, and answers that DynamoDB gives only under load."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.aws import Calls, around_calls
from tools.iamcheck.recorder import suspend_checks

Answer = dict[str, Any]


@contextmanager
def _running_before(
    chosen: Callable[[int, str], bool], other: Callable[[], None]
) -> Iterator[Calls]:
    """Run the whole of ``other`` just before each call chosen by its number and operation.

    Calls that ``other`` makes are neither counted nor interrupted.
    """
    calls = Calls()
    inside = False

    def wrap(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        nonlocal inside
        if inside:
            return call()
        place = len(calls)
        calls.operations.append(operation)
        if chosen(place, operation):
            inside = True
            try:
                with suspend_checks():
                    other()
            finally:
                inside = False
        return call()

    with around_calls(wrap):
        yield calls


@contextmanager
def interleaving(at: int, other: Callable[[], None]) -> Iterator[Calls]:
    """Run the whole of ``other`` just before the call of this number, counted from 0."""
    with _running_before(lambda place, _: place == at, other) as calls:
        yield calls


@contextmanager
def before_each(name: str, other: Callable[[], None]) -> Iterator[Calls]:
    """Run the whole of ``other`` before every call of the operation ``name``."""
    with _running_before(lambda _, operation: operation == name, other) as calls:
        yield calls


@contextmanager
def answering(
    name: str, answer: Callable[[dict[str, Any], Callable[[], Answer]], Answer]
) -> Iterator[Calls]:
    """Let ``answer(arguments, call)`` stand in for every call of the operation ``name``.

    ``call`` sends the arguments, as ``answer`` left them, to the engine.
    """
    calls = Calls()

    def wrap(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        calls.operations.append(operation)
        return answer(arguments, call) if operation == name else call()

    with around_calls(wrap):
        yield calls
