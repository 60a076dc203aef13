"""The score of a package, as the original computes it when it saves one."""

from datetime import datetime

from chalicelib.catalog.entities import Package

_LEAST = -500
_DAYS_OF_A_MONTH = 30.44


def compute_score(package: Package, now: datetime) -> int:
    """Stars, less 10 % of them for every full 3 months without a commit, less 30 % (of at most
    1,000 stars) without Python 3 support; at least -500.

    Where no commit is known, 10 % are taken off once.
    """
    stars = package.repo_watchers
    quarters = 1
    if package.last_commit_date is not None:
        quarters = max(0, int((now - package.last_commit_date).days / _DAYS_OF_A_MONTH)) // 3
    found = stars - quarters * stars / 10
    if not package.supports_python3:
        found -= min(stars, 1000) * 0.3
    return max(_LEAST, int(found))
