"""Loading again: nothing when nothing changed, and exactly what did."""

from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.catalog import changes, queries
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.storage.models import NameItem
from tests.support import state
from tests.support.aws import recorded
from tests.support.fixtures import (
    Json,
    category,
    grid,
    load_file,
    load_records,
    package,
    row,
    version,
    write,
)
from tests.support.state import assert_sound, grids_of, packages_of

_READS = {"BatchGetItem", "GetItem", "Query"}


def _catalogue() -> list[Json]:
    """Two categories, six packages, three grids; packages 1 to 3 stand in grid 1."""
    return [
        category(1),
        category(2),
        *(package(pk, latest_version=10 + pk) for pk in range(1, 7)),
        *(version(10 + pk, pk) for pk in range(1, 7)),
        *(grid(pk) for pk in (1, 2, 3)),
        *(row(pk, 1, pk) for pk in (1, 2, 3)),
        row(4, 2, 1),
    ]


def _with(records: list[Json], model: str, pk: int, **values: object) -> list[Json]:
    """The records, one of them with other values."""
    return [
        {**r, "fields": r["fields"] | values} if (r["model"], r["pk"]) == (model, pk) else r
        for r in records
    ]


@pytest.fixture
def loaded(tables: None, tmp_path: Path) -> list[Json]:
    """The records of a catalogue that was just loaded."""
    records = _catalogue()
    assert load_records(tmp_path, *records).has_only("created")
    assert_sound()
    return records


def _changed_rows(before: state.Rows) -> set[tuple[str, str]]:
    after = state.rows()
    return {
        place for place in before.keys() | after.keys() if before.get(place) != after.get(place)
    }


def test_loading_again_changes_nothing_and_writes_nothing(
    loaded: list[Json], tmp_path: Path
) -> None:
    before = state.rows()
    with recorded() as calls:
        again = load_records(tmp_path, *loaded)
    assert again.has_only("unchanged")
    assert set(calls.operations) <= _READS
    assert state.rows() == before


def test_the_order_of_a_file_does_not_matter(loaded: list[Json], tmp_path: Path) -> None:
    assert load_records(tmp_path, *reversed(loaded)).has_only("unchanged")


def test_a_changed_record_changes_its_item_only(loaded: list[Json], tmp_path: Path) -> None:
    before = state.rows()
    result = load_records(tmp_path, *_with(loaded, "package.package", 5, repo_watchers=7))
    assert result.count("package.package", "changed") == 1
    assert result.count("package.package", "unchanged") == 5
    assert _changed_rows(before) == {("packages", "{'id': {'N': '5'}}")}
    assert changes.get(Package, 5).entity.repo_watchers == 7


def test_a_changed_version_changes_its_package(loaded: list[Json], tmp_path: Path) -> None:
    load_records(tmp_path, *_with(loaded, "package.version", 15, number="2.0"))
    assert changes.get(Package, 5).entity.pypi_version == "2.0"


def test_a_changed_grid_and_category_keep_their_packages(
    loaded: list[Json], tmp_path: Path
) -> None:
    records = _with(loaded, "grid.grid", 1, title="Other")
    result = load_records(tmp_path, *_with(records, "package.category", 1, title="Other"))
    assert result.count("grid.grid", "changed") == 1
    assert packages_of(1) == [1, 2, 3]
    assert changes.get(Category, 1).package_count == 6
    assert_sound()


def test_what_a_refresh_wrote_survives_the_same_file(loaded: list[Json], tmp_path: Path) -> None:
    changes.update(Package, 5, lambda package: replace(package, repo_watchers=99))
    assert load_records(tmp_path, *loaded).has_only("unchanged")
    assert changes.get(Package, 5).entity.repo_watchers == 99


def test_a_record_that_changed_overwrites_what_a_refresh_wrote(
    loaded: list[Json], tmp_path: Path
) -> None:
    changes.update(Package, 5, lambda package: replace(package, repo_watchers=99))
    load_records(tmp_path, *_with(loaded, "package.package", 5, repo_forks=1))
    entity = changes.get(Package, 5).entity
    assert (entity.repo_watchers, entity.repo_forks) == (0, 1)


def test_a_title_changed_since_keeps_its_place_in_its_grids(
    loaded: list[Json], tmp_path: Path
) -> None:
    changes.update(Package, 1, lambda package: replace(package, title="zebra"))
    assert load_records(tmp_path, *loaded, row(9, 1, 4)).refusals == []
    assert packages_of(1) == [2, 3, 4, 1]
    assert_sound()


def test_names_changed_since_are_kept_and_not_given_away(
    loaded: list[Json], tmp_path: Path
) -> None:
    changes.update(Package, 1, lambda package: replace(package, slug="new"))
    result = load_records(tmp_path, *loaded, package(7, slug="new"), package(8))
    assert result.reasons == {"package.package 7": "duplicate slug 'new': that of packages 1"}
    assert result.count("package.package", "unchanged") == 6
    assert_sound()


def test_a_title_in_the_file_sorts_the_grids_anew(loaded: list[Json], tmp_path: Path) -> None:
    load_records(tmp_path, *_with(loaded, "package.package", 1, title="zebra"))
    assert packages_of(1) == [2, 3, 1]
    assert_sound()


