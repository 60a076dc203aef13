"""The counts of commits in 52 weeks, and how they shift as time passes.

A week is a window of seven days that ends at midnight UTC. The last one ends at ``until``, and
the others lie before it without gaps. ``series`` says how the commits were counted. GitHub's
``participation`` excludes merges, and its last week is "seven days ago at UTC midnight to today
at UTC midnight" (GitHub's REST documentation, "Repository statistics"); ``commits`` counts the
commits that a host lists. Counts of one series are never added to those of another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

WEEKS = 52
PARTICIPATION, COMMITS = "participation", "commits"


@dataclass(frozen=True, slots=True)
class CommitWeeks:
    """52 counts, oldest first; the last week ends at the start of the day ``until`` (UTC)."""

    counts: tuple[int, ...]
    until: date
    series: str

    @property
    def state(self) -> dict[str, str]:
        """The JSON to store beside the counts."""
        return {"until": self.until.isoformat(), "series": self.series}

    def shift_to(self, today: date) -> "CommitWeeks":
        """Return the weeks on a later day without further commits: whole weeks drop out."""
        return self._shift(max(0, (today - self.until).days // 7))

    def add_commits(self, instants: Iterable[datetime], today: date) -> "CommitWeeks":
        """Return the weeks with further commits, shifted so that the last week includes today.

        Only for a series that is counted from commits. Commits before the first week are left
        out; those dated after ``today``, by a wrong clock, count as today's.
        """
        behind = (today - self.until).days
        shifted = self._shift(behind // 7 + 1 if behind >= 0 else 0)
        counts = list(shifted.counts)
        for instant in instants:
            age = (shifted.until - instant.astimezone(UTC).date()).days - 1
            position = WEEKS - 1 - max(0, age) // 7
            if position >= 0:
                counts[position] += 1
        return replace(shifted, counts=tuple(counts))

    def _shift(self, weeks: int) -> "CommitWeeks":
        remaining = self.counts[weeks:] if weeks < WEEKS else ()
        counts = remaining + (0,) * (WEEKS - len(remaining))
        return replace(self, counts=counts, until=self.until + timedelta(weeks=weeks))


def build_empty(until: date, series: str) -> CommitWeeks:
    """Return 52 weeks without a commit."""
    return CommitWeeks((0,) * WEEKS, until, series)


def parse_weeks(counts: tuple[int, ...], state: Mapping[str, Any] | None) -> CommitWeeks | None:
    """Return a package's weeks, given their ``CommitWeeks.state``; ``None`` if that is unknown."""
    if state is None or len(counts) != WEEKS:
        return None
    return CommitWeeks(counts, date.fromisoformat(state["until"]), state["series"])
