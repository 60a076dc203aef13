"""Clocks of the simulated hosts: the machine's own, and one that only moves when it is told to."""

import threading
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib import clock


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current instant."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current instant."""
        return clock.now()


class FrozenClock:
    """A clock that stands still until it is moved; it never goes back. Safe for threads."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._at

    def advance(self, **span: float) -> None:
        """Move the clock on by a timedelta's arguments: ``advance(days=1, minutes=5)``."""
        with self._lock:
            self._at += timedelta(**span)

    def move_to(self, at: datetime) -> None:
        """Move the clock on to an instant, unless it is later already."""
        with self._lock:
            self._at = max(self._at, at)
