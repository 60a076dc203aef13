"""Creation: everything that belongs to an item appears with it, or nothing does."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.catalog import changes, queries
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.local.engine import Engine
from chalicelib.storage.errors import CategoryMissing, ItemTooLarge, NameTaken
from tests.support.entities import category, grid, package
from tests.support.state import assert_sound, listed, restore, rows, tables_of_a_module


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, which each test fills anew."""
    with tables_of_a_module():
        yield


@pytest.fixture(autouse=True)
def one_category(tables_of_this_module: None) -> None:
    """Every test starts with category 1 alone."""
    restore({})
    changes.create(category())


def test_a_created_package_is_found_by_id_slug_and_position() -> None:
    changes.create(package(7))
    body = queries.get_body_by_id("packages", 7)
    assert body is not None
    assert '"slug":"package-7"' in body
    assert queries.get_body_by_slug("packages", "package-7") == body
    assert queries.get_page("packages", 0, 20, max_bytes=10_000).bodies == [body]
    assert changes.get(Category, 1).package_count == 1
    assert_sound()


def test_an_entity_is_read_as_it_was_created() -> None:
    for entity in (package(7), grid(8), category(9)):
        changes.create(entity)
        assert changes.get(type(entity), entity.id).entity == entity


def test_an_id_is_taken_once() -> None:
    first = package(7)
    changes.create(first)
    with pytest.raises(changes.AlreadyExists):
        changes.create(package(7, slug="other", repo_url="https://example.org/other"))
    assert changes.get(Package, 7).entity == first
    assert_sound()


def test_a_name_is_taken_once_within_its_collection() -> None:
    changes.create(package(7, slug="same"))
    changes.create(grid(7, slug="same"))
    changes.create(category(7, slug="same"))
    for entity in (package(8, slug="same"), grid(8, slug="same"), category(8, slug="same")):
        before = rows()
        with pytest.raises(NameTaken) as caught:
            changes.create(entity)
        assert caught.value.name.endswith("/slug/same")
        assert rows() == before
    assert_sound()


def test_a_repository_belongs_to_one_package() -> None:
    changes.create(package(7, repo_url="https://example.org/r"))
    with pytest.raises(NameTaken, match=r"packages/repo_url/https://example\.org/r"):
        changes.create(package(8, repo_url="https://example.org/r"))
    assert listed("packages") == [7]
    assert_sound()


@pytest.mark.parametrize("blank", ["", None])
def test_any_number_of_packages_have_no_repository(blank: str | None) -> None:
    for identifier in (7, 8, 9):
        changes.create(package(identifier, repo_url=blank))
    assert listed("packages") == [9, 8, 7]
    assert_sound()


def test_a_slug_is_no_repository_however_it_reads() -> None:
    changes.create(package(7, slug="repo_url/x", repo_url=""))
    changes.create(package(8, slug="x", repo_url="slug/repo_url/x"))
    changes.create(package(9, slug="packages/slug/x", repo_url="x"))
    assert_sound()


def test_a_package_needs_its_category() -> None:
    before = rows()
    with pytest.raises(CategoryMissing, match="category 5"):
        changes.create(package(7, category_id=5))
    assert rows() == before
    assert_sound()


def test_memberships_do_not_come_with_creation() -> None:
    before = rows()
    for entity in (package(7, memberships=((1, 1),)), grid(7, members=((1, 1),))):
        with pytest.raises(ValueError, match="memberships"):
            changes.create(entity)
    assert rows() == before


def test_what_is_too_large_is_refused_and_leaves_nothing() -> None:
    before = rows()
    # As attribute and within the body, so that half of 400 KB is already too much.
    for text in ("x" * 205_000, "é" * 102_500, "\u2028" * 60_000):
        with pytest.raises(ItemTooLarge):
            changes.create(package(7, repo_description=text))
    assert rows() == before


def test_a_change_to_what_is_too_large_leaves_the_old() -> None:
    changes.create(package(7))
    before = rows()
    with pytest.raises(ItemTooLarge):
        changes.update(Package, 7, lambda p: replace(p, slug="new", participants="x," * 150_000))
    assert rows() == before


def test_ids_at_the_borders_of_blocks_are_listed_in_order() -> None:
    ids = [1, 65_535, 65_536, 65_537, 131_072, 2**63 - 1]
    for identifier in ids:
        changes.create(grid(identifier))
    assert listed("grids") == ids[::-1]
    assert_sound()


def test_a_missing_item_is_missed_by_name() -> None:
    for kind in (Package, Grid, Category):
        with pytest.raises(changes.DoesNotExist, match="99 does not exist"):
            changes.get(kind, 99)
