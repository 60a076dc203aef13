"""Writers that really run at the same time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Category, Package
from chalicelib.storage.errors import Contended
from tests.support.entities import category, package
from tests.support.state import assert_sound, listed

THREADS = 4
EACH = 10


def test_creators_in_one_block_all_find_their_packages_listed(tables: None) -> None:
    changes.create(category())

    def create(thread: int) -> None:
        for number in range(EACH):
            _until_done(package(1 + thread + THREADS * number))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(create, range(THREADS)))
    assert listed("packages") == list(range(THREADS * EACH, 0, -1))
    assert changes.get(Category, 1).package_count == THREADS * EACH
    assert_sound()


def _until_done(entity: Package) -> None:
    """Create it; a writer that is told to come back later does, a bounded number of times."""
    for _ in range(5):
        try:
            changes.create(entity)
        except Contended:
            continue
        return
    raise AssertionError(f"package {entity.id} never got through")


def test_adders_to_one_number_lose_no_addition(tables: None) -> None:
    changes.create(category())
    changes.create(package(1))

    def add(_: int) -> int:
        done = 0
        for _ in range(EACH // 2):
            try:
                changes.update(Package, 1, lambda p: replace(p, usage_count=p.usage_count + 1))
            except Contended:
                continue
            done += 1
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        additions = sum(pool.map(add, range(THREADS)))
    assert changes.get(Package, 1).entity.usage_count == additions > 0
    assert_sound()
