"""Asking a host in three lines: a clock that a test moves, sources, and what came of them."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import REPOSITORY, FetchResult, Source
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.worker_context import WorkerContext
from tests.support import entities
from tools.fakehosts.clocks import FrozenClock

#: A Monday, some days after the last recordings.
TODAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
USER_AGENT = "Packgrid/0.1.0 (tests)"


class FakeTime(FrozenClock):
    """A clock that stands still unless somebody sleeps or moves it.

    ``slept`` are the seconds of each sleep. ``uniform`` draws the upper bound, so that waits
    are the longest possible, or with a ``seed`` what a seeded generator draws.
    """

    def __init__(self, at: datetime = TODAY, seed: int | None = None) -> None:
        super().__init__(at)
        self._random = None if seed is None else random.Random(seed)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Move the clock on, and remember it."""
        with self._lock:
            self.slept.append(seconds)
            self._at += timedelta(seconds=max(0.0, seconds))

    def uniform(self, low: float, high: float) -> float:
        """A number between the two."""
        with self._lock:
            return high if self._random is None else self._random.uniform(low, high)

    def context(self, seconds: float | None = None) -> WorkerContext:
        """A worker's surroundings on this clock; ``seconds`` is the time that it has."""
        left: Callable[[], float] = lambda: float("inf")  # noqa: E731
        if seconds is not None:
            end = self._at + timedelta(seconds=seconds)
            left = lambda: (end - self._at).total_seconds()  # noqa: E731
        return WorkerContext(self.now, self.sleep, self.uniform, left)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a batch: ``outcomes`` by package id; ``sent`` is the number of requests."""

    outcomes: dict[int, FetchResult]
    sent: int

    @property
    def only(self) -> FetchResult:
        """The outcome, of a batch of one."""
        (outcome,) = self.outcomes.values()
        return outcome


def source(
    address: str,
    host: str,
    id: int = 1,
    *,
    kind: str = REPOSITORY,
    state: Mapping[str, Any] | None = None,
    checked: datetime | None = None,
    is_check_due: bool = True,
    **package: Any,
) -> Source:
    """A source of a package of which a test names only what it is about."""
    found = entities.package(id, **package)
    return Source(found, kind, host, address, state or {}, checked, is_check_due)


def asked(
    host: Host,
    sources: Sequence[Source],
    context: WorkerContext | None = None,
    budget: SharedBudget | None = None,
) -> Asked:
    """Fetch a batch over a real Session (needs the fixture ``tables``); nothing really sleeps.

    Asserts that every source has exactly one outcome.
    """
    session = Session(host, budget or SharedBudget(), context or FakeTime().context(), USER_AGENT)
    try:
        results = list(host.fetch(sources, session))
    finally:
        session.close()
    outcomes = {found.package.id: outcome for found, outcome in results}
    assert sorted(found.package.id for found, _ in results) == sorted(
        wanted.package.id for wanted in sources
    )
    return Asked(outcomes, session.requests_sent)
