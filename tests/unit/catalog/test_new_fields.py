"""A field of an entity that one of its places was forgotten for: each test names the place."""

import dataclasses
import hashlib
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.json_body import RENDER_VERSION, render_body
from chalicelib.catalog.repository import MODELS, from_item, to_item
from chalicelib.importer.schema import CATEGORY, GRID, PACKAGE, SCHEMA
from chalicelib.storage.attributes import DateTimeAttribute
from tests.support.entities import category, grid, package

KINDS: list[type[Any]] = [Category, Grid, Package]
#: Attributes that items have beside the fields of their entities.
NOT_FIELDS = {"version", "body", "rendering", "fingerprint", "packages"}
#: Fields that no record of a file has: the id and memberships, and those that only a refresh or
#: a version's record sets.
NOT_IN_RECORDS = {
    Category: {"id"},
    Grid: {"id", "members"},
    Package: {"id", "memberships", "pypi_version", "last_released", "pypi_yanked"}
    | {"pypi_frameworks", "pypi_advisories"},
}
#: Version of the rendering -> hash of the bodies of a category, a grid and a package.
BODIES = {1: "7324f456a7b8768b"}
THEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def _fields(kind: type[Any]) -> dict[str, Any]:
    return {field.name: field.type for field in dataclasses.fields(kind)}


def _plain_type(annotation: Any) -> Any:
    """``int`` of ``int | None``, and ``tuple`` of every tuple."""
    plain = [part for part in get_args(annotation) if part not in (type(None), ...)]
    if type(None) in get_args(annotation):
        return _plain_type(plain[0])
    return tuple if get_args(annotation) else annotation


def _value(annotation: Any) -> Any:
    """A value of this type that is no field's default."""
    if _plain_type(annotation) is tuple:
        if "tuple[tuple" in str(annotation):
            return ((4, 5), (6, 7))
        return ("x", "y") if "str" in str(annotation) else (3, 4)
    values = {int: 41, str: "a value", bool: False, datetime: THEN}
    return values[_plain_type(annotation)]


def _filled(kind: type[Any]) -> Any:
    return kind(**{name: _value(annotation) for name, annotation in _fields(kind).items()})


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_an_attribute_of_its_model(kind: type[Any]) -> None:
    attributes = MODELS[kind].get_attributes()
    missing = _fields(kind).keys() - attributes.keys()
    assert not missing, f"{kind.__name__}: add {missing} to {MODELS[kind].__name__}"
    unknown = attributes.keys() - _fields(kind).keys() - NOT_FIELDS
    assert not unknown, f"{MODELS[kind].__name__}: {unknown} are no fields of {kind.__name__}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_attribute_holds_what_its_field_does(kind: type[Any]) -> None:
    types: dict[Any, type[Attribute[Any]]] = {
        int: NumberAttribute,
        str: UnicodeAttribute,
        bool: BooleanAttribute,
        datetime: DateTimeAttribute,
        tuple: JSONAttribute,
    }
    attributes = MODELS[kind].get_attributes()
    for name, annotation in _fields(kind).items():
        attribute, place = attributes[name], f"{MODELS[kind].__name__}.{name}"
        assert isinstance(attribute, types[_plain_type(annotation)]), place
        may_be_none = type(None) in get_args(annotation)
        assert attribute.null == may_be_none, f"{place}: null={may_be_none}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_survives_being_stored(kind: type[Any]) -> None:
    entity = _filled(kind)
    raw = to_item(entity, 7, "fingerprint").to_dynamodb_dict()
    item = MODELS[kind].from_raw_data(raw)
    assert from_item(kind, item).entity == entity


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_that_was_stored_before_a_field_existed_has_its_default(kind: type[Any]) -> None:
    later = [
        field for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING
    ]
    entity: Any = {Category: category, Grid: grid, Package: package}[kind]()
    raw = to_item(entity, 7, None).to_dynamodb_dict()
    for field in later:
        raw.pop(field.name, None)
    read = from_item(kind, MODELS[kind].from_raw_data(raw)).entity
    for field in later:
        absent = None if type(None) in get_args(field.type) else field.default
        assert getattr(read, field.name) == absent, field.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_item_reads_as_none_and_renders_so_that_check_can_name_it(
    kind: type[Any],
) -> None:
    entity: Any = {Category: category, Grid: grid, Package: package}[kind]()
    raw = to_item(entity, 7, None).to_dynamodb_dict()
    for name in ("title", "created"):
        del raw[name]
    read = from_item(kind, MODELS[kind].from_raw_data(raw)).entity
    assert (read.title, read.created) == (None, None)
    assert '"title":null' in render_body(read)


@pytest.mark.parametrize(
    ("model", "kind"), [(CATEGORY, Category), (GRID, Grid), (PACKAGE, Package)]
)
def test_every_field_is_read_from_records_or_known_not_to_be(model: str, kind: type[Any]) -> None:
    read = {field.attribute or name for name, field in SCHEMA[model].items()}
    unknown = read - _fields(kind).keys()
    assert not unknown, f"the schema of {model} has {unknown}, but {kind.__name__} has not"
    forgotten = _fields(kind).keys() - read - NOT_IN_RECORDS[kind]
    assert not forgotten, f"add {forgotten} to SCHEMA[{model!r}], or here to NOT_IN_RECORDS"
    assert not read & NOT_IN_RECORDS[kind]


@pytest.mark.parametrize(
    ("model", "kind"), [(CATEGORY, Category), (GRID, Grid), (PACKAGE, Package)]
)
def test_a_field_that_a_record_may_lack_has_a_default(model: str, kind: type[Any]) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    for name, field in SCHEMA[model].items():
        has_default = defaults[field.attribute or name] is not dataclasses.MISSING
        assert field.required != has_default, f"{kind.__name__}: {name}"


def test_a_body_changes_only_with_the_version_of_the_rendering() -> None:
    bodies = "\n".join(render_body(_filled(kind)) for kind in KINDS)
    digest = hashlib.sha256(bodies.encode()).hexdigest()[:16]
    assert BODIES.get(RENDER_VERSION) == digest, (
        "raise RENDER_VERSION with every change of the rendering, and add it and the hash to BODIES"
    )
