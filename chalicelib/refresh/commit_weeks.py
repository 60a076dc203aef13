"""The 52 weeks of commits, and what becomes of them as time passes.

A week is a window of seven days that ends at midnight UTC; the last one ends at ``until``, and
the others lie before it without gaps. ``series`` tells how the commits were counted: GitHub's
``participation`` leaves merges out and its last week is "seven days ago at UTC midnight to today
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
        """What has to be remembered beside the counts."""
        return {"until": self.until.isoformat(), "series": self.series}

    def shift_to(self, today: date) -> "CommitWeeks":
        """The weeks as they are on a later day without a new commit: whole weeks move out."""
        return self._shift(max(0, (today - self.until).days // 7))

    def add_commits(self, instants: Iterable[datetime], today: date) -> "CommitWeeks":
        """The weeks with further commits, moved on so that the last week holds ``today``.

        Only for a series that is counted from commits. Commits before the first week are
        left out; those dated after ``today`` (a clock that is wrong) count as today's.
        """
        behind = (today - self.until).days
        moved = self._shift(behind // 7 + 1 if behind >= 0 else 0)
        counts = list(moved.counts)
        for instant in instants:
            age = (moved.until - instant.astimezone(UTC).date()).days - 1
            place = WEEKS - 1 - max(0, age) // 7
            if place >= 0:
                counts[place] += 1
        return replace(moved, counts=tuple(counts))

    def _shift(self, weeks: int) -> "CommitWeeks":
        kept = self.counts[weeks:] if weeks < WEEKS else ()
        counts = kept + (0,) * (WEEKS - len(kept))
        return replace(self, counts=counts, until=self.until + timedelta(weeks=weeks))


def build_empty(until: date, series: str) -> CommitWeeks:
    """52 weeks without a commit."""
    return CommitWeeks((0,) * WEEKS, until, series)


def parse_weeks(counts: tuple[int, ...], state: Mapping[str, Any] | None) -> CommitWeeks | None:
    """The weeks that a package has, if ``state`` (of ``Weeks.state``) tells what they are."""
    if state is None or len(counts) != WEEKS:
        return None
    return CommitWeeks(counts, date.fromisoformat(state["until"]), state["series"])
