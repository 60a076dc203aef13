"""The budget of each host, which all workers share through one item of DynamoDB."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.refresh.rate_limit import Budget, Meter, Reading
from chalicelib.storage import refresh_state
from chalicelib.storage.backoff import DEFAULT_BACKOFF
from chalicelib.storage.errors import Contended

if TYPE_CHECKING:
    from chalicelib.refresh.hosts.base import Host

#: How long a worker waits if others always write the budget first.
_CONTENTION_WAIT_SECONDS = 1.0


def read_budget(host: str) -> tuple[Budget, int | None]:
    """Return a host's stored budget, and the version that an update is conditional on."""
    meters, version = refresh_state.get_meters(host)
    return Budget({meter: Meter(**values) for meter, values in meters.items()}), version


class SharedBudget:
    """Spends from the stored budgets and records readings; every update is conditional.

    It caches the budget that was read or written last, so that spending mostly takes one write.
    If the cached one is stale, the condition fails and the budget is read again.
    """

    def __init__(self) -> None:
        self._cache: dict[str, tuple[Budget, int | None]] = {}

    def spend(self, host: "Host", cost: Mapping[str, int], now: datetime) -> float:
        """Take ``cost`` from the host's meters.

        Returns 0, or the seconds to wait if nothing was taken.
        """
        instant = now.timestamp()
        wait_seconds = 0.0

        def spend(budget: Budget) -> Budget | None:
            nonlocal wait_seconds
            wait_seconds = budget.get_wait_seconds(host.policy, cost, instant)
            return None if wait_seconds else budget.spend(host.policy, cost, instant)

        try:
            if not self._update(host.name, spend) and host.name in self._cache:
                # The cached budget may be stale: the host may have told others of a new limit.
                del self._cache[host.name]
                self._update(host.name, spend)
        except Contended:
            # Nothing was taken; another try in a moment may succeed.
            return _CONTENTION_WAIT_SECONDS
        return wait_seconds

    def record_reading(self, host: "Host", reading: Reading, now: datetime) -> None:
        """Store what the host reports about a limit, unless the stored meter nearly says so."""
        instant = now.timestamp()

        def record(budget: Budget) -> Budget | None:
            before = budget.meters.get(reading.meter)
            after = budget.record_reading(host.policy, reading, instant)
            meter = after.meters[reading.meter]
            if before is not None and before.limit == meter.limit:
                is_same = before.blocked_until == meter.blocked_until
                # `remaining` is only shown to people, so small changes need no write.
                is_near = abs((before.remaining or 0) - reading.remaining) < reading.limit / 50
                if is_same and is_near and before.reset == meter.reset:
                    return None
            return after

        # If others always write first: they got the same report, and the next response repeats it.
        with suppress(Contended):
            self._update(host.name, record)

    def block(self, host: "Host", cost: Mapping[str, int], until: datetime) -> None:
        """Block the meters of ``cost`` until an instant."""
        self._update(host.name, lambda budget: budget.block(cost, until.timestamp()))

    def _update(self, host: str, change: Callable[[Budget], Budget | None]) -> bool:
        """Store the changed budget, and return whether it changed; raises Contended."""
        cached = self._cache.get(host)
        for _ in DEFAULT_BACKOFF.iter_attempts():
            before, version = cached or read_budget(host)
            self._cache[host] = before, version
            after = change(before)
            if after is None:
                return False
            meters = {meter: asdict(values) for meter, values in after.meters.items()}
            new_version = refresh_state.replace_meters(host, version, meters)
            if new_version is not None:
                self._cache[host] = after, new_version
                return True
            cached = None
        raise Contended(f"the budget of {host}: other writers were always faster")
