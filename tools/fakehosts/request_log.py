"""A log of the requests to a world: counts by host, kind and status, and by package."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

#: Contributors per page of the original's updater, as recorded.
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that exceeded a limit."""

    host: str
    limit: str
    at: datetime


@dataclass(slots=True)
class RequestLog:
    """Counts of the requests since the start, or since ``clear``.

    - ``counts``: (host, kind, status) -> requests; the status is the one that was sent, also by a
      fault (0 for a broken connection)
    - ``shares``: (host, package) -> requests; one about n packages adds 1/n to each
    - ``common``: host -> requests about no package (the index's root)
    - ``faults``: kind -> injected faults
    """

    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    shares: dict[tuple[str, int], float] = field(default_factory=lambda: defaultdict(float))
    common: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def add_request(self, host: str, kind: str, status: int, packages: tuple[int, ...]) -> None:
        """Count a request."""
        self.counts[host, kind, status] += 1
        if not packages:
            self.common[host] += 1
        for package in packages:
            self.shares[host, package] += 1 / len(packages)

    @property
    def total(self) -> int:
        """The number of requests."""
        return self.counts.total()

    def count_by_host(self, packages: Collection[int]) -> dict[str, float]:
        """Return host -> requests about these packages, without requests about no package."""
        ids = set(packages)
        requests: dict[str, float] = defaultdict(float)
        for (host, package), share in self.shares.items():
            if package in ids:
                requests[host] += share
        return dict(requests)

    def clear(self) -> None:
        """Reset all counts and violations."""
        for counter in (self.counts, self.shares, self.common, self.faults, self.violations):
            counter.clear()


@dataclass(frozen=True, slots=True)
class OriginalRequests:
    """Requests that the original's updater sends for a package; ``look_ups`` are of its rate limit.

    The original's GitHub handler looks up the rate limit (two requests) before it requests the
    repository and after each contributor; its updater does the same (two) before each package.
    The other requests are for the repository, the contributors in pages of 100, the newest commit,
    and the weekly participation. That makes 2 x contributors + 7, plus one for each page: 208 for
    100 contributors, of which 204 are look-ups.
    """

    look_ups: int
    others: int

    @property
    def total(self) -> int:
        """All requests."""
        return self.look_ups + self.others


def count_original_requests(contributors: int) -> OriginalRequests:
    """Count the original's requests for a package with this number of contributors."""
    pages = max(1, (contributors + _PAGE_SIZE - 1) // _PAGE_SIZE)
    return OriginalRequests(2 * contributors + 4, 3 + pages)
