"""Histories made by hand, and a server of each dialect that lists them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.refresh.commit_weeks import WEEKS
from chalicelib.refresh.fetch_result import FetchResult, Figures, Source
from tests.support.upstream.asking import TODAY


@dataclass(frozen=True)
class Made:
    """A commit."""

    id: str
    at: datetime
    author: str = "ada"
    parents: tuple[str, ...] = ()


@dataclass
class Tree:
    """Commits with their parents, and which of them is the newest of the default branch."""

    commits: dict[str, Made] = field(default_factory=dict)
    head: str = ""

    def commit(self, id: str, days: float, *parents: str, author: str = "ada") -> "Tree":
        """A commit made so many days before TODAY, on the newest one unless parents are named."""
        on = parents or ((self.head,) if self.head else ())
        self.commits[id] = Made(id, TODAY - timedelta(days=days), author, on)
        self.head = id
        return self

    def line(self, name: str, ages: Sequence[float], author: str = "ada") -> "Tree":
        """Commits one after another, so many days old."""
        for place, days in enumerate(ages):
            self.commit(f"{name}{place}", days, author=author)
        return self

    def listed(self) -> list[Made]:
        """As git lists what the newest contains: no commit before its children, else by date."""
        children: dict[str, int] = dict.fromkeys(self._reached(), 0)
        for id in children:
            for parent in self.commits[id].parents:
                children[parent] += 1
        ready, found = [self.commits[self.head]] if self.head else [], []
        while ready:
            ready.sort(key=lambda commit: commit.at)
            found.append(ready.pop())
            for parent in found[-1].parents:
                children[parent] -= 1
                if not children[parent]:
                    ready.append(self.commits[parent])
        return found

    def _reached(self) -> set[str]:
        found: set[str] = set()
        waiting = [self.head] if self.head else []
        while waiting:
            id = waiting.pop()
            if id not in found:
                found.add(id)
                waiting += self.commits[id].parents
        return found

    def per_week(self, now: datetime = TODAY) -> tuple[int, ...]:
        """The 52 weeks that end with today, counted in the plainest way."""
        ages = [(now.date() - commit.at.date()).days for commit in self.listed()]
        return tuple(
            sum(7 * week <= age < 7 * week + 7 for age in ages) for week in reversed(range(WEEKS))
        )


def figures(outcome: FetchResult) -> Figures:
    """The outcome, which has to have figures, each with a mark."""
    assert isinstance(outcome, Figures), outcome
    assert set(outcome.marks) == set(outcome.values)
    return outcome


def known(before: Source, outcome: FetchResult) -> Source:
    """The source as the next refresh finds it."""
    found = figures(outcome)
    return replace(before, package=replace(before.package, **found.values), state=found.state)


def json_values(outcome: FetchResult) -> dict[str, Any]:
    """The values of an outcome that has some."""
    return dict(figures(outcome).values)


def assert_storable(found: Figures) -> None:
    """Every value is of its field's type, and the state is JSON."""
    texts, counts = {"repo_description", "participants"}, {"repo_watchers", "repo_forks"}
    for name, value in found.values.items():
        if name in texts:
            assert isinstance(value, str)
            assert "\0" not in value.encode().decode()
        elif name in counts | {"commit_count"}:
            assert type(value) is int
            assert 0 <= value <= 2**53
        elif name == "commits_over_52w":
            assert len(value) == WEEKS
        else:
            assert value is None or value.tzinfo is not None
    assert json.loads(json.dumps(found.state)) == found.state
