"""How much an entry of the search counts by itself, 0 to 100.

The rules are facts about djangopackages.org: eight of 0 to 20 points each for a package, and a
grid relative to the package that has the most.
"""

from datetime import datetime, timedelta

from chalicelib.catalog.entities import Grid, Package

_MOST_POINTS = 20
_ALL_POINTS = 8 * _MOST_POINTS
_COMMIT_POINTS = ((timedelta(days=90), 20), (timedelta(days=182), 10), (timedelta(days=365), 5))
_RECENT_RELEASE = timedelta(days=365)
_DOWNLOADS_A_POINT = 1_000


def package_weight(package: Package, now: datetime) -> int:
    """The weight of a package at the instant ``now``."""
    points = (
        _MOST_POINTS if package.date_deprecated is None else 0,
        _MOST_POINTS if (package.repo_description or "").strip() else 0,
        _capped((package.pypi_downloads or 0) // _DOWNLOADS_A_POINT),
        _capped(package.repo_forks),
        _commit_points(package.last_commit_date, now),
        _MOST_POINTS if _is_recent(package.last_released, now) else 0,
        _capped(package.usage_count),
        _capped(package.repo_watchers),
    )
    return sum(points) * 100 // _ALL_POINTS


def grid_weight(grid: Grid, heaviest: int) -> int:
    """The weight of a grid where the heaviest package weighs ``heaviest``."""
    sixth = heaviest / 6
    weight = heaviest - sixth
    for lacks in (not grid.is_locked, not grid.header, not grid.members):
        # One after another: the remainders of floating point decide where the cut falls.
        weight -= sixth if lacks else 0
    return int(weight)


def _capped(points: int) -> int:
    return max(0, min(points, _MOST_POINTS))


def _commit_points(last: datetime | None, now: datetime) -> int:
    if last is None:
        return 0
    return next((points for age, points in _COMMIT_POINTS if now - last < age), 0)


def _is_recent(released: datetime | None, now: datetime) -> bool:
    return released is not None and now - released < _RECENT_RELEASE
