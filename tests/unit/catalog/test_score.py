"""The score of a package at the edges of its rule."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.catalog.score import compute_score
from tests.support.entities import package

NOW = datetime(2026, 11, 23, 11, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "stars_left"),
    [
        # Three months, counted as 30.44 days each, are full with the 92nd day.
        (0, 100),
        (91, 100),
        (92, 90),
        (182, 90),
        (183, 80),
        (365, 70),
        (366, 60),
        (913, 10),
        (914, 0),
        (1004, 0),
        (1005, -10),
        (-3, 100),
    ],
)
def test_every_three_months_without_a_commit_cost_a_tenth(days: int, stars_left: int) -> None:
    last = NOW - timedelta(days=days)
    found = package(repo_watchers=100, last_commit_date=last, supports_python3=True)
    assert compute_score(found, NOW) == stars_left


@pytest.mark.parametrize(
    ("stars", "supports_python3", "wanted"),
    [
        (100, True, 90),
        (100, False, 60),
        (100, None, 60),
        (1000, None, 600),
        # Of more than a thousand stars no more is taken off.
        (2000, None, 1500),
        (7, None, 4),
        (1, None, 0),
        (0, None, 0),
    ],
)
def test_where_no_commit_is_known_a_tenth_is_taken_off_once(
    stars: int, supports_python3: bool | None, wanted: int
) -> None:
    found = package(repo_watchers=stars, supports_python3=supports_python3)
    assert compute_score(found, NOW) == wanted


@pytest.mark.parametrize(("stars", "wanted"), [(100, -300), (166, -498), (167, -500), (9000, -500)])
def test_no_score_is_below_500_less_than_nothing(stars: int, wanted: int) -> None:
    # 40 times three months.
    last = NOW - timedelta(days=3653)
    found = package(repo_watchers=stars, last_commit_date=last, supports_python3=True)
    assert compute_score(found, NOW) == wanted