@pytest.mark.parametrize(
    ("grid_id", "package_id", "grids", "members"),
    [
        (3, 3, {3: [3]}, {1: [1, 2], 3: [3]}),
        (1, 6, {3: [], 6: [1]}, {1: [1, 2, 6]}),
        (2, 6, {3: [], 6: [2]}, {1: [1, 2], 2: [1, 6]}),
    ],
)
def test_a_row_moves(
    loaded: list[Json],
    tmp_path: Path,
    grid_id: int,
    package_id: int,
    grids: dict[int, list[int]],
    members: dict[int, list[int]],
) -> None:
    result = load_records(
        tmp_path, *_with(loaded, "grid.gridpackage", 3, grid=grid_id, package=package_id)
    )
    assert result.count("grid.gridpackage", "changed") == 1
    assert {pk: grids_of(pk) for pk in grids} == grids
    assert {pk: packages_of(pk) for pk in members} == members
    assert_sound()


def test_a_file_of_grids_alone_puts_stored_packages_into_them(
    loaded: list[Json], tmp_path: Path
) -> None:
    result = load_records(tmp_path, grid(7), row(20, 7, 6), row(21, 7, 4), row(3, 7, 3))
    assert result.refusals == []
    assert packages_of(7) == [3, 4, 6]
    assert packages_of(1) == [1, 2]
    assert grids_of(3) == [7]
    assert_sound()


def test_what_a_file_does_not_have_stays(loaded: list[Json], tmp_path: Path) -> None:
    before = state.rows()
    load_records(tmp_path, category(1), package(2, latest_version=12), version(12, 2))
    assert state.rows() == before


def _named_like(pk: int, other: int) -> Json:
    """A package with the names of another."""
    return package(
        pk, slug=f"package-{other}", repo_url=f"https://github.com/owner/package-{other}"
    )


def test_packages_swap_their_names_however_far_apart(tables: None, tmp_path: Path) -> None:
    before = [category(1), *(package(pk) for pk in range(1, 71))]
    load_records(tmp_path, *before)
    first, last = _named_like(1, 70), _named_like(70, 1)
    stuck = package(80, slug="package-69", repo_url="")
    result = load_records(tmp_path, first, stuck, *before[2:-2], last)
    assert result.reasons.keys() == {"package.package 80"}
    assert result.count("package.package", "changed") == 2
    assert queries.get_body_by_slug("packages", "package-70") == queries.get_body_by_id(
        "packages", 1
    )
    assert_sound()


def test_a_swap_is_found_among_many_that_stay_refused(tables: None, tmp_path: Path) -> None:
    load_records(tmp_path, *(grid(pk) for pk in range(1, 31)))
    first, last = grid(1, slug="grid-2"), grid(2, slug="grid-1")
    stuck = [grid(100 + pk, slug=f"grid-{pk}") for pk in range(3, 31)]
    result = load_records(tmp_path, first, *stuck, last)
    assert result.count("grid.grid", "changed") == 2
    assert len(result.refusals) == len(stuck)
    assert_sound()


@pytest.mark.parametrize("upwards", [True, False])
def test_names_can_be_handed_on_in_a_chain(tables: None, tmp_path: Path, upwards: bool) -> None:
    ids = range(1, 31)
    load_records(tmp_path, *(grid(pk) for pk in ids))
    renamed = [grid(pk, slug=f"grid-{pk + 1}") for pk in ids]
    result = load_records(tmp_path, *(renamed if upwards else reversed(renamed)))
    assert result.refusals == []
    assert result.count("grid.grid", "changed") == len(ids)
    assert_sound()


def test_grids_and_categories_swap_their_names_too(loaded: list[Json], tmp_path: Path) -> None:
    result = load_records(
        tmp_path,
        category(1, slug="category-2"),
        category(2, slug="category-1"),
        grid(1, slug="grid-2"),
        grid(2, slug="grid-1"),
    )
    assert result.refusals == []
    assert result.has_only("changed")
    assert packages_of(1) == [1, 2, 3]
    assert_sound()


def test_a_name_that_was_given_up_can_be_taken_in_the_same_file(
    loaded: list[Json], tmp_path: Path
) -> None:
    taker = package(7, slug="package-1", repo_url="")
    result = load_records(tmp_path, taker, package(1, slug="elsewhere"))
    assert result.refusals == []
    assert int(NameItem.get("packages/slug/package-1").owner) == 7
    assert_sound()


def test_a_package_that_moves_to_another_category_is_counted_there(
    loaded: list[Json], tmp_path: Path
) -> None:
    load_records(tmp_path, *_with(loaded, "package.package", 5, category=2))
    assert [changes.get(Category, pk).package_count for pk in (1, 2)] == [5, 1]
    assert_sound()


def test_a_grid_changed_meanwhile_keeps_what_others_put_there(
    loaded: list[Json], tmp_path: Path
) -> None:
    changes.add_to_grid(50, 3, 6)
    load_file(write(tmp_path / "again.json", [*loaded, row(51, 3, 5)]))
    assert packages_of(3) == [5, 6]
    assert changes.get(Grid, 3).entity.members == ((51, 5), (50, 6))
    assert_sound()
