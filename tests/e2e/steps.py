"""Steps that are timed and told, and waiting that ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

#: How often a thing is looked at that takes its time.
_POLL_SECONDS = 0.25


class Failed(Exception):
    """A step did not do what it should; ``function`` is the one whose log may tell why."""

    def __init__(self, what: str, function: str | None = None) -> None:
        super().__init__(what)
        self.function = function


def check(holds: object, what: str, function: str | None = None) -> None:
    """Raises Failed with ``what`` if something does not hold."""
    if not holds:
        raise Failed(what, function)


def until(
    what: str, find: Callable[[], T | None], seconds: float, function: str | None = None
) -> T:
    """What ``find`` gives, as soon as that is anything; raises Failed after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := find()):
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:.0f} s", function)
        time.sleep(_POLL_SECONDS)
    return found


def say(text: str) -> None:
    """Tell what a step saw."""
    print(f"    {text}", flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """One step: its name before, its seconds after."""
    print(name, flush=True)
    began = time.monotonic()
    yield
    print(f"    done in {time.monotonic() - began:.1f} s", flush=True)
