"""The entities of the catalogue, as values. Field names are the original's where it has them.

A field also has an attribute in ``storage/models.py``, is read from files if ``importer/schema.py``
has it, and is served if ``json_body.py`` renders it. tests/unit/catalog/test_new_fields.py names
a place that was forgotten.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category of packages: app, framework, project..."""

    id: int
    title: str
    slug: str
    description: str = ""
    title_plural: str = ""
    show_pypi: bool = True
    created: datetime
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A comparison of packages.

    ``members`` are (membership id, package id) pairs in the order shown: by title of the
    package, compared by code point.
    """

    id: int
    title: str
    slug: str
    description: str = ""
    is_locked: bool = False
    header: bool = False
    created: datetime
    modified: datetime
    members: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package with its figures.

    ``memberships`` are (membership id, grid id) pairs by membership id, which is the order of
    the package's grids. ``participants`` is text, names separated by commas, as the original
    keeps it. ``latest_version_id``, ``pypi_version`` and ``last_released`` are the id, number
    and upload time of its latest version on the package index; ``pypi_frameworks`` are such as
    ``Django 5.2``, ``pypi_advisories`` ids of known vulnerabilities of that version.
    """

    id: int
    title: str
    slug: str
    category_id: int
    created: datetime
    modified: datetime
    memberships: tuple[tuple[int, int], ...] = ()
    repo_url: str | None = ""
    repo_host: str | None = ""
    repo_description: str | None = ""
    repo_watchers: int = 0
    repo_forks: int = 0
    commit_count: int | None = 0
    commits_over_52w: tuple[int, ...] = ()
    last_commit_date: datetime | None = None
    participants: str | None = ""
    documentation_url: str | None = ""
    pypi_url: str | None = ""
    pypi_downloads: int | None = 0
    pypi_license: str | None = None
    pypi_licenses: tuple[str, ...] | None = None
    pypi_classifiers: tuple[str, ...] | None = None
    pypi_requires_python: str | None = None
    pypi_yanked: bool | None = None
    pypi_frameworks: tuple[str, ...] | None = None
    pypi_advisories: tuple[str, ...] | None = None
    supports_python3: bool | None = None
    latest_version_id: int | None = None
    pypi_version: str | None = None
    last_released: datetime | None = None
    usage_count: int = 0
    favorite_count: int = 0
    score: int | None = 0
    deprecates_package_id: int | None = None
    date_deprecated: datetime | None = None
    date_repo_archived: datetime | None = None
    last_fetched: datetime | None = None
    last_exception: str | None = None
    last_exception_at: datetime | None = None
    last_exception_count: int = 0


Entity = Category | Grid | Package
