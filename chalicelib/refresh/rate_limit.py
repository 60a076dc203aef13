"""Rate limits: arithmetic that keeps requests within a host's limits.

A *meter* counts against one limit of a host (requests an hour, points a minute). It implements
the generic cell rate algorithm (GCRA): it stores the instant at which everything spent so far
will have "arrived" at the steady rate, and allows spending as long as that instant is no further
ahead than the burst is worth. The steady rate is ``limit - burst`` per window, so no window of
that length, wherever it begins, sees more than ``limit``. The host's own windows need not be
known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

#: No host is blocked for longer than a day, plus some tolerance for clocks that differ.
_MAX_BLOCK_SECONDS = 86_400.0 + 900.0
_TOLERANCE = 1.5


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of ``limit`` units in any ``seconds``, of which ``burst`` may come at once."""

    limit: int
    seconds: float
    burst: int

    @property
    def interval(self) -> float:
        """The seconds after which one spent unit is available again."""
        return self.seconds / (self.limit - self.burst)

    def with_limit(self, limit: int) -> "Rate":
        """Return the rate for another limit (at least 2) with the burst in proportion."""
        limit = max(2, limit)
        burst = max(1, min(limit - 1, self.burst * limit // self.limit))
        return Rate(limit, self.seconds, burst)


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits that a host is used within.

    ``meters``: the rates by meter. ``concurrency``: how many batches may be worked on at once.
    ``batch``: the maximum number of packages in a batch.
    """

    meters: Mapping[str, Rate]
    concurrency: int
    batch: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A host's report about one of its limits; ``reset`` is when the current window ends."""

    meter: str
    limit: int
    remaining: int
    reset: datetime


@dataclass(frozen=True, slots=True)
class Meter:
    """The stored state of one limit.

    ``free_at`` is the instant of GCRA, and until ``blocked_until`` nothing may be spent; both are
    seconds since the epoch. ``limit``, ``remaining`` and ``reset`` are as the host last reported.
    """

    free_at: float = 0.0
    blocked_until: float = 0.0
    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None

    def get_blocked_seconds(self, now: float) -> float:
        """Return the seconds until the block ends; one that is too long is ignored.

        Only a wrong clock can have written such a block.
        """
        seconds = self.blocked_until - now
        return seconds if 0 < seconds < _MAX_BLOCK_SECONDS else 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """The meters of one host. Its methods return changed copies."""

    meters: Mapping[str, Meter] = field(default_factory=dict)

    def get_wait_seconds(self, policy: Policy, cost: Mapping[str, int], now: float) -> float:
        """Return the seconds until ``cost`` (units by meter) may be spent; 0 if it may be now."""
        return max(
            (self._get_wait_seconds(policy, name, units, now) for name, units in cost.items()),
            default=0.0,
        )

    def _get_wait_seconds(self, policy: Policy, name: str, units: int, now: float) -> float:
        meter = self.meters.get(name, Meter())
        rate = _get_rate(policy, name, meter)
        ahead = _get_free_at(meter, rate, now) + units * rate.interval - now
        return max(0.0, ahead - rate.burst * rate.interval, meter.get_blocked_seconds(now))

    def spend(self, policy: Policy, cost: Mapping[str, int], now: float) -> "Budget":
        """Return the budget after ``cost`` was spent."""
        changed = {}
        for name, units in cost.items():
            meter = self.meters.get(name, Meter())
            rate = _get_rate(policy, name, meter)
            free_at = _get_free_at(meter, rate, now) + units * rate.interval
            changed[name] = replace(meter, free_at=free_at)
        return Budget({**self.meters, **changed})

    def record_reading(self, policy: Policy, reading: Reading, now: float) -> "Budget":
        """Return the budget after the host reported how much is left.

        Others may spend from the same limit. So if the host reports no more than the requests
        that may be under way, the meter is blocked until the window ends.
        """
        meter = self.meters.get(reading.meter, Meter())
        reset = reading.reset.timestamp()
        meter = replace(meter, limit=reading.limit, remaining=reading.remaining, reset=reset)
        if reading.remaining <= _get_reserve(policy, reading.limit) and reset > now:
            meter = replace(meter, blocked_until=_get_later(meter.blocked_until, reset))
        return Budget({**self.meters, reading.meter: meter})

    def block(self, names: Mapping[str, int], until: float) -> "Budget":
        """Return the budget after the host refused a request that costs these meters."""
        changed = {}
        for name in names:
            meter = self.meters.get(name, Meter())
            changed[name] = replace(meter, blocked_until=_get_later(meter.blocked_until, until))
        return Budget({**self.meters, **changed})


def _get_free_at(meter: Meter, rate: Rate, now: float) -> float:
    """Return when everything spent is available again.

    An instant that no spending can reach was written by a wrong clock, and is ignored.
    """
    latest = now + rate.burst * rate.interval * _TOLERANCE
    return max(meter.free_at, now) if meter.free_at <= latest else now


def _get_later(blocked: float, until: float) -> float:
    return max(blocked, until) if blocked < until + _MAX_BLOCK_SECONDS else until


def _get_rate(policy: Policy, name: str, meter: Meter) -> Rate:
    rate = policy.meters[name]
    return rate if meter.limit is None else rate.with_limit(meter.limit)


def _get_reserve(policy: Policy, limit: int) -> int:
    """Return the units kept for requests under way elsewhere.

    That is one for each concurrent batch, but a tenth of the limit at most.
    """
    return min(policy.concurrency, limit // 10)
