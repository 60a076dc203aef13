"""A load that dies at any call leaves a sound catalogue, and the next one finishes its work."""

from pathlib import Path

from tests.support import state
from tests.support.aws import Calls, Died, dying, recorded
from tests.support.fixtures import Json, category, grid, load_file, package, row, version, write
from tests.support.halfway import worse_faults


def _first() -> list[Json]:
    return [
        category(1),
        category(2),
        *(package(pk, latest_version=10 + pk) for pk in range(1, 7)),
        *(version(10 + pk, pk) for pk in range(1, 7)),
        grid(1),
        grid(2),
        *(row(pk, 1, pk) for pk in (1, 2, 3, 4)),
        row(5, 2, 1),
        row(6, 2, 6),
    ]


def _second() -> list[Json]:
    """Renames (a swap, a chain), moved rows, a new title and category, a new package and row."""
    return [
        category(1, slug="category-2"),
        category(2, slug="category-1"),
        package(1, slug="package-2", repo_url=""),
        package(2, slug="package-1"),
        package(3, title="zebra"),
        package(4, slug="package-5", repo_url="", category=2),
        package(5, slug="elsewhere"),
        package(6),
        package(7),
        grid(1, title="Another"),
        grid(2),
        row(1, 2, 1),
        row(2, 1, 5),
        row(3, 1, 3),
        row(4, 1, 4),
        row(6, 2, 7),
        row(7, 1, 7),
    ]


def test_a_first_load_survives_death_at_each_call(tables: None, tmp_path: Path) -> None:
    _survives({}, write(tmp_path / "first.json", _first()))


def test_a_load_over_another_survives_death_at_each_call(tables: None, tmp_path: Path) -> None:
    load_file(write(tmp_path / "first.json", _first()))
    _survives(state.rows(), write(tmp_path / "second.json", _second()))


def _survives(start: state.Rows, file: Path) -> None:
    """Load ``file`` over ``start``, dying before each call and after the last.

    To die after a call leaves the same tables as to die before the next.
    """
    state.restore(start)
    with recorded() as calls:
        assert load_file(file).refusals == []
    state.assert_sound()
    wanted = state.contents(state.rows())
    deaths = [(at, False) for at in range(len(calls))]
    deaths.append((len(calls) - 1, True))
    assert calls.operations.count("TransactWriteItems") > 3
    for at, after in deaths:
        state.restore(start)
        seen = _die(file, at, after)
        where = f"died {'after' if after else 'before'} {seen.operations[-1]}, call {at}"
        assert worse_faults() == [], where
        assert load_file(file).refusals == [], where
        assert state.contents(state.rows()) == wanted, where


def _die(file: Path, at: int, after: bool) -> Calls:
    with dying(at, after) as calls:
        try:
            load_file(file)
        except Died:
            return calls
    raise AssertionError(f"it ended before call {at}")
