"""The models of a fixture: the fields that are read of a record, and the entities they make."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, NamedTuple

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.repository import E, Versioned
from chalicelib.importer.fingerprint import compute_fingerprint, get_changed_fields
from chalicelib.importer.validators import (
    InvalidRecord,
    Validator,
    boolean,
    format_value,
    identifier,
    integer,
    integer_list,
    key_text,
    list_length,
    list_of,
    nullable,
    text,
    timestamp,
    url,
)

CATEGORY, PACKAGE, VERSION = "package.category", "package.package", "package.version"
GRID, MEMBERSHIP = "grid.grid", "grid.gridpackage"


class Field(NamedTuple):
    """The validator of a record's field, and the field of the entity that takes its value."""

    validate: Validator
    required: bool = False
    #: The entity's name for the field, where it differs from the record's.
    attribute: str | None = None


#: Model -> name of the field -> its validator. Other fields of a record are ignored.
SCHEMA: dict[str, dict[str, Field]] = {
    CATEGORY: {
        "title": Field(text, required=True),
        "slug": Field(key_text, required=True),
        "description": Field(text),
        "title_plural": Field(text),
        "show_pypi": Field(boolean),
        "created": Field(timestamp, required=True),
        "modified": Field(timestamp, required=True),
    },
    PACKAGE: {
        "title": Field(text, required=True),
        "slug": Field(key_text, required=True),
        "category": Field(identifier, required=True, attribute="category_id"),
        "created": Field(timestamp, required=True),
        "modified": Field(timestamp, required=True),
        "repo_url": Field(nullable(url)),
        "repo_host": Field(nullable(text)),
        "repo_description": Field(nullable(text)),
        "repo_watchers": Field(integer),
        "repo_forks": Field(integer),
        "commit_count": Field(nullable(integer)),
        "commits_over_52w": Field(nullable(integer_list, null_value=())),
        "last_commit_date": Field(nullable(timestamp)),
        "participants": Field(nullable(text)),
        "documentation_url": Field(nullable(text)),
        "pypi_url": Field(nullable(text)),
        "pypi_downloads": Field(nullable(integer)),
        "pypi_license": Field(nullable(text)),
        "pypi_licenses": Field(nullable(list_of(text))),
        "pypi_classifiers": Field(nullable(list_of(text))),
        "pypi_requires_python": Field(nullable(text)),
        "supports_python3": Field(nullable(boolean)),
        "latest_version": Field(nullable(identifier), attribute="latest_version_id"),
        "usage": Field(nullable(list_length, null_value=0), attribute="usage_count"),
        "favorite_count": Field(integer),
        "score": Field(nullable(integer)),
        "deprecates_package": Field(nullable(identifier), attribute="deprecates_package_id"),
        "date_deprecated": Field(nullable(timestamp)),
        "date_repo_archived": Field(nullable(timestamp)),
        "last_fetched": Field(nullable(timestamp)),
        "last_exception": Field(nullable(text)),
        "last_exception_at": Field(nullable(timestamp)),
        "last_exception_count": Field(integer),
    },
    VERSION: {
        "package": Field(identifier, required=True),
        "number": Field(text, required=True),
        "upload_time": Field(nullable(timestamp)),
    },
    GRID: {
        "title": Field(text, required=True),
        "slug": Field(key_text, required=True),
        "description": Field(text),
        "is_locked": Field(boolean),
        "header": Field(boolean),
        "created": Field(timestamp, required=True),
        "modified": Field(timestamp, required=True),
    },
    MEMBERSHIP: {
        "grid": Field(identifier, required=True),
        "package": Field(identifier, required=True),
    },
}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a package, as far as it is kept: when it is the package's latest."""

    id: int
    package: int
    number: str
    upload_time: datetime | None


@dataclass(frozen=True, slots=True)
class FileEntity(Generic[E]):
    """An entity as a file has it, without memberships, and the fingerprint of its record."""

    entity: E
    fingerprint: str

    def apply_to(self, stored: Versioned[E] | None) -> E:
        """Return the entity to store: of what is stored, only what the file changes is replaced.

        A record that was loaded before changes nothing, even when a refresh has changed figures
        of the entity since.
        """
        if stored is None:
            return self.entity
        names = get_changed_fields(stored.fingerprint, self.fingerprint)
        if names is None:
            return self.entity
        values = {name: getattr(self.entity, name) for name in names if hasattr(self.entity, name)}
        return replace(stored.entity, **values)


def parse_record(value: Any) -> tuple[str, int, dict[str, Any]]:
    """Return model, primary key and values of a record, by the entity's names.

    Fields that the record lacks stay absent; their defaults are those of the entities. Raises
    InvalidRecord.
    """
    if not isinstance(value, dict):
        raise InvalidRecord("not an object with model, pk and fields")
    model = value.get("model")
    schema = SCHEMA.get(model) if isinstance(model, str) else None
    if schema is None:
        raise InvalidRecord("no model" if model is None else f"unknown model {format_value(model)}")
    fields = value.get("fields")
    if not isinstance(fields, dict):
        raise InvalidRecord("no fields")
    if value.get("pk") is None:
        raise InvalidRecord("pk is missing")
    pk = _validate(identifier, "pk", value["pk"])
    values: dict[str, Any] = {}
    for name, field in schema.items():
        if name in fields:
            values[field.attribute or name] = _validate(field.validate, name, fields[name])
        elif field.required:
            raise InvalidRecord(f"{name} is missing")
    assert isinstance(model, str)
    return model, pk, values


def _validate(validate: Validator, name: str, value: Any) -> Any:
    try:
        return validate(value)
    except InvalidRecord as error:
        raise InvalidRecord(f"{name}: {error}") from None


def build_category(pk: int, values: dict[str, Any]) -> FileEntity[Category]:
    """Build the category of a record."""
    return _build(Category, {"id": pk} | values)


def build_grid(pk: int, values: dict[str, Any]) -> FileEntity[Grid]:
    """Build the grid of a record, without its members."""
    return _build(Grid, {"id": pk} | values)


def build_package(pk: int, values: dict[str, Any], latest: Version | None) -> FileEntity[Package]:
    """Build the package of a record and of its latest version, without its memberships."""
    values = {"id": pk} | values
    if latest is not None:
        values |= {"pypi_version": latest.number, "last_released": latest.upload_time}
    return _build(Package, values)


def _build(kind: type[E], values: dict[str, Any]) -> FileEntity[E]:
    return FileEntity(kind(**values), compute_fingerprint(kind, values))
