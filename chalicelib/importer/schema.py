"""The models of a fixture: which fields they have, and the entities that they make."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.importer.validators import (
    BadRecord,
    a_flag,
    a_list_of,
    a_name,
    a_number,
    a_text,
    a_url,
    an_id,
    an_instant,
    maybe,
    numbers,
    shown,
)

CATEGORY, PACKAGE, VERSION = "package.category", "package.package", "package.version"
GRID, MEMBERSHIP = "grid.grid", "grid.gridpackage"

#: Model -> field -> (check, is it required). Other fields are not looked at.
SCHEMA: dict[str, dict[str, tuple[Callable[[Any], Any], bool]]] = {
    CATEGORY: {
        "title": (a_text, True),
        "slug": (a_name, True),
        "description": (a_text, False),
        "title_plural": (a_text, False),
        "show_pypi": (a_flag, False),
        "created": (an_instant, True),
        "modified": (an_instant, True),
    },
    PACKAGE: {
        "title": (a_text, True),
        "slug": (a_name, True),
        "category": (an_id, True),
        "created": (an_instant, True),
        "modified": (an_instant, True),
        "repo_url": (maybe(a_url), False),
        "repo_host": (maybe(a_text), False),
        "repo_description": (maybe(a_text), False),
        "repo_watchers": (a_number, False),
        "repo_forks": (a_number, False),
        "commit_count": (maybe(a_number), False),
        "commits_over_52w": (maybe(numbers), False),
        "last_commit_date": (maybe(an_instant), False),
        "participants": (maybe(a_text), False),
        "documentation_url": (maybe(a_text), False),
        "pypi_url": (maybe(a_text), False),
        "pypi_downloads": (maybe(a_number), False),
        "pypi_license": (maybe(a_text), False),
        "pypi_licenses": (maybe(a_list_of(a_text)), False),
        "pypi_classifiers": (maybe(a_list_of(a_text)), False),
        "pypi_requires_python": (maybe(a_text), False),
        "supports_python3": (maybe(a_flag), False),
        "latest_version": (maybe(an_id), False),
        "usage": (maybe(a_list_of(lambda user: user)), False),
        "favorite_count": (a_number, False),
        "score": (maybe(a_number), False),
        "deprecates_package": (maybe(an_id), False),
        "date_deprecated": (maybe(an_instant), False),
        "date_repo_archived": (maybe(an_instant), False),
        "last_fetched": (maybe(an_instant), False),
        "last_exception": (maybe(a_text), False),
        "last_exception_at": (maybe(an_instant), False),
        "last_exception_count": (a_number, False),
    },
    VERSION: {
        "package": (an_id, True),
        "number": (a_text, True),
        "upload_time": (maybe(an_instant), False),
    },
    GRID: {
        "title": (a_text, True),
        "slug": (a_name, True),
        "description": (a_text, False),
        "is_locked": (a_flag, False),
        "header": (a_flag, False),
        "created": (an_instant, True),
        "modified": (an_instant, True),
    },
    MEMBERSHIP: {"grid": (an_id, True), "package": (an_id, True)},
}


@dataclass(frozen=True, slots=True)
class Version:
    """What is kept of a version: its id, package, number, and when it was uploaded."""

    id: int
    package: int
    number: str
    upload_time: datetime | None


def checked(value: Any) -> tuple[str, int, dict[str, Any]]:
    """Model, primary key and checked fields of a record; raises BadRecord.

    Fields that are absent stay absent; their defaults are those of the entities.
    """
    if not isinstance(value, dict):
        raise BadRecord("not an object with model, pk and fields")
    model = value.get("model")
    schema = SCHEMA.get(model) if isinstance(model, str) else None
    if schema is None:
        raise BadRecord("no model" if model is None else f"unknown model {shown(model)}")
    fields = value.get("fields")
    if not isinstance(fields, dict):
        raise BadRecord("no fields")
    if value.get("pk") is None:
        raise BadRecord("pk is missing")
    values: dict[str, Any] = {"pk": _checked_field(an_id, "pk", value.get("pk"))}
    for name, (check, required) in schema.items():
        if name in fields:
            values[name] = _checked_field(check, name, fields[name])
        elif required:
            raise BadRecord(f"{name} is missing")
    assert isinstance(model, str)
    return model, values.pop("pk"), values


def _checked_field(check: Callable[[Any], Any], name: str, value: Any) -> Any:
    try:
        return check(value)
    except BadRecord as error:
        raise BadRecord(f"{name}: {error}") from None


def category(pk: int, values: dict[str, Any]) -> Category:
    """The category of checked fields."""
    defaults: dict[str, Any] = {"description": "", "title_plural": "", "show_pypi": True}
    return Category(id=pk, **(defaults | values))


def grid(pk: int, values: dict[str, Any]) -> Grid:
    """The grid of checked fields, without its members."""
    defaults: dict[str, Any] = {"description": "", "is_locked": False, "header": False}
    return Grid(id=pk, **(defaults | values))


def package(pk: int, values: dict[str, Any], latest: Version | None) -> Package:
    """The package of checked fields and of its latest version, without its memberships."""
    kept = dict(values)
    kept["category_id"] = kept.pop("category")
    kept["deprecates_package_id"] = kept.pop("deprecates_package", None)
    kept["usage_count"] = len(kept.pop("usage", None) or ())
    kept["commits_over_52w"] = kept.pop("commits_over_52w", None) or ()
    kept.pop("latest_version", None)
    if latest is not None:
        kept["latest_version_id"] = latest.id
        kept["pypi_version"] = latest.number
        kept["last_released"] = latest.upload_time
    return Package(id=pk, **kept)


#: Fields of entities that no record has.
_NOT_IN_FILES = ("memberships", "members", "pypi_yanked", "pypi_frameworks", "pypi_advisories")


def fingerprint(entity: Category | Grid | Package) -> str:
    """A hash of what a file says of an item, memberships aside.

    It is stored with the item: a later load of the same record changes nothing, even when a
    refresh has changed the item's figures since.
    """
    content = dataclasses.asdict(entity)
    for name in _NOT_IN_FILES:
        content.pop(name, None)
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
