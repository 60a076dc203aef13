"""Entities survive being stored, whatever they hold."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog import changes, queries
from chalicelib.catalog.entities import Package
from chalicelib.catalog.json_body import render_body
from chalicelib.catalog.repository import from_item, to_item
from chalicelib.local.engine import Engine
from chalicelib.storage.models import PackageItem
from tests.support.entities import category, package
from tests.support.state import assert_sound, restore, rows, tables_of_a_module

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MAYBE_TEXTS = st.none() | TEXTS
NUMBERS = st.integers(-(2**63), 2**63 - 1)
INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-4)), timezone(timedelta(hours=9))]),
)
LISTS = st.none() | st.lists(TEXTS, max_size=3).map(tuple)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": NUMBERS,
    "int | None": st.none() | NUMBERS,
    "str": TEXTS,
    "str | None": MAYBE_TEXTS,
    "bool | None": st.none() | st.booleans(),
    "datetime": INSTANTS,
    "datetime | None": st.none() | INSTANTS,
    "tuple[int, ...]": st.lists(NUMBERS, max_size=4).map(tuple),
    "tuple[str, ...] | None": LISTS,
}
_FIXED = {"id", "category_id", "slug", "memberships"}


def _written(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _values() -> st.SearchStrategy[dict[str, Any]]:
    kinds = {field.name: _written(field.type) for field in fields(Package)}
    return st.fixed_dictionaries(
        {
            name: VALUES[kind.replace("datetime.datetime", "datetime")]
            for name, kind in kinds.items()
            if name not in _FIXED
        }
    )


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, with category 1."""
    with tables_of_a_module():
        changes.create(category())
        yield


def test_any_package_is_read_as_it_was_written() -> None:
    empty = rows()

    @settings(deadline=None, derandomize=True, max_examples=25)
    @given(values=_values())
    def check(values: dict[str, Any]) -> None:
        entity = package(7, **values)
        changes.create(entity)
        stored = changes.get(Package, 7)
        assert stored.entity == entity
        assert queries.get_body_by_id("packages", 7) == render_body(entity)
        changes.delete(Package, 7)

    check()
    # Whatever names it had, none is left.
    assert [key for key in rows() if key[0] == "names"] == [k for k in empty if k[0] == "names"]
    assert_sound()
    restore(empty)


def test_what_is_blank_and_what_is_unknown_stay_apart() -> None:
    blank = package(7, repo_url="", pypi_license="", pypi_licenses=(), supports_python3=False)
    unknown = package(
        7, repo_url=None, pypi_license=None, pypi_licenses=None, supports_python3=None
    )
    for entity in (blank, unknown):
        item = PackageItem()
        item.deserialize(to_item(entity, 3, None).serialize())
        stored = from_item(Package, item)
        assert stored.entity == entity
        assert (stored.version, stored.fingerprint, stored.package_count) == (3, None, 0)
    assert blank != unknown
