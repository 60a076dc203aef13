"""Records refused for what they refer to, or for names that others have."""

from pathlib import Path

import pytest

from chalicelib.catalog import changes, queries
from chalicelib.catalog.entities import Grid, Package
from tests.support import entities
from tests.support.fixtures import (
    Json,
    category,
    grid,
    load_records,
    package,
    row,
    version,
    without,
)
from tests.support.state import assert_sound, grids_of, listed, packages_of, restore

_CATEGORY = "category 9 does not exist"


#: Records that come after category 1, package 1 and grid 1 (with it), and what is refused.
_CASES: list[tuple[list[Json], dict[str, str]]] = [
    ([package(2, category=9)], {"package.package 2": _CATEGORY}),
    (
        [package(2, slug="package-1")],
        {"package.package 2": "duplicate slug 'package-1': that of 1 before"},
    ),
    (
        [package(2, repo_url="https://github.com/owner/package-1")],
        {
            "package.package 2": "duplicate repo_url "
            "'https://github.com/owner/package-1': that of 1 before"
        },
    ),
    (
        [package(1, slug="other", repo_url="")],
        {"package.package 1": "the file has a record of this model and id before"},
    ),
    (
        [grid(1, slug="other"), category(1, slug="other"), row(1, 1, 1)],
        {
            "grid.grid 1": "the file has a record of this model and id before",
            "package.category 1": "the file has a record of this model and id before",
            "grid.gridpackage 1": "the file has a record of this model and id before",
        },
    ),
    ([grid(2, slug="grid-1")], {"grid.grid 2": "duplicate slug 'grid-1': that of 1 before"}),
    (
        [category(2, slug="category-1")],
        {"package.category 2": "duplicate slug 'category-1': that of 1 before"},
    ),
    (
        [package(2, latest_version=5)],
        {"package.package 2": "latest_version 5 is not in the file or was refused"},
    ),
    (
        [package(2, latest_version=5), version(5, 1)],
        {"package.package 2": "latest_version 5 is of package 1"},
    ),
    (
        [package(2, latest_version=5), without(version(5, 2), "number")],
        {
            "package.version 5": "number is missing",
            "package.package 2": "latest_version 5 is not in the file or was refused",
        },
    ),
    (
        [version(5, 2), version(6, 1), version(6, 1)],
        {
            "package.version 5": "package 2 is not in the file or was refused",
            "package.version 6": "the file has a record of this model and id before",
        },
    ),
    (
        [package(2, deprecates_package=77)],
        {"package.package 2": "deprecates_package 77 does not exist"},
    ),
    # Whichever of the two comes first.
    (
        [package(2, deprecates_package=3), package(3, category=9)],
        {
            "package.package 3": _CATEGORY,
            "package.package 2": "deprecates_package 3 does not exist",
        },
    ),
    (
        [package(2, category=9), package(3, deprecates_package=2)],
        {
            "package.package 2": _CATEGORY,
            "package.package 3": "deprecates_package 2 does not exist",
        },
    ),
    ([row(2, 9, 1)], {"grid.gridpackage 2": "grid 9 does not exist"}),
    ([row(2, 1, 9)], {"grid.gridpackage 2": "package 9 does not exist or was refused"}),
    (
        [package(2, category=9), row(2, 1, 2)],
        {
            "package.package 2": _CATEGORY,
            "grid.gridpackage 2": "package 2 does not exist or was refused",
        },
    ),
    (
        [without(grid(2), "title"), row(2, 2, 1)],
        {"grid.grid 2": "title is missing", "grid.gridpackage 2": "grid 2 does not exist"},
    ),
]


def test_what_does_not_hold_together_in_the_file_is_refused(tables: None, tmp_path: Path) -> None:
    start = (category(1), package(1), grid(1), row(1, 1, 1))
    for records, reasons in _CASES:
        restore({})
        loaded = load_records(tmp_path, *start, *records, package(100))
        assert loaded.reasons == reasons
        taken = {1, 100} | {
            r["pk"]
            for r in records
            if r["model"] == "package.package" and f"package.package {r['pk']}" not in reasons
        }
        assert listed("packages") == sorted(taken, reverse=True)
        assert packages_of(1) == [1]
        assert_sound()


