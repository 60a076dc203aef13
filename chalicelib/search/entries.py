"""The entries of the search: what of packages and grids is found, and what is answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import emoji

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.json_body import to_json, to_local_time
from chalicelib.search.weights import grid_weight, package_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A package or grid: the texts that it is found by, its weight, and the JSON answered."""

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
        """The texts with their weights, in the order of the original's document."""
        return (
            (self.title, "A"),
            (self.slug, "B"),
            (self.description, "C"),
            (self.category, "D"),
            (self.participants, "D"),
        )


def entries(
    packages: Iterable[Package],
    grids: Iterable[Grid],
    categories: Iterable[Category],
    now: datetime,
) -> list[Entry]:
    """All entries, by title in the order of code points; ``now`` is the instant of the build."""
    titles = {category.id: category.title for category in categories}
    found = [_of_package(package, titles.get(package.category_id, ""), now) for package in packages]
    heaviest = max((entry.weight for entry in found), default=0)
    found += [_of_grid(grid, heaviest, now) for grid in grids]
    return sorted(found, key=lambda entry: (entry.title, entry.item_type, entry.slug))


def _of_package(package: Package, category: str, now: datetime) -> Entry:
    description, participants = package.repo_description or "", package.participants or ""
    weight = package_weight(package, now)
    facts = {
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
        body=_body(package, description, weight, facts, now),
    )


def _of_grid(grid: Grid, heaviest: int, now: datetime) -> Entry:
    weight = grid_weight(grid, heaviest)
    facts = {
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
        body=_body(grid, grid.description, weight, facts, now),
    )


def _body(
    subject: Package | Grid, description: str, weight: int, facts: dict[str, object], now: datetime
) -> str:
    """The JSON of an entry; ``created`` and ``modified`` are the entry's, not the subject's."""
    kind, path = ("package", "packages/p") if isinstance(subject, Package) else ("grid", "grids/g")
    return to_json(
        {
            "description": emoji.emojize(description),
            "title": emoji.emojize(subject.title),
            "title_no_prefix": subject.title,
            "slug_no_prefix": subject.slug,
            "clean_title": subject.title,
            "absolute_url": f"/{path}/{subject.slug}/",
            "created": to_local_time(now),
            "modified": to_local_time(now),
            "weight": weight,
            "item_type": kind,
            "slug": subject.slug,
            **facts,
        }
    )
