"""The first readings of a fixture: its contents, and which of its records hold together.

A record may refer to one that comes later (a package to its latest version), so nothing can be
written before the whole file was read once. Little is kept of each package meanwhile: its names
and references, not its figures.
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
    FileEntity,
    Version,
    build_category,
    build_grid,
    parse_record,
)
from chalicelib.importer.validators import InvalidRecord, format_value
from chalicelib.storage import reads
from chalicelib.storage.models import CategoryItem, GridItem, PackageItem

#: Called with a stage, how much of it is done, and how much there is.
ProgressCallback = Callable[[str, int, int], None]
_Handler = Callable[[int, dict[str, Any], Position], None]


@dataclass(slots=True)
class PackageOutline:
    """The part of a package that is kept between the readings: its place and references."""

    position: Position
    category: int
    latest_version: int | None
    deprecates: int | None


@dataclass(slots=True)
class Survey:
    """The contents of a fixture that may be written; all maps are by primary key."""

    categories: dict[int, tuple[Position, FileEntity[Category]]] = field(default_factory=dict)
    grids: dict[int, tuple[Position, FileEntity[Grid]]] = field(default_factory=dict)
    packages: dict[int, PackageOutline] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    #: membership id -> (position, grid id, package id)
    memberships: dict[int, tuple[Position, int, int]] = field(default_factory=dict)


def survey_fixture(
    fixture: Fixture, report: LoadReport, progress: ProgressCallback, stored: bool = True
) -> Survey:
    """Read the fixture, and refuse records whose names or references cannot stand.

    References may lead to records of the file and, unless ``stored`` is false, to items of the
    tables.
    """
    surveyor = _Surveyor(report, progress)
    surveyor.read_records(fixture)
    surveyor.read_versions(fixture)
    surveyor.resolve_references(stored)
    return surveyor.survey


class _Surveyor:
    """Fills a Survey, reading by reading."""

    def __init__(self, report: LoadReport, progress: ProgressCallback) -> None:
        self.survey = Survey()
        self._report = report
        self._progress = progress
        self._names: dict[str, int] = {}
        self._version_ids: set[int] = set()

    def read_records(self, fixture: Fixture) -> None:
        """Check each record by itself and against those before it."""
        handlers: dict[str, _Handler] = {
            CATEGORY: self._add_category,
            PACKAGE: self._add_package,
            VERSION: self._add_version,
            GRID: self._add_grid,
            MEMBERSHIP: self._add_membership,
        }

        def report_progress() -> None:
            self._progress("read", fixture.bytes_read, fixture.size)

        for record in fixture.iter_records(report_progress):
            reason = record.error or self._add(record, handlers)
            if reason:
                self._report.refuse(*_get_label(record.value), record.position, reason)
            report_progress()

    def _add(self, record: Record, handlers: dict[str, _Handler]) -> str | None:
        """Add a record to the survey, or return the reason to refuse it."""
        try:
            model, pk, values = parse_record(record.value)
            handlers[model](pk, values, record.position)
        except InvalidRecord as error:
            return str(error)
        return None

    def read_versions(self, fixture: Fixture) -> None:
        """Keep the versions that are some package's latest, now that all packages are known."""

        def report_progress() -> None:
            self._progress("versions", fixture.bytes_read, fixture.size)

        packages = self.survey.packages
        latest = {o.latest_version for o in packages.values() if o.latest_version is not None}
        for record in fixture.iter_records(report_progress):
            if record.error or self._report.is_refused(record.position):
                continue
            if record.value.get("model") != VERSION:
                continue
            _, pk, values = parse_record(record.value)
            if values["package"] not in packages:
                reason = f"package {values['package']} is not in the file or was refused"
                self._report.refuse(VERSION, pk, record.position, reason)
            elif pk not in latest:
                self._report.count(VERSION, NOT_KEPT)
            else:
                self.survey.versions[pk] = Version(
                    pk, values["package"], values["number"], values.get("upload_time")
                )
            report_progress()

    def resolve_references(self, stored: bool) -> None:
        """Refuse packages and memberships whose references lead nowhere."""
        survey = self.survey
        categories = {outline.category for outline in survey.packages.values()}
        stored_categories = self._find_stored(CategoryItem, categories, survey.categories, stored)
        deprecated = {o.deprecates for o in survey.packages.values() if o.deprecates is not None}
        stored_packages = self._find_stored(PackageItem, deprecated, (), stored)
        refused = self._refuse_packages(survey.packages, stored_categories, stored_packages)
        while refused:
            # A package that was refused may be one that others deprecate.
            referring = [pk for pk, o in survey.packages.items() if o.deprecates is not None]
            refused = self._refuse_packages(referring, stored_categories, stored_packages)
        self._refuse_memberships(stored)

    def _refuse_memberships(self, stored: bool) -> None:
        survey, rows = self.survey, self.survey.memberships.values()
        grids = self._find_stored(GridItem, {g for _, g, _ in rows}, survey.grids, stored)
        packages = self._find_stored(PackageItem, {p for *_, p in rows}, survey.packages, stored)
        for pk, (position, grid_id, package_id) in list(survey.memberships.items()):
            if grid_id not in survey.grids and grid_id not in grids:
                reason = f"grid {grid_id} does not exist"
            elif package_id not in survey.packages and package_id not in packages:
                reason = f"package {package_id} does not exist or was refused"
            else:
                continue
            self._report.refuse(MEMBERSHIP, pk, position, reason)
            del survey.memberships[pk]

    def _refuse_packages(
        self, candidates: Iterable[int], categories: set[int], packages: set[int]
    ) -> int:
        """Refuse the candidates whose references lead nowhere, and return their number."""
        refused = 0
        for pk in list(candidates):
            outline = self.survey.packages[pk]
            reason = self._find_fault(pk, outline, categories, packages)
            if reason:
                self._report.refuse(PACKAGE, pk, outline.position, reason)
                del self.survey.packages[pk]
                refused += 1
        return refused

    def _find_fault(
        self, pk: int, outline: PackageOutline, categories: set[int], packages: set[int]
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
        exists = deprecates in survey.packages or deprecates in packages
        if deprecates is not None and not exists:
            return f"deprecates_package {deprecates} does not exist"
        return None

    def _find_stored(self, model: Any, ids: set[int], in_file: Any, stored: bool) -> set[int]:
        """Return those of ``ids`` that are in the tables and not in the file."""
        missing = [identifier for identifier in ids if identifier not in in_file]
        return set(reads.get_items(model, missing, ["id"])) if stored else set()

    def _add_category(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._check_unique(CATEGORY, pk, pk in self.survey.categories, {"slug": values["slug"]})
        self.survey.categories[pk] = (position, build_category(pk, values))

    def _add_grid(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._check_unique(GRID, pk, pk in self.survey.grids, {"slug": values["slug"]})
        self.survey.grids[pk] = (position, build_grid(pk, values))

    def _add_package(self, pk: int, values: dict[str, Any], position: Position) -> None:
        repo_url = values.get("repo_url") or ""
        names = {"slug": values["slug"], "repo_url": repo_url}
        self._check_unique(PACKAGE, pk, pk in self.survey.packages, names)
        self.survey.packages[pk] = PackageOutline(
            position,
            values["category_id"],
            values.get("latest_version_id"),
            values.get("deprecates_package_id"),
        )

    def _add_version(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._check_unique(VERSION, pk, pk in self._version_ids, {})
        self._version_ids.add(pk)

    def _add_membership(self, pk: int, values: dict[str, Any], position: Position) -> None:
        self._check_unique(MEMBERSHIP, pk, pk in self.survey.memberships, {})
        self.survey.memberships[pk] = (position, values["grid"], values["package"])

    def _check_unique(self, model: str, pk: int, is_repeated: bool, names: dict[str, str]) -> None:
        if is_repeated:
            raise InvalidRecord("the file has a record of this model and id before")
        keys = {f"{model}/{name}/{value}": value for name, value in names.items() if value}
        for key, value in keys.items():
            if key in self._names:
                name = key.split("/")[1]
                raise InvalidRecord(
                    f"duplicate {name} {value!r}: that of {self._names[key]} before"
                )
        self._names |= dict.fromkeys(keys, pk)


def _get_label(value: Any) -> tuple[str, object]:
    """Return model and primary key of a record that may be anything, as far as it has them."""
    if not isinstance(value, dict):
        return "(not a record)", None
    model, pk = value.get("model"), value.get("pk")
    label = "(not a record)"
    if isinstance(model, str) and model.isprintable() and 0 < len(model) <= 80:
        label = model
    return label, None if pk is None else format_value(pk)
