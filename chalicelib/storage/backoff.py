"""Bounded retries with full jitter."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """The number of attempts and the waits between them.

    The wait before retry *n* is uniformly distributed from 0 to ``min(cap, base * 2**n)`` seconds
    ("full jitter", from the AWS Architecture Blog's study of backoff). So writers that collided
    once are unlikely to collide again. Tests pass their own ``sleep`` and ``draw``.
    """

    attempts: int = 8
    base: float = 0.02
    cap: float = 2.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = random.uniform

    def iter_attempts(self) -> Iterator[int]:
        """Yield 0, 1, ... ``attempts - 1``; wait before each but the first."""
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(self.draw(0.0, min(self.cap, self.base * 2**attempt)))
            yield attempt


DEFAULT_BACKOFF = Backoff()
