"""What was asked of a world: counted by host, kind and status, and shared out to packages."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

#: Who is shown what the original needs: 100 contributors a page, as recorded.
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """A request past a limit."""

    host: str
    what: str
    when: datetime


@dataclass(slots=True)
class RequestLog:
    """The requests since the beginning, or since ``forget``.

    ``counts``: (host, kind, status) -> requests. ``shares``: (host, package) -> requests, of
    which one that is about several packages is shared alike; ``common``: host -> requests
    that are about none (the index's root). ``faults``: kind -> how many were
    injected; injected answers are counted under the status that was sent (0 for silence).
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
        """All requests."""
        return self.counts.total()

    def count_by_host(self, packages: Collection[int]) -> dict[str, float]:
        """Requests by host that were about these packages; what is about none is in no share."""
        wanted = set(packages)
        found: dict[str, float] = defaultdict(float)
        for (host, package), share in self.shares.items():
            if package in wanted:
                found[host] += share
        return dict(found)

    def clear(self) -> None:
        """Begin anew, violations too."""
        for counted in (self.counts, self.shares, self.common, self.faults, self.violations):
            counted.clear()


@dataclass(frozen=True, slots=True)
class OriginalRequests:
    """Requests of the original's updater for a package: of these, ``look_ups`` of its limit.

    The original's handler of GitHub looks its limit up (two requests) before it asks for the
    repository and after each contributor, and its updater does so (two) before each package;
    the other requests are the repository, the contributors by pages of 100, the newest commit,
    and the weekly participation. That makes 2 x contributors + 7 and one for each page: 208 for
    100 contributors, of which 204 are look-ups.
    """

    look_ups: int
    others: int

    @property
    def total(self) -> int:
        """Both."""
        return self.look_ups + self.others


def count_original_requests(contributors: int) -> OriginalRequests:
    """What the original asks for a package with so many contributors."""
    pages = max(1, (contributors + _PAGE - 1) // _PAGE)
    return OriginalRequests(2 * contributors + 4, 3 + pages)
