"""Leases: a source that was sent to the queue is not sent again while it is being refreshed.

A lease names a source and its due time. Every result of a refresh changes the due time, so the
source is unleased then without anybody giving the lease back. If nobody works on the source, the
lease expires.
"""

from collections.abc import Iterable, Iterator

from chalicelib.storage import refresh_state
from chalicelib.storage.backoff import DEFAULT_BACKOFF
from chalicelib.storage.errors import Contended
from chalicelib.storage.refresh_state import Lease, Leases
from chalicelib.storage.sources import DueSource

#: How long a source is leased. It outlives three deaths of its worker (three visibility timeouts
#: of half an hour). If a message is tried for longer, the source is planned a second time, and
#: the message finds it refreshed. This is no multiple of a schedule's rate, or a plan that runs
#: a moment early would miss the end of the lease.
LEASE_SECONDS = 5700
#: The maximum number of leased sources per host: that many fit an item of DynamoDB.
MAX_LEASES = 20_000
#: A lease that ends later than this after the longest possible one was written by a wrong clock.
_MAX_CLOCK_SKEW_SECONDS = 900


class HostLeases:
    """The current leases of one host, as they were read."""

    def __init__(self, host: str, now: float) -> None:
        self._host = host
        self._now = now
        stored, self._version = refresh_state.get_leases(host)
        self._leases = self._get_current(stored)

    def __len__(self) -> int:
        return len(self._leases)

    def exclude_leased(self, sources: Iterable[DueSource]) -> Iterator[DueSource]:
        """Yield the sources that are not leased."""
        return (source for source in sources if not self.is_leased(source.package_id, source.due))

    def is_leased(self, package_id: int, due: float) -> bool:
        """Return whether a source with this due time is leased."""
        lease = self._leases.get(package_id)
        return lease is not None and lease.due == due

    def drop_finished(self, sources: Iterable[DueSource], before: float) -> None:
        """Drop the leases of refreshed sources, given all sources that are due ``before`` then."""
        due = {source.package_id: source.due for source in sources}
        self._leases = {
            package_id: lease
            for package_id, lease in self._leases.items()
            if lease.due >= before or due.get(package_id) == lease.due
        }

    def add(self, sources: Iterable[DueSource]) -> None:
        """Lease sources that were sent; raises Contended if other plans always wrote first.

        Beyond ``MAX_LEASES``, the leases that expire first are dropped.
        """
        until = self._now + LEASE_SECONDS
        new = {source.package_id: Lease(source.due, until) for source in sources}
        for attempt in DEFAULT_BACKOFF.iter_attempts():
            if attempt:
                stored, self._version = refresh_state.get_leases(self._host)
                self._leases = self._get_current(stored)
            merged = sorted(
                (self._leases | new).items(), key=lambda entry: entry[1].until, reverse=True
            )
            if refresh_state.replace_leases(self._host, self._version, dict(merged[:MAX_LEASES])):
                return
        raise Contended(f"the leases of {self._host}: other writers were always faster")

    def _get_current(self, stored: Leases) -> Leases:
        latest = self._now + LEASE_SECONDS + _MAX_CLOCK_SKEW_SECONDS
        return {
            package_id: lease
            for package_id, lease in stored.items()
            if self._now < lease.until <= latest
        }
