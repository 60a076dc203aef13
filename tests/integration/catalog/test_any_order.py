"""Any operations in any order, against a model of plain dictionaries."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.storage.errors import CategoryMissing, NameTaken
from tests.support.entities import category, grid, package
from tests.support.state import (
    assert_sound,
    grids_of,
    listed,
    packages_of,
    restore,
)

IDS = st.integers(1, 3)
SLUGS = st.sampled_from(["a", "b", "c"])
REPOSITORIES = st.sampled_from(["", "https://e.org/r", "https://e.org/s"])
TITLES = st.sampled_from(["A", "a", "b"])
FIELDS = st.fixed_dictionaries(
    {"slug": SLUGS, "title": TITLES, "repo_url": REPOSITORIES, "category_id": st.integers(1, 2)}
)
STEPS = st.one_of(
    st.tuples(st.just("create"), IDS, FIELDS),
    st.tuples(st.just("change"), IDS, FIELDS),
    st.tuples(st.just("delete"), IDS),
    st.tuples(st.just("add"), st.integers(1, 5), st.integers(1, 2), IDS),
    st.tuples(st.just("remove"), st.integers(1, 2), IDS),
    st.tuples(st.just("category"), st.integers(1, 2), st.booleans()),
    st.tuples(st.just("grid"), st.integers(1, 2), st.booleans()),
)


@dataclass
class Model:
    """What the catalogue should hold: fields by id, and rows of membership."""

    packages: dict[int, dict[str, Any]] = field(default_factory=dict)
    grids: set[int] = field(default_factory=set)
    categories: set[int] = field(default_factory=set)
    rows: dict[int, tuple[int, int]] = field(default_factory=dict)

    def refusal(self, identifier: int, fields: dict[str, Any]) -> set[type[Exception]]:
        """The errors that writing a package so may give."""
        errors: set[type[Exception]] = set()
        others = [values for other, values in self.packages.items() if other != identifier]
        if any(values["slug"] == fields["slug"] for values in others):
            errors.add(NameTaken)
        if fields["repo_url"] in {values["repo_url"] for values in others} - {""}:
            errors.add(NameTaken)
        moves = self.packages.get(identifier, {}).get("category_id") != fields["category_id"]
        if moves and fields["category_id"] not in self.categories:
            errors.add(CategoryMissing)
        return errors

    def step(self, step: tuple[Any, ...]) -> set[type[Exception]]:
        """Make the step, unless it is to be refused; returns the errors it may give."""
        what, *rest = step
        return set(getattr(self, what)(*rest))

    def create(self, identifier: int, fields: dict[str, Any]) -> set[type[Exception]]:
        if identifier in self.packages:
            return {changes.AlreadyExists}
        if errors := self.refusal(identifier, fields):
            return errors
        self.packages[identifier] = fields
        return set()

    def change(self, identifier: int, fields: dict[str, Any]) -> set[type[Exception]]:
        if identifier not in self.packages:
            return {changes.DoesNotExist}
        if errors := self.refusal(identifier, fields):
            return errors
        self.packages[identifier] = fields
        return set()

    def delete(self, identifier: int) -> set[type[Exception]]:
        if self.packages.pop(identifier, None) is None:
            return {changes.DoesNotExist}
        self.rows = {row: ends for row, ends in self.rows.items() if ends[1] != identifier}
        return set()

    def add(self, row: int, to: int, identifier: int) -> set[type[Exception]]:
        if to not in self.grids or identifier not in self.packages:
            return {changes.DoesNotExist}
        if self.rows.get(row, (to, identifier)) != (to, identifier):
            return {changes.AlreadyExists}
        self.rows[row] = (to, identifier)
        return set()

    def remove(self, grid_id: int, identifier: int) -> set[type[Exception]]:
        if identifier not in self.packages:
            return {changes.DoesNotExist}
        self.rows = {row: ends for row, ends in self.rows.items() if ends != (grid_id, identifier)}
        return set()

    def category(self, identifier: int, wanted: bool) -> set[type[Exception]]:
        if wanted == (identifier in self.categories):
            return {changes.AlreadyExists if wanted else changes.DoesNotExist}
        if any(values["category_id"] == identifier for values in self.packages.values()):
            return {changes.CategoryInUse}
        self.categories ^= {identifier}
        return set()

    def grid(self, identifier: int, wanted: bool) -> set[type[Exception]]:
        if wanted == (identifier in self.grids):
            return {changes.AlreadyExists if wanted else changes.DoesNotExist}
        self.grids ^= {identifier}
        self.rows = {row: ends for row, ends in self.rows.items() if ends[0] != identifier}
        return set()


def _carry_out(step: tuple[Any, ...]) -> None:
    match step:
        case ("create", int(identifier), dict(fields)):
            changes.create(package(identifier, **fields))
        case ("change", int(identifier), dict(fields)):
            changes.update(Package, identifier, lambda stored: replace(stored, **fields))
        case ("delete", int(identifier)):
            changes.delete(Package, identifier)
        case ("add", int(row), int(grid_id), int(identifier)):
            changes.add_to_grid(row, grid_id, identifier)
        case ("remove", int(grid_id), int(identifier)):
            changes.remove_from_grid(grid_id, identifier)
        case ("category", int(identifier), True):
            changes.create(category(identifier))
        case ("category", int(identifier), False):
            changes.delete(Category, identifier)
        case ("grid", int(identifier), True):
            changes.create(grid(identifier))
        case ("grid", int(identifier), False):
            changes.delete(Grid, identifier)


def _error(step: tuple[Any, ...]) -> type[Exception] | None:
    try:
        _carry_out(step)
    except changes.WriteRefused as refusal:
        return type(refusal)
    return None


@settings(
    deadline=None,
    derandomize=True,
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=4, max_size=25))
def test_any_operations_end_as_in_the_model(tables: None, steps: list[tuple[Any, ...]]) -> None:
    restore({})
    model = Model()
    opening = [("category", 1, True), ("grid", 1, True), ("grid", 2, True)]
    for step in [*opening, *steps]:
        allowed = model.step(step)
        error = _error(step)
        assert error in allowed if allowed else error is None, (step, error)
    assert_sound()
    assert listed("packages") == sorted(model.packages, reverse=True)
    assert listed("grids") == sorted(model.grids, reverse=True)
    assert listed("categories") == sorted(model.categories, reverse=True)
    for identifier, fields in model.packages.items():
        stored = changes.get(Package, identifier).entity
        assert {name: getattr(stored, name) for name in fields} == fields
        rows = sorted((row, g) for row, (g, p) in model.rows.items() if p == identifier)
        assert grids_of(identifier) == [grid_id for _, grid_id in rows]
    for identifier in model.grids:
        members = [
            (model.packages[p]["title"], row, p)
            for row, (g, p) in model.rows.items()
            if g == identifier
        ]
        assert packages_of(identifier) == [p for _, _, p in sorted(members)]
