"""Changes: names, counts, grids and bodies follow, and what does not change is not written."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from chalicelib.catalog import changes, queries
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.local.engine import Engine
from chalicelib.storage.errors import CategoryMissing, NameTaken
from tests.support.aws import recorded
from tests.support.entities import category, grid, package
from tests.support.state import assert_sound, packages_of, rows, small_catalogue, tables_of_a_module

Edit = Callable[[Package], Package]


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, which each test fills anew."""
    with tables_of_a_module():
        yield


@pytest.fixture(autouse=True)
def catalogue(tables_of_this_module: None) -> None:
    """The small catalogue."""
    small_catalogue()


def test_a_new_slug_frees_the_old_one() -> None:
    changes.update(Package, 1, lambda p: replace(p, slug="new"))
    assert queries.get_body_by_slug("packages", "package-1") is None
    assert queries.get_body_by_slug("packages", "new") == queries.get_body_by_id("packages", 1)
    changes.create(package(9, slug="package-1"))
    assert_sound()


def test_a_new_repository_frees_the_old_one() -> None:
    old = package(1).repo_url
    changes.update(Package, 1, lambda p: replace(p, repo_url="https://example.org/new"))
    changes.update(Package, 2, lambda p: replace(p, repo_url=old))
    with pytest.raises(NameTaken):
        changes.update(Package, 3, lambda p: replace(p, repo_url="https://example.org/new"))
    changes.update(Package, 1, lambda p: replace(p, repo_url=None))
    changes.update(Package, 3, lambda p: replace(p, repo_url="https://example.org/new"))
    assert_sound()


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: replace(p, slug="package-2"),
        lambda p: replace(p, repo_url=package(2).repo_url, title="T"),
    ],
    ids=["slug", "repository"],
)
def test_another_one_s_name_is_refused_and_nothing_changes(edit: Edit) -> None:
    before = rows()
    with pytest.raises(NameTaken):
        changes.update(Package, 1, edit)
    assert rows() == before


def test_a_change_of_category_moves_the_count() -> None:
    changes.update(Package, 1, lambda p: replace(p, category_id=2))
    assert [changes.get(Category, n).package_count for n in (1, 2)] == [2, 1]
    body = queries.get_body_by_id("packages", 1)
    assert body is not None
    assert body.startswith('{"category":"\x01categories/2\x02"')
    assert_sound()


def test_a_category_that_is_not_there_is_refused() -> None:
    before = rows()
    with pytest.raises(CategoryMissing, match="category 9"):
        changes.update(Package, 1, lambda p: replace(p, category_id=9, slug="new"))
    assert rows() == before


def test_a_changed_category_keeps_its_count() -> None:
    changes.update(Category, 1, lambda c: replace(c, title="Other", slug="other"))
    assert changes.get(Category, 1).package_count == 3
    assert_sound()


def test_a_changed_grid_keeps_its_packages() -> None:
    changes.update(Grid, 1, lambda g: replace(g, title="Other", slug="other", is_locked=True))
    assert packages_of(1) == [1, 2]
    assert queries.get_body_by_slug("grids", "other") == queries.get_body_by_id("grids", 1)
    assert_sound()


def test_a_new_title_moves_the_package_within_its_grids_by_code_point() -> None:
    changes.add_to_grid(13, 1, 3)
    # Capitals come before small letters, and both before letters beyond ASCII.
    for title, order in (
        ("zebra", [2, 3, 1]),
        ("Zebra", [1, 2, 3]),
        ("émile", [2, 3, 1]),
        ("package-2", [1, 2, 3]),
        ("package-2b", [2, 1, 3]),
    ):
        changes.update(Package, 1, partial(replace, title=title))
        assert packages_of(1) == order, title
        assert packages_of(2) == [1]
        assert_sound()


def test_equal_titles_stand_in_order_of_their_rows() -> None:
    for identifier in (1, 2):
        changes.update(Package, identifier, lambda p: replace(p, title="same"))
    assert packages_of(1) == [1, 2]
    assert_sound()


def test_what_changes_nothing_writes_nothing() -> None:
    before = rows()
    with recorded() as calls:
        changes.update(Package, 1, lambda p: replace(p, title="package-1"))
        changes.update(Grid, 1, lambda g: g)
        changes.update(Category, 1, lambda c: c)
        changes.add_to_grid(10, 1, 1)
        changes.remove_from_grid(2, 3)
    assert set(calls.operations) == {"GetItem"}
    assert rows() == before


def test_the_changed_entity_is_returned_and_stored() -> None:
    returned = changes.update(Package, 1, lambda p: replace(p, repo_watchers=5))
    assert returned == changes.get(Package, 1).entity
    assert returned.repo_watchers == 5


def test_only_what_exists_is_changed() -> None:
    before = rows()
    with pytest.raises(changes.DoesNotExist):
        changes.update(Package, 99, lambda p: replace(p, title="T"))
    assert rows() == before


@pytest.mark.parametrize("memberships", [(), ((10, 1),), ((10, 1), (11, 2), (13, 1))])
def test_a_package_s_memberships_cannot_be_edited(memberships: tuple[tuple[int, int]]) -> None:
    before = rows()
    with pytest.raises(ValueError, match="add_to_grid"):
        changes.update(Package, 1, lambda p: replace(p, memberships=memberships))
    assert rows() == before


def test_a_grid_s_packages_cannot_be_edited() -> None:
    before = rows()
    with pytest.raises(ValueError, match="add_to_grid"):
        changes.update(Grid, 1, lambda g: replace(g, members=()))
    assert rows() == before


def test_an_id_cannot_be_edited() -> None:
    # Package 2 has been written as often as package 1: only the id tells them apart.
    before = rows()
    with pytest.raises(ValueError, match="id"):
        changes.update(Package, 1, lambda p: replace(p, id=2))
    with pytest.raises(ValueError, match="id"):
        changes.update(Grid, 1, lambda g: grid(2))
    with pytest.raises(ValueError, match="id"):
        changes.update(Category, 3, lambda c: category(9))
    assert rows() == before


def test_an_edit_that_raises_changes_nothing() -> None:
    class Refused(Exception):
        pass

    def edit(stored: Package) -> Package:
        raise Refused(stored.title)

    before = rows()
    with pytest.raises(Refused):
        changes.update(Package, 1, edit)
    assert rows() == before
