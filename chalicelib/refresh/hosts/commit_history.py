"""Figures from listed commits: which are new, whose they are, and in which week they fall."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from chalicelib.refresh import commit_weeks
from chalicelib.refresh.commit_weeks import COMMITS, WEEKS, CommitWeeks
from chalicelib.refresh.fetch_result import Provenance, Source
from chalicelib.refresh.hosts.figure_collector import FigureCollector
from chalicelib.refresh.json_fields import join_names

#: Authors whose commits are remembered by number; a text of that many names is long enough.
_MAX_AUTHORS = 200


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as a host lists it; ``parents`` is ``None`` where the host does not tell."""

    id: str
    at: datetime
    author: str
    parents: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list of commits, newest first; ``total`` is of all pages, if it is told."""

    commits: list[Commit]
    is_last: bool
    total: int | None = None


class History:
    """A list of commits from the newest on, as far as it was read."""

    def __init__(self) -> None:
        self._commits: dict[str, Commit] = {}

    def add(self, commits: Iterable[Commit]) -> None:
        """Add a page; a commit that is there already (the list moved on) counts once."""
        for commit in commits:
            self._commits.setdefault(commit.id, commit)

    @property
    def commits(self) -> list[Commit]:
        """The commits that were read, newest first."""
        return list(self._commits.values())

    def since(self, known: str) -> list[Commit] | None:
        """Return the commits that ``known`` does not contain; ``None`` if that is not clear yet.

        A merge may bring commits that are older than ``known`` and listed after it, so position
        alone tells nothing: what ``known`` contains is followed along parents. Hosts list no
        commit before its children, so all of it that was listed is found. Every parent of a new
        commit must have been listed too. ``known`` is never met if history was rewritten.
        """
        if known not in self._commits:
            return None
        contained = self._find_contained(known)
        new = [commit for commit in self.commits if commit.id not in contained]
        for commit in new:
            if any(parent not in self._commits for parent in commit.parents or ()):
                return None
        return new

    def _find_contained(self, known: str) -> set[str]:
        following = dict(zip(self._commits, list(self._commits)[1:], strict=False))
        contained, waiting = {known}, [known]
        while waiting:
            commit = self._commits[waiting.pop()]
            parents = commit.parents
            if parents is None:
                # Without parents the list is taken for a line.
                parents = tuple(filter(None, [following.get(commit.id)]))
            for parent in parents:
                if parent in self._commits and parent not in contained:
                    contained.add(parent)
                    waiting.append(parent)
        return contained


@dataclass(slots=True)
class Listing:
    """A list of commits as far as it was read.

    ``new``: those that were not there last time, ``None`` if that is not clear. ``is_complete``:
    all of the 52 weeks were read; ``is_whole``: all there are.
    """

    history: History = field(default_factory=History)
    total: int | None = None
    new: list[Commit] | None = None
    is_complete: bool = False
    is_whole: bool = False

    @property
    def commits(self) -> list[Commit]:
        """The commits that were read, newest first."""
        return self.history.commits


def read_listing(pages: Iterable[Page], head: str | None, begin: datetime) -> Listing:
    """Read pages until those after ``head`` are known, else all commits since ``begin``."""
    listing = Listing()
    for page in pages:
        listing.history.add(page.commits)
        commits = listing.commits
        is_old = bool(commits) and commits[-1].at < begin
        listing.total = page.total
        listing.new = listing.history.since(head) if head else None
        listing.is_complete, listing.is_whole = page.is_last or is_old, page.is_last
        if listing.is_complete or listing.new is not None:
            break
    return listing


def collect_commits(collector: FigureCollector, call: str, pages: Iterable[Page]) -> None:
    """Set the figures that a list of commits tells: head, total, weeks and participants.

    Only what came since the newest commit of last time is read, where that can be told. The
    state remembers commits by author (``authors``). Raises BadValue, and what ``pages`` raises.
    """
    head = collector.state.get("head") if collector.weeks is not None else None
    listing = read_listing(pages, head, compute_begin(collector.today))
    commits = listing.commits
    if not commits:
        collector.set_empty(call)
        return
    total = len(commits) if listing.total is None and listing.is_whole else listing.total
    collector.set_head(call, commits[0].id, commits[0].at, total)
    provenance = Provenance.of_commit(call, commits[0].id)
    if collector.weeks is not None and listing.new is not None:
        weeks = add_to_weeks(collector.weeks, listing.new, collector.today)
        collector.set_weeks(provenance, weeks)
        counts = count_by_author(listing.new, collector.state.get("authors", {}))
    else:
        collector.forget("weeks")
        counts = count_by_author(commits, {})
        if listing.is_complete:
            instants = (commit.at for commit in commits)
            collector.set_weeks(provenance, count_weeks(instants, collector.today))
    collector.state["authors"] = counts
    participants = join_participants(collector.source, counts)
    collector.set_figures(provenance, participants=participants)


def compute_begin(today: date) -> datetime:
    """Return the instant at which the 52 weeks that end with ``today`` begin."""
    first = today + timedelta(days=1) - timedelta(weeks=WEEKS)
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


def count_weeks(instants: Iterable[datetime], today: date) -> CommitWeeks:
    """Count the 52 weeks that end with ``today`` from all commits since they began."""
    empty = commit_weeks.build_empty(today + timedelta(days=1), COMMITS)
    return empty.add_commits(instants, today)


def add_to_weeks(weeks: CommitWeeks, commits: Iterable[Commit], today: date) -> CommitWeeks:
    """Return the weeks with further commits, or moved on if there are none."""
    instants = [commit.at for commit in commits]
    return weeks.add_commits(instants, today) if instants else weeks.shift_to(today)


def count_by_author(commits: Iterable[Commit], before: Mapping[str, int]) -> dict[str, int]:
    """Add commits by author to those remembered; the most active authors only."""
    counts = Counter(before)
    counts.update(commit.author for commit in commits if commit.author)
    return dict(counts.most_common(_MAX_AUTHORS))


def join_participants(source: Source, counts: Mapping[str, int]) -> str:
    """Join names by number of commits; stored ones that were not seen again come last."""
    ordered = sorted(counts, key=lambda name: -counts[name])
    return join_names(ordered + (source.package.participants or "").split(","))