@pytest.fixture
def stored(tables: None) -> None:
    """Category 1, packages 1 and 2, grids 1 and 2; row 1 has package 1 in grid 1."""
    changes.create(entities.category(1))
    for pk in (1, 2):
        changes.create(entities.package(pk))
        changes.create(entities.grid(pk))
    changes.add_to_grid(1, 1, 1)


def test_names_of_stored_items_are_refused(stored: None, tmp_path: Path) -> None:
    url = "https://github.com/owner/package-2"
    loaded = load_records(
        tmp_path,
        category(2, slug="category-1"),
        grid(3, slug="grid-1"),
        package(3, slug="package-1"),
        package(4, repo_url=url),
        package(5, category=2),
        package(6),
        row(10, 3, 6),
        row(11, 2, 3),
        row(12, 2, 6),
    )
    assert loaded.reasons == {
        "package.category 2": "duplicate slug 'category-1': that of categories 1",
        "grid.grid 3": "duplicate slug 'grid-1': that of grids 1",
        "package.package 3": "duplicate slug 'package-1': that of packages 1",
        "package.package 4": f"duplicate repo_url {url!r}: that of packages 2",
        "package.package 5": "category 2 does not exist",
        "grid.gridpackage 10": "grid.grid 3 was refused",
        "grid.gridpackage 11": "package.package 3 was refused",
    }
    assert listed("packages") == [6, 2, 1]
    assert packages_of(2) == [6]
    assert_sound()


def test_any_number_of_taken_names_stops_nothing(tables: None, tmp_path: Path) -> None:
    load_records(tmp_path, category(1), *(package(pk) for pk in range(1, 13)))
    taken = [package(pk, repo_url="", slug=f"package-{pk - 100}") for pk in range(101, 113)]
    loaded = load_records(tmp_path, *taken, package(200))
    assert len(loaded.refusals) == 12
    assert loaded.count("package.package", "created") == 1
    assert_sound()


def test_what_is_stored_can_be_referred_to(stored: None, tmp_path: Path) -> None:
    loaded = load_records(tmp_path, package(3, deprecates_package=2), row(5, 2, 1), row(6, 1, 3))
    assert loaded.refusals == []
    assert grids_of(1) == [1, 2]
    assert packages_of(1) == [1, 3]
    assert_sound()


def test_a_row_that_would_move_to_a_refused_package_stays(stored: None, tmp_path: Path) -> None:
    loaded = load_records(tmp_path, package(3, slug="package-2"), row(1, 1, 3))
    assert loaded.reasons["grid.gridpackage 1"] == "package.package 3 was refused"
    assert grids_of(1) == [1]
    assert packages_of(1) == [1]
    assert_sound()


def test_a_row_moves_away_from_a_package_whose_change_is_refused(
    stored: None, tmp_path: Path
) -> None:
    loaded = load_records(tmp_path, package(1, slug="package-2"), row(1, 1, 2))
    assert loaded.reasons == {"package.package 1": "duplicate slug 'package-2': that of packages 2"}
    assert grids_of(1) == []
    assert packages_of(1) == [2]
    assert_sound()


def test_a_refused_change_leaves_the_item_as_it_was(stored: None, tmp_path: Path) -> None:
    before = changes.get(Package, 1)
    load_records(tmp_path, package(1, slug="package-2", repo_watchers=9))
    assert changes.get(Package, 1) == before


def test_a_package_larger_than_an_item_is_refused(stored: None, tmp_path: Path) -> None:
    loaded = load_records(
        tmp_path, package(3, repo_description="d" * 250_000), package(4), row(5, 1, 3), row(6, 1, 4)
    )
    assert loaded.reasons.keys() == {"package.package 3", "grid.gridpackage 5"}
    assert loaded.reasons["package.package 3"].startswith("too large: 50")
    assert queries.get_body_by_id("packages", 4) is not None
    assert packages_of(1) == [1, 4]
    assert_sound()


def test_a_grid_larger_than_an_item_keeps_the_packages_it_had(stored: None, tmp_path: Path) -> None:
    large = 10**18
    rows = [row(large + n, 1, large) for n in range(5_400)]
    loaded = load_records(tmp_path, package(large), *rows, row(5, 2, 2))
    assert len(loaded.refusals) == len(rows)
    assert loaded.refusals[0].reason.startswith("grid 1 would be too large: ")
    assert loaded.count("package.package", "created") == 1
    assert changes.get(Grid, 1).entity.members == ((1, 1),)
    assert packages_of(2) == [2]
    assert_sound()
