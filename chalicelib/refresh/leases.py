"""Leases: what a plan sent is not sent again while it is being worked on.

A lease is on a source as it was seen, by its due time: whatever comes of asking changes that, and
the source is free again without anybody giving anything back. One that nobody works on is free
when its lease runs out.
"""

from collections.abc import Iterable, Iterator

from chalicelib.storage import refresh_state
from chalicelib.storage.backoff import DEFAULT_BACKOFF
from chalicelib.storage.errors import Contended
from chalicelib.storage.refresh_state import Lease, Leases
from chalicelib.storage.sources import DueSource

#: A planned source is not planned again for so long, unless its batch was worked on. It outlives
#: a worker's death and two more (three visibility timeouts of half an hour); what is tried for
#: longer is planned beside its message, which then finds it asked. No multiple of a schedule's
#: rate, or a plan that is early by a moment would miss its end.
LEASE_SECONDS = 5700
#: The most sources of one host that are under way at once; so many fit an item of DynamoDB.
MOST = 20_000
#: What lasts longer than a lease can was leased by a clock that is wrong.
_SLACK_SECONDS = 900


class Held:
    """The leases of a host that last, as they were read."""

    def __init__(self, host: str, now: float) -> None:
        self._host = host
        self._now = now
        stored, self._version = refresh_state.get_leases(host)
        self._leases = self._lasting(stored)

    def __len__(self) -> int:
        return len(self._leases)

    def free(self, found: Iterable[DueSource]) -> Iterator[DueSource]:
        """Those of the sources that are not under way."""
        return (one for one in found if not self.has(one.package_id, one.due))

    def has(self, package_id: int, due: float) -> bool:
        """Whether a source that is due then is under way."""
        lease = self._leases.get(package_id)
        return lease is not None and lease.due == due

    def forget(self, found: Iterable[DueSource], before: float) -> None:
        """Drop what was worked on, given all sources that are due before an instant."""
        due = {one.package_id: one.due for one in found}
        self._leases = {
            identifier: lease
            for identifier, lease in self._leases.items()
            if lease.due >= before or due.get(identifier) == lease.due
        }

    def take(self, sent: Iterable[DueSource]) -> None:
        """Lease what was sent; raises Contended where other plans were always faster.

        Beyond ``MOST`` the leases that run out first are given up.
        """
        until = self._now + LEASE_SECONDS
        taken = {one.package_id: Lease(one.due, until) for one in sent}
        for attempt in DEFAULT_BACKOFF.iter_attempts():
            if attempt:
                stored, self._version = refresh_state.get_leases(self._host)
                self._leases = self._lasting(stored)
            merged = self._leases | taken
            kept = sorted(merged.items(), key=lambda one: one[1].until, reverse=True)[:MOST]
            if refresh_state.replace_leases(self._host, self._version, dict(kept)):
                return
        raise Contended(f"the leases of {self._host}: other writers were always faster")

    def _lasting(self, stored: Leases) -> Leases:
        longest = self._now + LEASE_SECONDS + _SLACK_SECONDS
        return {
            identifier: lease
            for identifier, lease in stored.items()
            if self._now < lease.until <= longest
        }
