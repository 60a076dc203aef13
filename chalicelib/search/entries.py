"""The entries of the index: the texts of packages and grids to search, and their JSON bodies."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import emoji

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.json_body import to_json, to_local_time
from chalicelib.search.weights import compute_grid_weight, compute_package_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A package or grid in the index: its searched texts, its weight, and its JSON body."""

    title: str
    slug: str
    item_type: str
    description: str = ""
    category: str = ""
    participants: str = ""
    weight: int
    body: str

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The texts and their weights, in the order of the original's search document."""
        return (
            (self.title, "A"),
            (self.slug, "B"),
            (self.description, "C"),
            (self.category, "D"),
            (self.participants, "D"),
        )


def build_entries(
    packages: Iterable[Package],
    grids: Iterable[Grid],
    categories: Iterable[Category],
    now: datetime,
) -> list[Entry]:
    """Return all entries in code point order of their titles; ``now`` is the time of the build."""
    titles = {category.id: category.title for category in categories}
    entries = [
        _build_package_entry(package, titles.get(package.category_id, ""), now)
        for package in packages
    ]
    heaviest = max((entry.weight for entry in entries), default=0)
    entries += [_build_grid_entry(grid, heaviest, now) for grid in grids]
    return sorted(entries, key=lambda entry: (entry.title, entry.item_type, entry.slug))


def _build_package_entry(package: Package, category: str, now: datetime) -> Entry:
    description, participants = package.repo_description or "", package.participants or ""
    weight = compute_package_weight(package, now)
    figures = {
        "category": category,
        "repo_watchers": package.repo_watchers,
        "repo_forks": package.repo_forks,
        "pypi_downloads": package.pypi_downloads or 0,
        "score": package.score or 0,
        "usage": package.usage_count,
        "participants": participants,
        "last_committed": to_local_time(package.last_commit_date),
        "last_released": to_local_time(package.last_released),
    }
    return Entry(
        title=package.title,
        slug=package.slug,
        item_type="package",
        description=description,
        category=category,
        participants=participants,
        weight=weight,
        body=_render_body(package, description, weight, figures, now),
    )


def _build_grid_entry(grid: Grid, heaviest: int, now: datetime) -> Entry:
    weight = compute_grid_weight(grid, heaviest)
    figures = {
        "category": "",
        "repo_watchers": 0,
        "repo_forks": 0,
        "pypi_downloads": 0,
        "score": 0,
        "usage": 0,
        "participants": "",
        "last_committed": None,
        "last_released": None,
    }
    return Entry(
        title=grid.title,
        slug=grid.slug,
        item_type="grid",
        description=grid.description,
        weight=weight,
        body=_render_body(grid, grid.description, weight, figures, now),
    )


def _render_body(
    entity: Package | Grid, description: str, weight: int, figures: dict[str, object], now: datetime
) -> str:
    """Return the JSON of an entry; ``created`` and ``modified`` are the time of the build."""
    item_type, path = (
        ("package", "packages/p") if isinstance(entity, Package) else ("grid", "grids/g")
    )
    return to_json(
        {
            "description": emoji.emojize(description),
            "title": emoji.emojize(entity.title),
            "title_no_prefix": entity.title,
            "slug_no_prefix": entity.slug,
            "clean_title": entity.title,
            "absolute_url": f"/{path}/{entity.slug}/",
            "created": to_local_time(now),
            "modified": to_local_time(now),
            "weight": weight,
            "item_type": item_type,
            "slug": entity.slug,
            **figures,
        }
    )
