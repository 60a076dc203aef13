"""Rate limits: the rule that keeps requests inside of them, as arithmetic.

A *meter* counts one limit of a host (requests an hour, points a minute). It is the generic cell
rate algorithm (GCRA): a meter remembers the instant at which all that was spent will have
"arrived" at the steady rate, and allows spending while that instant is not further ahead than
the burst is worth. With ``steady = limit - burst`` in a window, no window of that length,
wherever it begins, sees more than ``limit``; so the host's own windows need not be known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

#: Nobody has to be left alone for longer than a day, with something for clocks that differ.
_LONGEST = 86_400.0 + 900.0
_SLACK = 1.5


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of ``limit`` units in any ``seconds``, of which ``burst`` may come at once."""

    limit: int
    seconds: float
    burst: int

    @property
    def interval(self) -> float:
        """Seconds that one unit takes to become free again."""
        return self.seconds / (self.limit - self.burst)

    def of(self, limit: int) -> "Rate":
        """The same rate where the host names another limit; at least 2."""
        limit = max(2, limit)
        burst = max(1, min(limit - 1, self.burst * limit // self.limit))
        return Rate(limit, self.seconds, burst)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a host may be asked.

    ``meters`` by name; ``concurrency``: how many batches of it may be worked on at once;
    ``batch``: the most packages of one batch.
    """

    meters: Mapping[str, Rate]
    concurrency: int
    batch: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a host said of one of its limits; ``reset`` is when its window ends."""

    meter: str
    limit: int
    remaining: int
    reset: datetime


@dataclass(frozen=True, slots=True)
class Meter:
    """What is stored of one limit: ``free_at`` is GCRA's instant, the rest what the host said.

    Instants are seconds since the epoch. Until ``blocked_until`` nothing may be spent.
    """

    free_at: float = 0.0
    blocked_until: float = 0.0
    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None

    def blocked(self, now: float) -> float:
        """Seconds until anything may be spent; what is too long was a wrong clock's."""
        seconds = self.blocked_until - now
        return seconds if 0 < seconds < _LONGEST else 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """The meters of one host."""

    meters: Mapping[str, Meter] = field(default_factory=dict)

    def wait(self, policy: Policy, cost: Mapping[str, int], now: float) -> float:
        """Seconds until ``cost`` (units by meter) may be spent; 0 if it may be now."""
        return max(
            (self._wait(policy, name, units, now) for name, units in cost.items()), default=0.0
        )

    def _wait(self, policy: Policy, name: str, units: int, now: float) -> float:
        meter = self.meters.get(name, Meter())
        rate = _rate(policy, name, meter)
        ahead = _free_at(meter, rate, now) + units * rate.interval - now
        return max(0.0, ahead - rate.burst * rate.interval, meter.blocked(now))

    def spent(self, policy: Policy, cost: Mapping[str, int], now: float) -> "Budget":
        """The budget after ``cost`` was spent."""
        changed = {}
        for name, units in cost.items():
            meter = self.meters.get(name, Meter())
            rate = _rate(policy, name, meter)
            free_at = _free_at(meter, rate, now) + units * rate.interval
            changed[name] = replace(meter, free_at=free_at)
        return Budget({**self.meters, **changed})

    def noted(self, policy: Policy, reading: Reading, now: float) -> "Budget":
        """The budget after the host said how much is left.

        Others may spend from the same limit. So where the host says that no more is left than
        the requests that may be under way, the meter waits for the window's end.
        """
        meter = self.meters.get(reading.meter, Meter())
        reset = reading.reset.timestamp()
        meter = replace(meter, limit=reading.limit, remaining=reading.remaining, reset=reset)
        if reading.remaining <= _reserve(policy, reading.limit) and reset > now:
            meter = replace(meter, blocked_until=_later_of(meter.blocked_until, reset))
        return Budget({**self.meters, reading.meter: meter})

    def blocked(self, names: Mapping[str, int], until: float) -> "Budget":
        """The budget after the host refused a request that cost these meters."""
        changed = {}
        for name in names:
            meter = self.meters.get(name, Meter())
            changed[name] = replace(meter, blocked_until=_later_of(meter.blocked_until, until))
        return Budget({**self.meters, **changed})


def _free_at(meter: Meter, rate: Rate, now: float) -> float:
    """When all that was spent is free again; what no spending comes to was a wrong clock's."""
    most = now + rate.burst * rate.interval * _SLACK
    return max(meter.free_at, now) if meter.free_at <= most else now


def _later_of(blocked: float, until: float) -> float:
    return max(blocked, until) if blocked < until + _LONGEST else until


def _rate(policy: Policy, name: str, meter: Meter) -> Rate:
    rate = policy.meters[name]
    return rate if meter.limit is None else rate.of(meter.limit)


def _reserve(policy: Policy, limit: int) -> int:
    """Units kept for requests under way elsewhere: as many as batches, a tenth at most."""
    return min(policy.concurrency, limit // 10)


def later(now: datetime, seconds: float) -> datetime:
    """The instant so many seconds from now."""
    return now + timedelta(seconds=seconds)
