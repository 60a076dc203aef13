"""The first readings of a fixture: what is in it, and which records hold together.

A record may refer to one that comes later (a package to its latest version), so nothing can be
written before all of the file was seen once. What is kept of each package meanwhile is small:
its names and references, not its figures.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.catalog.entities import Category, Grid
from chalicelib.importer.fixture import Fixture, Position, Record
from chalicelib.importer.report import NOT_KEPT, LoadReport
from chalicelib.importer.schema import (
    CATEGORY,
    GRID,
    MEMBERSHIP,
    PACKAGE,
    VERSION,
    Version,
    category,
    checked,
    grid,
)
from chalicelib.importer.validators import BadRecord, shown
from chalicelib.storage import reads
from chalicelib.storage.models import CategoryItem, GridItem, PackageItem

#: Called with a stage, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]
_Taker = Callable[[int, dict[str, Any], Position], None]


@dataclass(slots=True)
class Outline:
    """What is kept of a package between the readings."""

    position: Position
    category: int
    latest_version: int | None
    deprecates: int | None


@dataclass(slots=True)
class Survey:
    """The contents of a fixture that may be written; all maps are by primary key."""

    categories: dict[int, tuple[Position, Category]] = field(default_factory=dict)
    grids: dict[int, tuple[Position, Grid]] = field(default_factory=dict)
    packages: dict[int, Outline] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    #: membership id -> (position, grid id, package id)
    memberships: dict[int, tuple[Position, int, int]] = field(default_factory=dict)


def survey(
    fixture: Fixture, outcome: LoadReport, progress: Progress, stored: bool = True
) -> Survey:
    """Read the fixture and refuse what does not hold together in itself or with what is stored.

    ``stored=False`` looks at the file alone.
    """
    found = _Surveyor(outcome, progress)
    found.read(fixture)
    found.read_versions(fixture)
    found.resolve(stored)
    return found.survey


class _Surveyor:
    def __init__(self, outcome: LoadReport, progress: Progress) -> None:
        self.survey = Survey()
        self.outcome = outcome
        self.progress = progress
        self._names: dict[str, int] = {}
        self._version_ids: set[int] = set()

    def read(self, fixture: Fixture) -> None:
        """Check each record by itself and against those before it."""
        takers: dict[str, _Taker] = {
            CATEGORY: self._take_category,
            PACKAGE: self._take_package,
            VERSION: self._take_version,
            GRID: self._take_grid,
            MEMBERSHIP: self._take_membership,
        }

        def watch() -> None:
            self.progress("read", fixture.done, fixture.size)

        for record in fixture.read(watch):
            reason = record.error or self._fault_of(record, takers)
            if reason:
                self.outcome.refuse(*_label(record.value), record.position, reason)
            watch()

    def _fault_of(self, record: Record, takers: dict[str, _Taker]) -> str | None:
        """Take a record, or say why it cannot be taken."""
        try:
            model, pk, values = checked(record.value)
            takers[model](pk, values, record.position)
        except BadRecord as error:
            return str(error)
        return None

    def read_versions(self, fixture: Fixture) -> None:
        """Keep the versions that are some package's latest, now that all packages are known."""

        def watch() -> None:
            self.progress("versions", fixture.done, fixture.size)

        packages = self.survey.packages
        wanted = {o.latest_version for o in packages.values() if o.latest_version is not None}
        for record in fixture.read(watch):
            if record.error or self.outcome.is_refused(record.position):
                continue
            if record.value.get("model") != VERSION:
                continue
            _, pk, values = checked(record.value)
            if values["package"] not in packages:
                reason = f"package {values['package']} is not in the file or was refused"
                self.outcome.refuse(VERSION, pk, record.position, reason)
            elif pk not in wanted:
                self.outcome.count(VERSION, NOT_KEPT)
            else:
                self.survey.versions[pk] = Version(
                    pk, values["package"], values["number"], values.get("upload_time")
                )
            watch()

    def resolve(self, stored: bool) -> None:
        """Refuse packages and memberships whose references lead nowhere."""
        survey = self.survey
        stored_categories = self._stored(
            CategoryItem, {o.category for o in survey.packages.values()}, survey.categories, stored
        )
        deprecated = {o.deprecates for o in survey.packages.values() if o.deprecates is not None}
        stored_packages = self._stored(PackageItem, deprecated, (), stored)
        refused = self._refuse_packages(survey.packages, stored_categories, stored_packages)
        while refused:
            # What was refused may be what others deprecate.
            referring = [pk for pk, o in survey.packages.items() if o.deprecates is not None]
            refused = self._refuse_packages(referring, stored_categories, stored_packages)
        rows = survey.memberships.values()
        stored_grids = self._stored(GridItem, {g for _, g, _ in rows}, survey.grids, stored)
        stored_packages = self._stored(PackageItem, {p for *_, p in rows}, survey.packages, stored)
        for pk, (position, grid_id, package_id) in list(survey.memberships.items()):
            if grid_id not in survey.grids and grid_id not in stored_grids:
                reason = f"grid {grid_id} does not exist"
            elif package_id not in survey.packages and package_id not in stored_packages:
                reason = f"package {package_id} does not exist or was refused"
            else:
                continue
            self.outcome.refuse(MEMBERSHIP, pk, position, reason)
            del survey.memberships[pk]

    def _refuse_packages(
        self, candidates: Iterable[int], categories: set[int], packages: set[int]
    ) -> int:
        """Refuse those of the candidates whose references lead nowhere; returns how many."""
        refused = 0
        for pk in list(candidates):
            outline = self.survey.packages[pk]
            reason = self._fault(pk, outline, categories, packages)
            if reason:
                self.outcome.refuse(PACKAGE, pk, outline.position, reason)
                del self.survey.packages[pk]
                refused += 1
        return refused

    def _fault(
        self, pk: int, outline: Outline, categories: set[int], packages: set[int]
    ) -> str | None:
        survey = self.survey
        if outline.category not in survey.categories and outline.category not in categories:
            return f"category {outline.category} does not exist"
        if outline.latest_version is not None:
            version = survey.versions.get(outline.latest_version)
            if version is None:
                return f"latest_version {outline.latest_version} is not in the file or was refused"
            if version.package != pk:
                return f"latest_version {version.id} is of package {version.package}"
        deprecates = outline.deprecates
        known = deprecates in survey.packages or deprecates in packages
        if deprecates is not None and not known:
            return f"deprecates_package {deprecates} does not exist"
        return None

    def _stored(self, model: Any, ids: set[int], here: Any, stored: bool) -> set[int]:
        """Which of ``ids`` that are not in the file are in the tables."""
        missing = [identifier for identifier in ids if identifier not in here]
        return set(reads.get_items(model, missing, ["id"])) if stored else set()

    def _take_category(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._unique(CATEGORY, pk, pk in self.survey.categories, {"slug": values["slug"]})
        self.survey.categories[pk] = (position, category(pk, values))

    def _take_grid(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._unique(GRID, pk, pk in self.survey.grids, {"slug": values["slug"]})
        self.survey.grids[pk] = (position, grid(pk, values))

    def _take_package(self, pk: int, values: dict[str, Any], position: Position) -> None:
        repo_url = values.get("repo_url") or ""
        names = {"slug": values["slug"], "repo_url": repo_url}
        self._unique(PACKAGE, pk, pk in self.survey.packages, names)
        self.survey.packages[pk] = Outline(
            position,
            values["category"],
            values.get("latest_version"),
            values.get("deprecates_package"),
        )

    def _take_version(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._unique(VERSION, pk, pk in self._version_ids, {})
        self._version_ids.add(pk)

    def _take_membership(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._unique(MEMBERSHIP, pk, pk in self.survey.memberships, {})
        self.survey.memberships[pk] = (position, values["grid"], values["package"])

    def _unique(self, model: str, pk: int, seen: bool, names: dict[str, str]) -> None:
        if seen:
            raise BadRecord("the file has a record of this model and id before")
        keys = {f"{model}/{name}/{value}": value for name, value in names.items() if value}
        for key, value in keys.items():
            if key in self._names:
                name = key.split("/")[1]
                raise BadRecord(f"duplicate {name} {value!r}: that of {self._names[key]} before")
        self._names |= dict.fromkeys(keys, pk)


def _label(value: Any) -> tuple[str, object]:
    """How to call a record that may be anything: its model and primary key, if it has them."""
    if not isinstance(value, dict):
        return "(not a record)", None
    model, pk = value.get("model"), value.get("pk")
    label = "(not a record)"
    if isinstance(model, str) and model.isprintable() and 0 < len(model) <= 80:
        label = model
    return label, None if pk is None else shown(pk)
