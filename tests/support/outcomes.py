"""What came of asking a host: its figures, and whether they can be stored."""

import json
from dataclasses import replace
from typing import Any

from chalicelib.refresh.commit_weeks import WEEKS
from chalicelib.refresh.fetch_result import FetchResult, Figures, Source


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
