"""The weight of an entry, 0 to 100, which counts in the order of search results.

The rules are those of djangopackages.org: a package gets 0 to 20 points by each of eight rules,
and the weight of a grid is relative to that of the heaviest package.
"""

from datetime import datetime, timedelta

from chalicelib.catalog.entities import Grid, Package

_MAX_POINTS = 20
_MAX_TOTAL = 8 * _MAX_POINTS
_POINTS_BY_COMMIT_AGE = (
    (timedelta(days=90), 20),
    (timedelta(days=182), 10),
    (timedelta(days=365), 5),
)
_MAX_RELEASE_AGE = timedelta(days=365)
_DOWNLOADS_PER_POINT = 1_000


def compute_package_weight(package: Package, now: datetime) -> int:
    """Return the weight of a package at the instant ``now``."""
    points = (
        _MAX_POINTS if package.date_deprecated is None else 0,
        _MAX_POINTS if (package.repo_description or "").strip() else 0,
        _cap((package.pypi_downloads or 0) // _DOWNLOADS_PER_POINT),
        _cap(package.repo_forks),
        _get_commit_points(package.last_commit_date, now),
        _MAX_POINTS if _is_recent(package.last_released, now) else 0,
        _cap(package.usage_count),
        _cap(package.repo_watchers),
    )
    return sum(points) * 100 // _MAX_TOTAL


def compute_grid_weight(grid: Grid, heaviest: int) -> int:
    """Return the weight of a grid if the heaviest package has the weight ``heaviest``."""
    sixth = heaviest / 6
    weight = heaviest - sixth
    for is_lacking in (not grid.is_locked, not grid.header, not grid.members):
        # Subtract one by one: floating-point remainders decide which integer results.
        weight -= sixth if is_lacking else 0
    return int(weight)


def _cap(points: int) -> int:
    return max(0, min(points, _MAX_POINTS))


def _get_commit_points(committed: datetime | None, now: datetime) -> int:
    if committed is None:
        return 0
    return next((points for age, points in _POINTS_BY_COMMIT_AGE if now - committed < age), 0)


def _is_recent(released: datetime | None, now: datetime) -> bool:
    return released is not None and now - released < _MAX_RELEASE_AGE
