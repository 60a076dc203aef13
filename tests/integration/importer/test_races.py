"""A load while others write: each before every call of the load in turn."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Grid, Package
from tests.support import state
from tests.support.fixtures import category, grid, load_file, package, row, write
from tests.support.races import interleaving


def _retitle() -> None:
    changes.update(Package, 1, lambda entity: replace(entity, title="zzz"))


OTHERS: dict[str, Callable[[], None]] = {
    "taken out of the grid": lambda: changes.remove_from_grid(1, 1),
    "the grid deleted": lambda: changes.delete(Grid, 1),
    "the package deleted": lambda: changes.delete(Package, 1),
    "the package retitled": _retitle,
    "put into another grid": lambda: changes.add_to_grid(9, 2, 1),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("loaded_before", [False, True])
def test_rows_and_both_their_ends_agree_whenever_another_writes(
    tables: None, tmp_path: Path, other: Callable[[], None], loaded_before: bool
) -> None:
    records = [category(1), package(1), package(2), grid(1), grid(2), row(7, 1, 1), row(8, 1, 2)]
    file = write(tmp_path / "fixture.json", records)
    before: state.Rows = {}
    if loaded_before:
        # The same but for a row that moves, so that the load has something to write.
        load_file(write(tmp_path / "before.json", [*records[:-1], row(8, 2, 2)]))
        before = state.rows()

    def other_if_it_can() -> None:
        with suppress(changes.WriteRefused):
            other()

    at, places = 0, 1
    while at < places:
        state.restore(before)
        with interleaving(at, other_if_it_can) as calls:
            load_file(file)
        places = len(calls)
        state.assert_sound()
        at += 1
    assert places > 10
