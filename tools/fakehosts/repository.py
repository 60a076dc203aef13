"""A simulated repository: its figures, and commits that are computed on demand."""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import accumulate
from math import gcd
from typing import Any

GONE, BLOCKED = "gone", "blocked"
#: Every seventh commit is a merge.
_MERGE_EVERY, _MERGE_AT = 7, 5
#: GitHub links the first 500 authors of a repository to accounts (its REST documentation,
#: "List repository contributors").
MAX_LINKED_AUTHORS = 500


def format_timestamp(instant: float) -> str:
    """Format an instant, in epoch seconds, as ``2026-11-23T12:00:00Z``."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def get_midnight(day: date) -> float:
    """Return the start of a day (UTC), in epoch seconds."""
    return datetime.combine(day, time(), UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; ``instant`` is in epoch seconds, ``author`` is a number in the repository."""

    oid: str
    parents: tuple[str, ...]
    instant: int
    author: int


@dataclass(slots=True, kw_only=True)
class Repository:
    """A repository; its commits are numbered from 0, the oldest.

    The first ``older`` commits are spread evenly between ``created`` and ``older_until``, which is
    more than a year before the world's start; only the others' instants (in order) and authors are
    stored. ``version`` counts all changes, ``pushes`` those of commits, ``former`` are the paths
    before renames.
    """

    id: int
    package_id: int
    host: str
    path: str
    description: str
    stars: int
    forks: int
    watchers: int
    created: int
    authors: int
    older: int
    older_until: int
    recent: "array[int]" = field(default_factory=lambda: array("q"))
    recent_authors: "array[int]" = field(default_factory=lambda: array("H"))
    former: list[str] = field(default_factory=list)
    archived: int | None = None
    status: str = ""
    changed: int = 0
    pushed: int = 0
    version: int = 0
    pushes: int = 0
    #: Whether only figures are public, not the code.
    is_code_hidden: bool = False
    #: Members of the repository's document that replace those of the host.
    overrides: dict[str, Any] = field(default_factory=dict)
    #: (number of the first commit, name) of each line of history; a force push begins a new one.
    lines: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    _shares: "array[int] | None" = None

    @property
    def total(self) -> int:
        """The number of commits, including merges."""
        return self.older + len(self.recent)

    @property
    def plain(self) -> int:
        """The number of commits without merges."""
        return self.total - _count_merges(self.total)

    @property
    def head(self) -> str | None:
        """The id of the newest commit."""
        return self.get_oid(self.total - 1) if self.total else None

    @property
    def last_commit(self) -> int | None:
        """The instant of the newest commit."""
        return self.get_instant(self.total - 1) if self.total else None

    def get_instant(self, number: int) -> int:
        """Return the instant of a commit."""
        if number >= self.older:
            return self.recent[number - self.older]
        span = self.older_until - self.created
        return self.created + span * (number + 1) // self.older

    def get_oid(self, number: int) -> str:
        """Return the id of a commit, which depends on its line of history."""
        line = next(name for start, name in reversed(self.lines) if start <= number)
        return hashlib.sha1(f"{self.id}/{line}/{number}".encode()).hexdigest()

    def get_commit(self, number: int) -> Commit:
        """Return a commit by its number."""
        before = 2 if number % _MERGE_EVERY == _MERGE_AT else 1
        parents = tuple(self.get_oid(number - step) for step in range(1, min(before, number) + 1))
        return Commit(self.get_oid(number), parents, self.get_instant(number), self._author(number))

    def find_commits(self, since: float | None, until: float | None) -> Sequence[int]:
        """Return the numbers of the commits from one instant to another, both included."""
        numbers = range(self.total)
        low = 0 if since is None else bisect_right(numbers, since - 0.5, key=self.get_instant)
        high = self.total if until is None else bisect_right(numbers, until, key=self.get_instant)
        return range(low, max(low, high))

    def count_weekly_commits(self, until: date, *, is_with_merges: bool) -> tuple[int, ...]:
        """Count the commits of each of the 52 weeks before the day ``until``, oldest first."""
        end = get_midnight(until)
        counts = [0] * 52
        for number in self.find_commits(end - 52 * 7 * 86400, end - 1):
            if is_with_merges or number % _MERGE_EVERY != _MERGE_AT:
                counts[51 - int(end - 1 - self.get_instant(number)) // (7 * 86400)] += 1
        return tuple(counts)

    def rank_contributors(self) -> list[tuple[int, int]]:
        """Return (author, commits without merges) of all authors with any, most commits first."""
        counts = list(self._iter_older_shares())
        for place, author in enumerate(self.recent_authors):
            if (self.older + place) % _MERGE_EVERY != _MERGE_AT:
                counts[author] += 1
        ranked = sorted(range(len(counts)), key=lambda author: (-counts[author], author))
        return [(author, counts[author]) for author in ranked if counts[author]]

    def get_login(self, author: int) -> str:
        """Return the account of an author, who commits to this repository only."""
        return f"user-{(self.package_id * 7919 + author * 31) % 40009}"

    def get_author_name(self, author: int) -> str:
        """Return the name of an author in commits; some names contain a comma."""
        login = self.get_login(author)
        return f"Doe, {login}" if author % 40 == 39 else f"Ada {login}"

    def has_account(self, author: int) -> bool:
        """Return whether an author's commits are linked to an account."""
        return author % 3 != 0

    def push(self, instants: list[int], authors: list[int]) -> None:
        """Add commits, none of them before the newest."""
        self.recent.extend(instants)
        self.recent_authors.extend(authors)
        self.authors = max(self.authors, *(author + 1 for author in authors))
        self._shares = None
        self.pushes += 1

    def drop_commits(self, commits: int) -> None:
        """Remove the newest commits; later ones are on a new line of history."""
        kept = max(0, len(self.recent) - commits)
        del self.recent[kept:]
        del self.recent_authors[kept:]
        self.lines.append((self.total, len(self.lines)))
        self.pushes += 1

    def _author(self, number: int) -> int:
        """Return the author of a commit; all merges are the first author's."""
        if number % _MERGE_EVERY == _MERGE_AT:
            return 0
        if number >= self.older:
            return self.recent_authors[number - self.older]
        if self._shares is None:
            self._shares = array("q", accumulate(self._iter_older_shares()))
        plain = self.older - _count_merges(self.older)
        # A permutation, so that the authors' commits are mixed.
        step = next(step for step in (7919, 7907, 7901, 7883) if gcd(step, plain) == 1)
        return bisect_right(self._shares, (number - _count_merges(number)) * step % plain)

    def _iter_older_shares(self) -> Iterator[int]:
        """Yield each author's number of older commits without merges, by Zipf's law."""
        plain = self.older - _count_merges(self.older)
        authors = min(self.authors, plain)
        scale = sum(1 / (place + 1) for place in range(authors))
        shares = [1 + int((plain - authors) / (place + 1) / scale) for place in range(authors)]
        if shares:
            shares[0] += plain - sum(shares)
        yield from shares
        yield from [0] * (self.authors - authors)


def _count_merges(number: int) -> int:
    """Count the merges among the commits before a number."""
    return (number + _MERGE_EVERY - 1 - _MERGE_AT) // _MERGE_EVERY


def get_date(now: float) -> date:
    """Return the day (UTC) of an instant."""
    return datetime.fromtimestamp(now, UTC).date()
