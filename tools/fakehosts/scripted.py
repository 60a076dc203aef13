"""Repositories whose history a test writes commit by commit, and one host that serves them.

A ``ScriptedRepository`` takes the place of a ``Repository`` in any simulated host::

    history = History(now).add_line("a", [60, 30, 0.1])
    repository = ScriptedRepository("owner/tool", history, stars=12)
    host = Forgejo("https://codeberg.org", has_limits=False)
    host.repositories.add(repository)
    with Replay.from_host(host, {"GET /api/v1/version": [(500, {}, b"")]}) as replay: ...
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tools.fakehosts.repository import Commit, Repository


@dataclass(frozen=True, slots=True)
class ScriptedCommit:
    """A commit with its id, its author's name and its parents."""

    id: str
    at: datetime
    author: str = "ada"
    parents: tuple[str, ...] = ()


class History:
    """Commits with their parents; ``head`` is the newest one of the default branch."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.commits: dict[str, ScriptedCommit] = {}
        self.head = ""
        self._listed: list[ScriptedCommit] | None = None

    def add_commit(self, id: str, days: float, *parents: str, author: str = "ada") -> "History":
        """Add a commit made so many days ago, on the head unless parents are named."""
        on = parents or ((self.head,) if self.head else ())
        # Hosts name whole seconds.
        at = self._now - timedelta(seconds=round(days * 86_400))
        self.commits[id] = ScriptedCommit(id, at, author, on)
        self.head = id
        self._listed = None
        return self

    def add_line(self, name: str, ages: Sequence[float], author: str = "ada") -> "History":
        """Add commits one after another, so many days old."""
        for number, days in enumerate(ages):
            self.add_commit(f"{name}{number}", days, author=author)
        return self

    def list_commits(self) -> list[ScriptedCommit]:
        """Return what the head contains as git does: children before parents, else by date."""
        if self._listed is None:
            self._listed = self._sort_commits()
        return self._listed

    def _sort_commits(self) -> list[ScriptedCommit]:
        children: dict[str, int] = dict.fromkeys(self._find_reachable(), 0)
        for id in children:
            for parent in self.commits[id].parents:
                children[parent] += 1
        ready, listed = [self.commits[self.head]] if self.head else [], []
        while ready:
            ready.sort(key=lambda commit: commit.at)
            listed.append(ready.pop())
            for parent in listed[-1].parents:
                children[parent] -= 1
                if not children[parent]:
                    ready.append(self.commits[parent])
        return listed

    def _find_reachable(self) -> set[str]:
        reachable: set[str] = set()
        waiting = [self.head] if self.head else []
        while waiting:
            id = waiting.pop()
            if id not in reachable:
                reachable.add(id)
                waiting += self.commits[id].parents
        return reachable

    def count_weeks(self, now: datetime | None = None) -> tuple[int, ...]:
        """Count the commits of each of the 52 weeks that end today, in the plainest way."""
        today = (now or self._now).date()
        ages = [(today - commit.at.date()).days for commit in self.list_commits()]
        return tuple(
            sum(7 * week <= age < 7 * week + 7 for age in ages) for week in reversed(range(52))
        )


class ScriptedRepository(Repository):
    """A repository with a ``History``; ``figures`` are further fields of ``Repository``.

    Author names become accounts and names by ``to_login`` and ``to_name``; those in ``strangers``
    have no account. Commits are numbered from the end of git's list.
    """

    __slots__ = ("_authors", "_to_login", "_to_name", "history", "strangers")

    def __init__(
        self,
        path: str,
        history: History,
        *,
        to_login: Callable[[str], str] = str,
        to_name: Callable[[str], str] = str,
        strangers: Sequence[str] = (),
        **figures: Any,
    ) -> None:
        defaults = {
            "id": 1,
            "package_id": figures.get("id", 1),
            "host": "",
            "description": "Example",
            "stars": 5,
            "forks": 2,
            "watchers": 4,
            "created": 0,
            "authors": 0,
            "older": 0,
            "older_until": 0,
        }
        super().__init__(path=path, **defaults | figures)
        self.history = history
        self.strangers = strangers
        self._to_login, self._to_name = to_login, to_name
        self._authors: list[str] = []

    @property
    def total(self) -> int:
        """The number of commits, merges too."""
        return len(self.history.list_commits())

    def get_instant(self, number: int) -> int:
        """Return the instant of a commit."""
        return int(self._get(number).at.timestamp())

    def get_oid(self, number: int) -> str:
        """Return the id of a commit."""
        return self._get(number).id

    def get_commit(self, number: int) -> Commit:
        """Return a commit by its number."""
        commit = self._get(number)
        author = self._number_author(commit.author)
        return Commit(commit.id, commit.parents, int(commit.at.timestamp()), author)

    def find_commits(self, since: float | None, until: float | None) -> Sequence[int]:
        """Return the numbers of the commits from one instant to another, both included."""
        return [
            number
            for number in range(self.total)
            if (since is None or self.get_instant(number) >= since)
            and (until is None or self.get_instant(number) <= until)
        ]

    def rank_contributors(self) -> list[tuple[int, int]]:
        """Return (author, commits without merges), those with most commits first."""
        counts = Counter(
            self._number_author(commit.author)
            for commit in self.history.list_commits()
            if len(commit.parents) < 2
        )
        return counts.most_common()

    def get_login(self, author: int) -> str:
        """Return the login of an author."""
        return self._to_login(self._authors[author])

    def get_author_name(self, author: int) -> str:
        """Return the name of an author as commits have it."""
        return self._to_name(self._authors[author])

    def has_account(self, author: int) -> bool:
        """Return whether an author's commits are linked to an account."""
        return self._authors[author] not in self.strangers

    def _get(self, number: int) -> ScriptedCommit:
        return self.history.list_commits()[self.total - 1 - number]

    def _number_author(self, name: str) -> int:
        if name not in self._authors:
            self._authors.append(name)
        return self._authors.index(name)
