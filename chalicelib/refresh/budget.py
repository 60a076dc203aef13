"""The budget of each host, shared by all workers through one item of a table."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.rate_limit import Budget, Meter, Reading
from chalicelib.storage import refresh_state
from chalicelib.storage.backoff import DEFAULT_BACKOFF
from chalicelib.storage.errors import Contended


def stored(name: str) -> tuple[Budget, int | None]:
    """The budget of a host as it is stored, and the version a change is conditional on."""
    meters, version = refresh_state.get_meters(name)
    return Budget({meter: Meter(**values) for meter, values in meters.items()}), version


#: How long to wait where everybody else spends from the same budget first.
_CROWDED_SECONDS = 1.0


class SharedBudget:
    """Spends from, and notes on, the stored budgets; every change is conditional.

    What was read last is kept, so that spending is mostly one write. That it is stale is found
    by the condition.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Budget, int | None]] = {}

    def spend(self, host: Host, cost: Mapping[str, int], now: datetime) -> float:
        """Take ``cost`` from the host's meters; 0, or the seconds to wait if it was not taken."""
        instant = now.timestamp()
        waiting = 0.0

        def spending(budget: Budget) -> Budget | None:
            nonlocal waiting
            waiting = budget.wait(host.policy, cost, instant)
            return None if waiting else budget.spent(host.policy, cost, instant)

        try:
            if not self._changed(host.name, spending) and host.name in self._known:
                # It may be the memory that is spent, not the budget: others were told more.
                del self._known[host.name]
                self._changed(host.name, spending)
        except Contended:
            # Nothing was taken: who asks again in a moment may have more luck.
            return _CROWDED_SECONDS
        return waiting

    def note(self, host: Host, reading: Reading, now: datetime) -> None:
        """Keep what the host said of a limit, where it says something new of importance."""
        instant = now.timestamp()

        def noting(budget: Budget) -> Budget | None:
            before = budget.meters.get(reading.meter)
            after = budget.noted(host.policy, reading, instant)
            meter = after.meters[reading.meter]
            if before is not None and before.limit == meter.limit:
                is_same = before.blocked_until == meter.blocked_until
                # How much is left is for people to see: every so often is enough.
                is_near = abs((before.remaining or 0) - reading.remaining) < reading.limit / 50
                if is_same and is_near and before.reset == meter.reset:
                    return None
            return after

        # Where all others are faster they are told the same, and the next answer tells it again.
        with suppress(Contended):
            self._changed(host.name, noting)

    def block(self, host: Host, cost: Mapping[str, int], until: datetime) -> None:
        """Let nobody spend from these meters before ``until``."""
        self._changed(host.name, lambda budget: budget.blocked(cost, until.timestamp()))

    def _changed(self, name: str, change: Callable[[Budget], Budget | None]) -> bool:
        """Store ``change`` of the budget, whoever else writes it; whether there was one."""
        known = self._known.get(name)
        for _ in DEFAULT_BACKOFF.iter_attempts():
            before, version = known or stored(name)
            self._known[name] = before, version
            after = change(before)
            if after is None:
                return False
            meters = {meter: asdict(values) for meter, values in after.meters.items()}
            written = refresh_state.replace_meters(name, version, meters)
            if written is not None:
                self._known[name] = after, written
                return True
            known = None
        raise Contended(f"the budget of {name}: other writers were always faster")
