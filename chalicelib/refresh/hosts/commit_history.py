"""Counting from listed commits: which are new, whose they are, and in which week they fall."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.refresh import commit_weeks
from chalicelib.refresh.commit_weeks import COMMITS, WEEKS, CommitWeeks
from chalicelib.refresh.fetch_result import Source
from chalicelib.refresh.json_fields import BadValue, join_names

#: Authors whose commits are remembered by number; a text of that many names is long enough.
_MOST_AUTHORS = 200


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as a host lists it; ``parents`` is ``None`` where the host does not tell."""

    id: str
    at: datetime
    author: str
    parents: tuple[str, ...] | None = None


def listed(json: Any) -> list[Any]:
    """The entries of a JSON list; raises BadValue for anything else."""
    if not isinstance(json, list):
        raise BadValue("not a list")
    return json


class History:
    """A listing of commits from the newest on, as far as it was read."""

    def __init__(self) -> None:
        self._commits: dict[str, Commit] = {}

    def add(self, commits: Iterable[Commit]) -> None:
        """Note a further page; what is there already (the list moved on) counts once."""
        for commit in commits:
            self._commits.setdefault(commit.id, commit)

    @property
    def commits(self) -> list[Commit]:
        """What was read, newest first."""
        return list(self._commits.values())

    def since(self, known: str) -> list[Commit] | None:
        """The commits that ``known`` does not contain; ``None`` if that cannot be told yet.

        A merge may bring commits that are older than ``known`` and listed after it, so position
        alone tells nothing: what ``known`` contains is followed along parents. Hosts list no
        commit before its children, so all of it that was listed is found. Every parent of a new
        commit must have been listed too. ``known`` is never met if history was rewritten.
        """
        if known not in self._commits:
            return None
        contained = self._contained(known)
        new = [commit for commit in self.commits if commit.id not in contained]
        for commit in new:
            if any(parent not in self._commits for parent in commit.parents or ()):
                return None
        return new

    def _contained(self, known: str) -> set[str]:
        following = dict(zip(self._commits, list(self._commits)[1:], strict=False))
        found, waiting = {known}, [known]
        while waiting:
            commit = self._commits[waiting.pop()]
            parents = commit.parents
            if parents is None:
                # Without parents the listing is taken for a line.
                parents = tuple(filter(None, [following.get(commit.id)]))
            for parent in parents:
                if parent in self._commits and parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return found


def start(today: date) -> datetime:
    """The instant at which the 52 weeks that end with ``today`` begin."""
    first = today + timedelta(days=1) - timedelta(weeks=WEEKS)
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


def counted(instants: Iterable[datetime], today: date) -> CommitWeeks:
    """The 52 weeks that end with ``today``, of all commits since they began."""
    empty = commit_weeks.build_empty(today + timedelta(days=1), COMMITS)
    return empty.add_commits(instants, today)


def by_author(found: Iterable[Commit], before: Mapping[str, int]) -> dict[str, int]:
    """Commits by author, added to those remembered; the most active ones only."""
    counts = Counter(before)
    counts.update(commit.author for commit in found if commit.author)
    return dict(counts.most_common(_MOST_AUTHORS))


def participants(source: Source, counts: Mapping[str, int]) -> str:
    """Names by number of commits, after them those stored that were not seen again."""
    ordered = sorted(counts, key=lambda name: -counts[name])
    return join_names(ordered + (source.package.participants or "").split(","))
