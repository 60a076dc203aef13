"""What a refresh takes from outside: the clock, randomness, sleep, and the time it has."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib import clock


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """One worker's surroundings.

    ``seconds_left`` is the time until the worker must have ended: the Lambda context's, or
    without bound on the command line. ``uniform(a, b)`` draws evenly between two numbers.
    """

    now: Callable[[], datetime] = clock.now
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    seconds_left: Callable[[], float] = lambda: float("inf")
