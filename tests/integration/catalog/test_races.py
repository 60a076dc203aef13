"""Two writers at once: the second runs wholly before each call of the first in turn.

The law: what is left, and what each was told, is as if one had come after the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.local.engine import Engine
from chalicelib.storage.errors import Contended
from tests.support.entities import category, grid, package
from tests.support.races import before_each, interleaving
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
    touch_directory,
)

Operation = Callable[[], object]


def creating(entity: Category | Grid | Package) -> Operation:
    return partial(changes.create, entity)


def deleting(kind: type[Any], identifier: int) -> Operation:
    return partial(changes.delete, kind, identifier)


def changing(kind: type[Any], identifier: int, **values: Any) -> Operation:
    return partial(changes.update, kind, identifier, lambda stored: replace(stored, **values))


def adding(row: int, to: int, package_id: int) -> Operation:
    return partial(changes.add_to_grid, row, to, package_id)


def both(*operations: Operation) -> Operation:
    """One after the other."""

    def run() -> None:
        for operation in operations:
            operation()

    return run


RACES: dict[str, tuple[Operation, Operation]] = {
    "two creators of an id": (creating(package(9)), creating(package(9, slug="s", repo_url=""))),
    "two creators of a slug": (
        creating(package(8, slug="same")),
        creating(package(9, slug="same")),
    ),
    "two creators of a repository": (
        creating(package(8, repo_url="https://e.org/r")),
        creating(package(9, repo_url="https://e.org/r")),
    ),
    "two creators in one block": (creating(package(8)), creating(package(9))),
    "two creators in a new block": (creating(package(70_008)), creating(package(70_009))),
    "creator and deleter in one block": (creating(package(8)), deleting(Package, 3)),
    "creator and deleter of the category": (
        creating(package(9, category_id=3)),
        deleting(Category, 3),
    ),
    "mover and deleter of the category": (
        changing(Package, 1, category_id=3),
        deleting(Category, 3),
    ),
    "changer and counter of a category": (
        changing(Category, 1, title="T"),
        creating(package(9)),
    ),
    "two changers of different fields": (
        changing(Package, 1, title="zebra"),
        changing(Package, 1, repo_watchers=7),
    ),
    "two changers to one slug": (
        changing(Package, 1, slug="same"),
        changing(Package, 2, slug="same"),
    ),
    "one frees the slug that the other takes": (
        changing(Package, 1, slug="new"),
        creating(package(9, slug="package-1")),
    ),
    "changer and deleter": (changing(Package, 1, slug="new"), deleting(Package, 1)),
    "two deleters": (deleting(Package, 1), deleting(Package, 1)),
    "deleters of a package and its grid": (deleting(Package, 1), deleting(Grid, 1)),
    "adder and deleter of the package": (adding(5, 2, 3), deleting(Package, 3)),
    "adder and deleter of the grid": (adding(5, 2, 3), deleting(Grid, 2)),
    "adder and changer of the title": (adding(5, 1, 3), changing(Package, 3, title="a")),
    "adder and changer of the grid": (adding(5, 1, 3), changing(Grid, 1, slug="new")),
    "two adders to a grid": (adding(5, 2, 3), adding(6, 2, 2)),
    "two adders of a row": (adding(5, 2, 3), adding(5, 2, 2)),
    "adder and remover": (adding(5, 1, 3), partial(changes.remove_from_grid, 1, 1)),
    # Each orders the grid by a title that the other changes; neither alters the order alone.
    "adder and changer of a neighbour's title": (
        adding(5, 1, 3),
        changing(Package, 2, title="zebra"),
    ),
    "two changers of titles in a grid": (
        changing(Package, 1, title="package-1z"),
        changing(Package, 2, title="package-1x"),
    ),
    # The other writer leaves an item that looks like the one that was read.
    "changer and one who creates it anew": (
        changing(Package, 3, title="zebra"),
        both(deleting(Package, 3), creating(package(3, slug="anew", repo_url=""))),
    ),
    "adder and one who creates the grid anew": (
        adding(5, 2, 3),
        # Written as often as the one before it, which package 1 had been added to.
        both(deleting(Grid, 2), creating(grid(2, slug="anew")), changing(Grid, 2, header=True)),
    ),
    "changer of a category and one who creates it anew": (
        changing(Category, 3, title="T"),
        both(deleting(Category, 3), creating(category(3, slug="anew"))),
    ),
    # That the old name has a new owner says nothing about the new name.
    "renamer and one who gives the old name away": (
        changing(Package, 1, slug="new"),
        both(deleting(Package, 1), creating(package(9, slug="package-1"))),
    ),
}


def _told(operation: Operation) -> str:
    """What an operation says: nothing, or its typed error."""
    try:
        operation()
    except changes.WriteRefused as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    return "done"


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, which each test fills anew."""
    with tables_of_a_module():
        yield


@pytest.mark.parametrize("name", RACES)
def test_a_race_ends_as_if_one_came_after_the_other(name: str) -> None:
    first, second = RACES[name]
    small_catalogue()
    before = rows()
    told = _told(first), _told(second)
    assert_sound()
    now = rows()
    outcomes = [(contents(now), *told)]
    restore(before, now)
    told = _told(second), _told(first)
    assert_sound()
    now = rows()
    outcomes.append((contents(now), *told[::-1]))
    for at in count():
        restore(before, now)
        said: list[str] = []

        def interrupt(said: list[str] = said) -> None:
            said.append(_told(second))

        with interleaving(at, interrupt) as calls:
            answer = _told(first)
        now = rows()
        if not said:
            break
        # Both outcomes are right catalogues, so this one is.
        assert (contents(now), answer, said[0]) in outcomes, f"at call {at}"
    assert len(calls) == at >= 2


def test_a_package_added_to_a_grid_that_is_being_deleted_is_lost_to_neither() -> None:
    restore({})
    full_grid(42)
    changes.create(package(100))
    before = rows()
    for at in count():
        restore(before)
        said: list[str] = []

        def add(said: list[str] = said) -> None:
            said.append(_told(adding(5, 1, 100)))

        with interleaving(at, add):
            changes.delete(Grid, 1)
        if not said:
            break
        assert said == ["done"]
        assert_sound()
        assert (listed("grids"), grids_of(100)) == ([], [])
    assert at >= 4


def test_a_writer_that_always_loses_gives_up_and_has_written_nothing() -> None:
    small_catalogue()
    watchers = count(1)

    def other() -> None:
        changes.update(Package, 1, lambda p: replace(p, repo_watchers=next(watchers)))

    with before_each("TransactWriteItems", other) as calls, pytest.raises(Contended):
        changes.update(Package, 1, lambda p: replace(p, slug="new", title="zebra"))
    stored = changes.get(Package, 1).entity
    assert (stored.slug, stored.title) == ("package-1", "package-1")
    assert stored.repo_watchers == calls.operations.count("TransactWriteItems") > 1
    assert packages_of(1) == [1, 2]
    assert_sound()


def test_a_directory_written_meanwhile_is_read_again() -> None:
    small_catalogue()
    left = iter(range(3))

    def other() -> None:
        if next(left, None) is not None:
            touch_directory("packages")

    with before_each("TransactWriteItems", other) as calls:
        changes.create(package(9))
    assert calls.operations == ["GetItem", "TransactWriteItems"] * 4
    assert listed("packages") == [9, 3, 2, 1]
    assert_sound()
