"""The weight of packages and grids at the edges of every rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.search.weights import compute_grid_weight, compute_package_weight
from tests.support import entities

NOW = datetime(2026, 11, 23, 11, 0, 0, 123456, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
#: A package that gets all points but those of the rule in question.
FULL: dict[str, Any] = {
    "repo_description": "x",
    "pypi_downloads": 20_000,
    "repo_forks": 20,
    "last_commit_date": NOW,
    "last_released": NOW,
    "usage_count": 20,
    "repo_watchers": 20,
}


def _weight(**values: Any) -> int:
    return compute_package_weight(entities.package(**(FULL | values)), NOW)


@pytest.mark.parametrize(
    ("values", "points_lost"),
    [
        ({}, 0),
        ({"date_deprecated": NOW}, 20),
        ({"repo_description": ""}, 20),
        ({"repo_description": None}, 20),
        ({"repo_description": " \n\t"}, 20),
        ({"pypi_downloads": 19_999}, 1),
        ({"pypi_downloads": 999}, 20),
        ({"pypi_downloads": None}, 20),
        ({"pypi_downloads": 10**9}, 0),
        ({"repo_forks": 7}, 13),
        ({"repo_forks": 21}, 0),
        ({"usage_count": 0}, 20),
        ({"repo_watchers": 1}, 19),
        ({"last_commit_date": NOW - timedelta(days=90) + A_MOMENT}, 0),
        ({"last_commit_date": NOW - timedelta(days=90)}, 10),
        ({"last_commit_date": NOW - timedelta(days=182)}, 15),
        ({"last_commit_date": NOW - timedelta(days=365) + A_MOMENT}, 15),
        ({"last_commit_date": NOW - timedelta(days=365)}, 20),
        ({"last_commit_date": None}, 20),
        ({"last_commit_date": NOW + timedelta(days=1)}, 0),
        ({"last_released": NOW - timedelta(days=365) + A_MOMENT}, 0),
        ({"last_released": NOW - timedelta(days=365)}, 20),
        ({"last_released": None}, 20),
    ],
)
def test_each_rule_gives_its_points(values: dict[str, Any], points_lost: int) -> None:
    assert _weight(**values) == int((160 - points_lost) / 160 * 100)


def test_a_package_with_nothing_still_is_not_deprecated() -> None:
    assert compute_package_weight(entities.package(), NOW) == 12


@pytest.mark.parametrize(
    ("locked", "header", "filled", "heaviest", "weight"),
    [
        (True, True, True, 78, 65),
        (False, True, True, 78, 52),
        (False, False, True, 78, 39),
        (False, False, False, 78, 26),
        (True, True, True, 100, 83),
        # Sixths are not exact in floating point: 24.999..., cut.
        (False, False, True, 50, 24),
        (True, True, True, 0, 0),
    ],
)
def test_a_grid_loses_a_sixth_for_each_lack(
    locked: bool, header: bool, filled: bool, heaviest: int, weight: int
) -> None:
    members = ((1, 1),) if filled else ()
    grid = entities.grid(is_locked=locked, header=header, members=members)
    assert compute_grid_weight(grid, heaviest) == weight
