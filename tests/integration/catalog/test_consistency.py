"""The check finds what is wrong, and old bodies are rendered anew."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from chalicelib.catalog import changes, consistency, queries
from chalicelib.catalog.entities import Package
from chalicelib.catalog.item_writes import add_writes
from chalicelib.local.engine import Engine
from chalicelib.storage import id_bitmap
from chalicelib.storage.models import (
    CategoryItem,
    DirectoryItem,
    GridItem,
    MembershipItem,
    NameItem,
    PackageItem,
)
from chalicelib.storage.transaction import Transaction
from tests.support.aws import recorded
from tests.support.entities import package
from tests.support.races import interleaving
from tests.support.state import assert_sound, restore, rows, small_catalogue, tables_of_a_module


@pytest.fixture(scope="module", autouse=True)
def tables_of_this_module(engine: Engine) -> Iterator[None]:
    """The tables, which each test fills anew."""
    with tables_of_a_module():
        yield


@pytest.fixture(autouse=True)
def catalogue(tables_of_this_module: None) -> None:
    """The small catalogue."""
    small_catalogue()


def _list(ids: range, live: int) -> None:
    bits = id_bitmap.apply_changes(0, dict.fromkeys(ids, True))
    DirectoryItem("packages", 0, ids=id_bitmap.pack(bits), live=live, version=1).save()


def _share_a_slug(owner: int) -> None:
    """Two packages of one slug, as a writer without guards would leave them."""
    stored = changes.get(Package, 1)
    changes.update(Package, 2, lambda p: replace(p, slug="a-slug"))
    transaction = Transaction()
    add_writes(transaction, stored, replace(stored.entity, slug="a-slug"))
    NameItem("packages/slug/a-slug").delete()
    transaction.commit()
    NameItem("packages/slug/a-slug", owner=owner).save()


DAMAGE: dict[str, tuple[Callable[[], object], str]] = {
    "a body": (
        lambda: PackageItem(1).update([PackageItem.body.set("{}")]),
        "packages 1: the body",
    ),
    "a title": (
        lambda: GridItem(1).update([GridItem.title.set("Other")]),
        "grids 1: the body",
    ),
    "a name lost": (
        lambda: NameItem("packages/slug/package-1").delete(),
        "name packages/slug/package-1",
    ),
    "a name kept": (
        lambda: NameItem("packages/slug/gone", owner=1).save(),
        "name packages/slug/gone",
    ),
    "a name of another": (
        lambda: NameItem("grids/slug/grid-1", owner=2).save(),
        "name grids/slug/grid-1",
    ),
    "a name of two, kept for the first": (partial(_share_a_slug, 1), "used by [1, 2]"),
    "a name of two, kept for the second": (partial(_share_a_slug, 2), "used by [1, 2]"),
    "not listed": (lambda: _list(range(1, 3), 2), "packages 3: not listed"),
    "listed": (lambda: _list(range(1, 5), 4), "packages 4: listed but missing"),
    "miscounted": (lambda: _list(range(1, 4), 4), "block 0: wrong count"),
    "a category's count": (
        lambda: CategoryItem(1).update([CategoryItem.packages.set(2)]),
        "categories 1: counts 2, has 3",
    ),
    "a category gone": (lambda: CategoryItem(1).delete(), "its category 1 does not exist"),
    "a row gone": (lambda: MembershipItem(10).delete(), "membership 10: row None"),
    "a row too many": (
        lambda: MembershipItem(99, grid_id=1, package_id=3).save(),
        "membership 99: row (1, 3), grid says None, package None",
    ),
    "a package's grids": (
        lambda: PackageItem(2).update([PackageItem.memberships.set([])]),
        "membership 12",
    ),
    "a grid's order": (
        lambda: GridItem(1).update([GridItem.members.set([[12, 2], [10, 1]])]),
        "grids 1: its packages",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(name: str) -> None:
    damage, said = DAMAGE[name]
    assert_sound()
    damage()
    assert any(said in fault for fault in consistency.iter_faults()), list(
        consistency.iter_faults()
    )


def _make_old() -> None:
    """Bodies as an earlier version of the rendering may have left them."""
    PackageItem(1).update([PackageItem.body.set("old"), PackageItem.rendering.set(0)])
    CategoryItem(1).update([CategoryItem.body.set("old"), CategoryItem.rendering.set(0)])


def test_old_bodies_are_rendered_anew_and_only_those() -> None:
    expected = [queries.get_body_by_id(kind, 1) for kind in ("packages", "categories")]
    _make_old()
    # What is known to be old is no fault.
    assert_sound()
    assert consistency.rerender_bodies() == 2
    assert [queries.get_body_by_id(kind, 1) for kind in ("packages", "categories")] == expected
    assert_sound()
    with recorded() as calls:
        assert consistency.rerender_bodies() == 0
    assert set(calls.operations) == {"Scan"}


def test_rendering_anew_loses_to_no_other_writer() -> None:
    _make_old()
    before = rows()
    others: list[Callable[[], object]] = [
        lambda: changes.create(package(9)),
        lambda: changes.delete(Package, 1),
    ]
    for other in others:
        for at in count():
            restore(before)
            ran: list[object] = []

            def run(other: Callable[[], object] = other, ran: list[object] = ran) -> None:
                ran.append(other())

            with interleaving(at, run):
                consistency.rerender_bodies()
            if not ran:
                break
            for kind in ("packages", "categories"):
                assert queries.get_body_by_id(kind, 1) != "old"
            assert_sound()
        assert at > 5
