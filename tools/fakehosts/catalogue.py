"""The catalogue of a simulated world: one category and its packages, without any figures yet."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.catalog.entities import Category, Package
from tools.fakehosts.builder import SimulatedPackage

#: When everything in the catalogue was created and last modified.
CREATED = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
Record = dict[str, Any]


def build_entities(packages: Iterable[SimulatedPackage]) -> list[Category | Package]:
    """Return the catalogue as entities, the category first."""
    category = Category(
        id=1,
        title="Category 1",
        slug="category-1",
        description="",
        title_plural="Categories 1",
        show_pypi=True,
        created=CREATED,
        modified=CREATED,
    )
    return [
        category,
        *(
            Package(
                id=package.id,
                title=package.name,
                slug=package.name,
                category_id=1,
                repo_url=package.repo_url,
                pypi_url=package.pypi_url,
                created=CREATED,
                modified=CREATED,
            )
            for package in packages
        ),
    ]


def build_records(packages: Iterable[SimulatedPackage]) -> list[Record]:
    """Return the catalogue as the records of a Django fixture, the category first."""
    category = {"title": "Category 1", "slug": "category-1"}
    records = [_build_record("package.category", 1, category)]
    for package in packages:
        fields = {
            "title": package.name,
            "slug": package.name,
            "category": 1,
            "repo_url": package.repo_url,
            "pypi_url": package.pypi_url,
        }
        records.append(_build_record("package.package", package.id, fields))
    return records


def write_fixture(path: Path, records: Iterable[Record]) -> None:
    """Write records as a fixture file that ``packgrid load`` reads, one record a line."""
    path.write_text("[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n")


def _build_record(model: str, pk: int, fields: Record) -> Record:
    created = CREATED.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"model": model, "pk": pk, "fields": {**fields, "created": created, "modified": created}}
