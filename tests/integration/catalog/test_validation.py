"""What no writer may store."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Grid, Package
from chalicelib.storage.errors import TooManyWrites, WriteRefused
from chalicelib.storage.transaction import MAX_WRITES, Transaction
from tests.support import state
from tests.support.entities import category, grid, package

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"slug": " "}, "slug: blank"),
    ({"slug": "x" * 2029}, "slug: longer than 2028 bytes"),
    ({"repo_url": "https://example.org/" + "x" * 2028}, "repo_url: longer than"),
    ({"repo_watchers": 10**50}, "repo_watchers: a number of more than 64 bits"),
    ({"repo_forks": float("nan")}, "repo_forks: not a value that can be stored"),
    ({"created": datetime(2024, 5, 6)}, "created: a date without a time zone"),  # noqa: DTZ001
    ({"title": "\ud800"}, "title: text with a lone surrogate"),
    ({"commits_over_52w": (1, 2**64)}, "commits_over_52w: a number of more than 64 bits"),
]


@pytest.mark.parametrize(("values", "why"), FAULTS)
def test_what_cannot_be_stored_is_refused_with_its_reason(
    tables: None, values: dict[str, Any], why: str
) -> None:
    changes.create(category())
    changes.create(package(2))
    before = state.rows()
    with pytest.raises(WriteRefused, match=why):
        changes.create(package(1, **values))
    with pytest.raises(WriteRefused, match=why):
        changes.update(Package, 2, lambda entity: replace(entity, **values))
    assert state.rows() == before


@pytest.mark.parametrize("identifier", [0, -5, 2**63])
def test_an_id_that_could_never_be_read_is_refused(tables: None, identifier: int) -> None:
    with pytest.raises(WriteRefused, match=f"{identifier} is not an id"):
        changes.create(category(identifier))
    assert state.rows() == {}


def test_more_than_a_transaction_holds_is_refused_before_it_is_sent(tables: None) -> None:
    transaction = Transaction()
    for number in range(MAX_WRITES + 1):
        transaction.reserve_name(f"name/{number}", 1)
    with pytest.raises(TooManyWrites):
        transaction.commit()
    assert state.rows() == {}


def test_a_title_in_more_grids_than_a_transaction_holds_is_refused(tables: None) -> None:
    changes.create(category())
    changes.create(package(1))
    for number in range(1, MAX_WRITES + 1):
        changes.create(grid(number))
        changes.add_to_grid(number, number, 1)
    with pytest.raises(TooManyWrites):
        changes.update(Package, 1, lambda entity: replace(entity, title="another"))
    state.assert_sound()
    changes.delete(Grid, 1)
    changes.delete(Grid, 2)
    changes.update(Package, 1, lambda entity: replace(entity, title="another"))
    state.assert_sound()
