"""The process dies at each call in turn, before it is sent or after it was carried out.

Whatever was going on, the catalogue is right at once; and to repeat the operation is enough.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.local.engine import Engine
from tests.support.aws import Calls, Died, dying
from tests.support.entities import category, grid, package
from tests.support.state import (
    Rows,
    assert_sound,
    contents,
    full_grid,
    restore,
    rows,
    small_catalogue,
    tables_of_a_module,
)

Operation = Callable[[], object]


def _rewritten(stored: Package) -> Package:
    return replace(stored, slug="new", title="zebra", category_id=2, repo_url="https://e.org/n")


#: What is done, and what a repetition of it says once it was done.
OPERATIONS: dict[str, tuple[Operation, type[Exception] | None]] = {
    "create package": (lambda: changes.create(package(9)), changes.AlreadyExists),
    "create package far away": (lambda: changes.create(package(70_000)), changes.AlreadyExists),
    "create category": (lambda: changes.create(category(9)), changes.AlreadyExists),
    "create grid": (lambda: changes.create(grid(9)), changes.AlreadyExists),
    "change package": (lambda: changes.update(Package, 1, _rewritten), None),
    "change category": (
        lambda: changes.update(Category, 1, lambda c: replace(c, slug="new", title="T")),
        None,
    ),
    "change grid": (
        lambda: changes.update(Grid, 1, lambda g: replace(g, slug="new", title="T")),
        None,
    ),
    "add to grid": (lambda: changes.add_to_grid(5, 2, 3), None),
    "remove from grid": (lambda: changes.remove_from_grid(1, 1), None),
    "delete package": (lambda: changes.delete(Package, 1), changes.DoesNotExist),
    "delete category": (lambda: changes.delete(Category, 3), changes.DoesNotExist),
    "delete grid": (lambda: changes.delete(Grid, 1), changes.DoesNotExist),
}


def _dies(operation: Operation, at: int, after: bool) -> tuple[bool, Calls]:
    with dying(at, after) as calls:
        try:
            operation()
        except Died:
            return True, calls
    return False, calls


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, which each test fills anew."""
    with tables_of_a_module():
        yield


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_death_leaves_all_or_nothing_and_repeating_finishes(name: str) -> None:
    operation, repeated = OPERATIONS[name]
    small_catalogue()
    before = now = rows()
    assert_sound()
    operation()
    done = contents(rows())
    assert_sound()
    assert done != contents(before)
    restore(before)
    for at in count():
        was_done = []
        for after in (False, True):
            died, calls = _dies(operation, at, after)
            now = rows()
            # One of the two, both of which are right; so there is no third that were not.
            assert contents(now) in (contents(before), done)
            was_done.append(contents(now) == done)
            if died:
                _repeat(operation, repeated if was_done[-1] else None)
                now = rows()
            assert contents(now) == done
            restore(before, now)
        if not died:
            break
        # The one call that writes is the transaction: before it nothing, after it everything.
        assert was_done == [False, calls.operations[at] == "TransactWriteItems"]
    assert len(calls) == at >= 2


def _repeat(operation: Operation, expected: type[Exception] | None) -> None:
    if expected is None:
        operation()
        return
    with pytest.raises(expected):
        operation()


def test_a_death_in_a_row_of_transactions_leaves_a_right_catalogue() -> None:
    restore({})
    full_grid(90)
    before = rows()
    changes.delete(Grid, 1)
    done = rows()
    restore(before, done)
    seen: list[Rows] = []
    for at in count():
        for after in (False, True):
            died, calls = _dies(lambda: changes.delete(Grid, 1), at, after)
            now = rows()
            if contents(now) not in seen:
                seen.append(contents(now))
                assert_sound()
                with suppress(changes.DoesNotExist):
                    changes.delete(Grid, 1)
                now = rows()
                assert contents(now) == contents(done)
            restore(before, now)
        if not died:
            break
    assert calls.operations.count("TransactWriteItems") == 3
    left = [sum(kind == "memberships" for kind, _ in found) for found in seen]
    assert left == [90, 50, 10, 0]
