"""Entities for tests: valid ones, of which a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.catalog.entities import Category, Grid, Package

THEN = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def category(id: int = 1, **values: Any) -> Category:
    """A category; its slug follows from its id."""
    defaults: dict[str, Any] = {
        "title": f"Category {id}",
        "slug": f"category-{id}",
        "description": "",
        "title_plural": f"Categories {id}",
        "show_pypi": True,
        "created": THEN,
        "modified": THEN,
    }
    return Category(id=id, **(defaults | values))


def package(id: int = 1, **values: Any) -> Package:
    """A package of category 1; its slug and repository follow from its id."""
    defaults: dict[str, Any] = {
        "title": f"package-{id}",
        "slug": f"package-{id}",
        "category_id": 1,
        "repo_url": f"https://github.com/owner/package-{id}",
        "created": THEN,
        "modified": THEN,
    }
    return Package(id=id, **(defaults | values))


def grid(id: int = 1, **values: Any) -> Grid:
    """A grid without packages; its slug follows from its id."""
    defaults: dict[str, Any] = {
        "title": f"Grid {id}",
        "slug": f"grid-{id}",
        "description": "",
        "is_locked": False,
        "header": False,
        "created": THEN,
        "modified": THEN,
    }
    return Grid(id=id, **(defaults | values))
