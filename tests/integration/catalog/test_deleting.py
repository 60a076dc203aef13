"""Deletion and memberships: nothing is left of what went, and nothing else goes."""

from collections.abc import Iterator

import pytest

from chalicelib.catalog import changes, queries
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.local.engine import Engine
from tests.support.aws import recorded
from tests.support.entities import grid, package
from tests.support.state import (
    assert_sound,
    contents,
    full_grid,
    grids_of,
    listed,
    packages_of,
    restore,
    rows,
    small_catalogue,
    tables_of_a_module,
)


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, which each test fills anew."""
    with tables_of_a_module():
        yield


@pytest.fixture(autouse=True)
def catalogue(tables_of_this_module: None) -> None:
    """The small catalogue."""
    small_catalogue()


def test_a_deleted_package_leaves_its_grids_and_frees_its_names() -> None:
    changes.delete(Package, 1)
    assert queries.get_body_by_id("packages", 1) is None
    assert queries.get_body_by_slug("packages", "package-1") is None
    assert listed("packages") == [3, 2]
    assert (packages_of(1), packages_of(2)) == ([2], [])
    assert changes.get(Category, 1).package_count == 2
    assert_sound()
    changes.create(package(9, slug="package-1", repo_url=package(1).repo_url))
    assert_sound()


def test_a_deleted_grid_leaves_its_packages() -> None:
    changes.delete(Grid, 1)
    assert listed("grids") == [2]
    assert (grids_of(1), grids_of(2)) == ([2], [])
    assert_sound()


def test_a_category_is_deleted_only_when_empty() -> None:
    before = rows()
    with pytest.raises(changes.CategoryInUse, match="3 packages"):
        changes.delete(Category, 1)
    assert rows() == before
    changes.delete(Category, 2)
    assert listed("categories") == [3, 1]
    for identifier in (1, 2, 3):
        changes.delete(Package, identifier)
    changes.delete(Category, 1)
    assert listed("categories") == [3]
    assert_sound()


def test_what_was_deleted_can_come_back() -> None:
    changes.delete(Package, 3)
    changes.create(package(3))
    assert listed("packages") == [3, 2, 1]
    assert_sound()


def test_only_what_exists_is_deleted() -> None:
    before = rows()
    for kind in (Package, Grid, Category):
        with pytest.raises(changes.DoesNotExist):
            changes.delete(kind, 99)
    assert rows() == before


def test_a_grid_of_more_packages_than_a_transaction_holds_goes_whole() -> None:
    restore({})
    full_grid(90)
    assert_sound()
    with recorded() as calls:
        changes.delete(Grid, 1)
    assert calls.operations.count("TransactWriteItems") == 3
    assert listed("grids") == []
    assert len(listed("packages")) == 90
    assert_sound()


def test_a_grid_of_more_bytes_than_a_transaction_holds_goes_whole() -> None:
    # Fourteen packages of about 390 KB are more than the 4 MB of one transaction.
    restore({})
    full_grid(14, repo_description="x" * 195_000)
    changes.delete(Grid, 1)
    assert listed("grids") == []
    assert [grids_of(n) for n in (1, 7, 14)] == [[], [], []]
    assert_sound()


def test_a_package_in_more_grids_than_a_transaction_holds_goes_whole() -> None:
    for identifier in range(100, 150):
        changes.create(grid(identifier))
        changes.add_to_grid(1000 + identifier, identifier, 3)
    changes.delete(Package, 3)
    assert listed("packages") == [2, 1]
    assert packages_of(149) == []
    assert_sound()


def test_a_package_s_grids_stand_in_order_of_their_rows() -> None:
    changes.add_to_grid(30, 2, 3)
    changes.add_to_grid(20, 1, 3)
    assert grids_of(3) == [1, 2]
    body = queries.get_body_by_id("packages", 3)
    assert body is not None
    assert '"grids":["\x01grids/1\x02","\x01grids/2\x02"]' in body
    assert_sound()


def test_adding_or_removing_twice_changes_nothing_more() -> None:
    changes.add_to_grid(13, 2, 3)
    added = rows()
    changes.add_to_grid(13, 2, 3)
    assert rows() == added
    changes.remove_from_grid(2, 3)
    removed = rows()
    changes.remove_from_grid(2, 3)
    assert rows() == removed
    assert_sound()


def test_adding_and_removing_is_as_if_neither_happened() -> None:
    before = contents(rows())
    changes.add_to_grid(13, 1, 3)
    changes.remove_from_grid(1, 3)
    assert contents(rows()) == before


def test_a_package_that_stands_twice_in_a_grid_leaves_it_wholly() -> None:
    changes.add_to_grid(13, 1, 1)
    assert packages_of(1) == [1, 1, 2]
    assert_sound()
    changes.remove_from_grid(1, 1)
    assert packages_of(1) == [2]
    assert_sound()


@pytest.mark.parametrize(("grid_id", "package_id"), [(1, 3), (2, 2), (2, 3)])
def test_a_row_is_of_one_package_and_grid(grid_id: int, package_id: int) -> None:
    before = rows()
    with pytest.raises(changes.AlreadyExists, match="membership 10 is of package 1"):
        changes.add_to_grid(10, grid_id, package_id)
    assert rows() == before


@pytest.mark.parametrize(("grid_id", "package_id"), [(99, 1), (1, 99)])
def test_both_ends_of_a_row_must_exist(grid_id: int, package_id: int) -> None:
    before = rows()
    with pytest.raises(changes.DoesNotExist, match="99 does not exist"):
        changes.add_to_grid(13, grid_id, package_id)
    assert rows() == before
