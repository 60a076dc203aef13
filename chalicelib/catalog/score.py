"""The score of a package, by the original's rule."""

from datetime import datetime

from chalicelib.catalog.entities import Package

_MIN_SCORE = -500
_DAYS_PER_MONTH = 30.44


def compute_score(package: Package, now: datetime) -> int:
    """Return the package's stars less deductions, at least -500.

    Every full 3 months without a commit take 10 % of the stars; an unknown last commit takes
    10 % once. No support of Python 3 takes 30 % of at most 1,000 stars. The original computes
    the score in this way whenever it saves a package.
    """
    stars = package.repo_watchers
    quarters = 1
    if package.last_commit_date is not None:
        quarters = max(0, int((now - package.last_commit_date).days / _DAYS_PER_MONTH)) // 3
    score = stars - quarters * stars / 10
    if not package.supports_python3:
        score -= min(stars, 1000) * 0.3
    return max(_MIN_SCORE, int(score))
