"""The clock, randomness, sleep and time limit of a worker."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib import clock


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The surroundings of a worker, which tests replace.

    ``seconds_left`` returns the time until the worker must have ended: that of Lambda's context,
    or infinity on the command line. ``uniform(a, b)`` returns a random number between a and b.
    """

    now: Callable[[], datetime] = clock.now
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    seconds_left: Callable[[], float] = lambda: float("inf")
