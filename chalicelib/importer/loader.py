"""Loading a fixture into the tables: in batches, idempotent, resumable.

Order: categories, grids (without new packages), packages, then the grids' packages, then the
rows of membership. So no link ever leads to an item that does not exist yet, and a row is written
only after both its ends: a load that was killed finds the row as it was before, and repeats what
follows from it. Unchanged items are not written.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from chalicelib import clock
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.memberships import sort_members
from chalicelib.catalog.repository import E, Versioned
from chalicelib.importer import schema
from chalicelib.importer.batch_writer import BatchResult, ItemChange, write_all
from chalicelib.importer.fixture import Fixture, InvalidFixture
from chalicelib.importer.membership_rows import MembershipRows
from chalicelib.importer.report import KEPT_WITH_PACKAGE, UNCHANGED, WOULD_BE_LOADED, LoadReport
from chalicelib.importer.schema import CATEGORY, GRID, MEMBERSHIP, PACKAGE, VERSION, FileEntity
from chalicelib.importer.survey import ProgressCallback, Survey, survey_fixture
from chalicelib.storage.models import LoadItem
from chalicelib.storage.writes import delete_item, put_item

_MODELS: dict[type, str] = {Category: CATEGORY, Grid: GRID, Package: PACKAGE}


def load(path: Path, report: LoadReport, progress: ProgressCallback, dry_run: bool = False) -> None:
    """Load the fixture at ``path``; ``report`` tells at any moment what was done so far.

    ``dry_run`` reads the file alone and writes nothing. Raises InvalidFixture, OSError, and
    Contended when conflicts with other writers outlast every retry.
    """
    fixture = Fixture(path)
    survey = survey_fixture(fixture, report, progress, stored=not dry_run)
    if dry_run:
        report.count(CATEGORY, WOULD_BE_LOADED, len(survey.categories))
        report.count(GRID, WOULD_BE_LOADED, len(survey.grids))
        report.count(PACKAGE, WOULD_BE_LOADED, len(survey.packages))
        report.count(MEMBERSHIP, WOULD_BE_LOADED, len(survey.memberships))
        return
    _Loader(fixture, survey, report, progress).run()
    fixture.check()
    report.finished = True


def load_and_log(path: Path, name: str, report: LoadReport, progress: ProgressCallback) -> None:
    """Load a fixture as ``load`` does, and log its start and end in the table of loads.

    ``name`` is the file's name in the log. A file that cannot be loaded at all leaves no entry.
    Raises what ``load`` does, and what ``progress`` raises: the load stops there, and calling
    this again resumes it.
    """
    # Logged before anything is written, so that `check` can tell a load that did not end.
    entry = LoadItem(hash_file(path), file_name=name, started=clock.now())
    put_item(entry)
    try:
        load(path, report, progress)
    except (InvalidFixture, OSError):
        if not report.has_written:
            # Nothing is left half done that another load could finish.
            delete_item(entry)
        raise
    entry.finished, entry.outcome = clock.now(), report.summarize()
    put_item(entry)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, which is the key of its entry in the log."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Loader:
    """The writing half of one load, after the survey."""

    def __init__(
        self, fixture: Fixture, survey: Survey, report: LoadReport, progress: ProgressCallback
    ) -> None:
        self._fixture = fixture
        self._survey = survey
        self._report = report
        self._progress = progress
        self._results: dict[tuple[str, int], str] = {}
        self._rows = MembershipRows(survey, report)

    def run(self) -> None:
        """Write everything; what was written is counted even if this raises."""
        try:
            self._write()
        finally:
            for (model, pk), result in self._results.items():
                self._report.count(model, result)
                if model == PACKAGE and self._survey.packages[pk].latest_version is not None:
                    self._report.count(VERSION, KEPT_WITH_PACKAGE)

    def _write(self) -> None:
        self._write_all(self._iter_category_changes())
        self._write_all(self._iter_grid_changes())
        self._rows.refuse_rows_of(GRID, self._results)
        self._rows.compare_with_tables()
        self._rows.refuse_rows_of_full_grids()
        self._write_all(self._iter_package_changes())
        self._rows.refuse_rows_of(PACKAGE, self._results)
        self._write_all(self._iter_changes_by_rows())
        self._write_all(self._iter_member_changes())
        self._rows.write(self._report_progress)

    # The changes to write

    def _iter_category_changes(self) -> Iterator[ItemChange[Category]]:
        for pk, (position, category) in self._survey.categories.items():

            def build(
                before: Versioned[Category] | None, category: FileEntity[Category] = category
            ) -> tuple[Category, str]:
                return category.apply_to(before), category.fingerprint

            yield ItemChange(Category, pk, position, build)

    def _iter_grid_changes(self) -> Iterator[ItemChange[Grid]]:
        for pk, (position, grid) in self._survey.grids.items():

            def build(
                before: Versioned[Grid] | None, grid: FileEntity[Grid] = grid
            ) -> tuple[Grid, str]:
                members = before.entity.members if before else ()
                return replace(grid.apply_to(before), members=members), grid.fingerprint

            yield ItemChange(Grid, pk, position, build)

    def _iter_package_changes(self) -> Iterator[ItemChange[Package]]:
        for record in self._fixture.iter_records(self._report_progress):
            if record.error or self._report.is_refused(record.position):
                continue
            if record.value.get("model") != PACKAGE:
                continue
            _, pk, values = schema.parse_record(record.value)
            outline = self._survey.packages[pk]
            latest = self._survey.versions.get(outline.latest_version or 0)
            package = schema.build_package(pk, values, latest)

            def build(
                before: Versioned[Package] | None, package: FileEntity[Package] = package
            ) -> tuple[Package, str]:
                entity = package.apply_to(before)
                pairs = self._rows.get_memberships(
                    entity.id, before.entity.memberships if before else ()
                )
                # Its title may have changed since its grids were put in order.
                self._rows.grids.update(grid for _, grid in pairs)
                return replace(entity, memberships=pairs), package.fingerprint

            yield ItemChange(Package, pk, outline.position, build)

    def _iter_changes_by_rows(self) -> Iterator[ItemChange[Package]]:
        """Yield changes of packages whose grids the file changes, but which it does not write."""
        written = {pk for model, pk in self._results if model == PACKAGE}

        def build(before: Versioned[Package] | None) -> tuple[Package, None] | None:
            if before is None:
                return None
            entity = before.entity
            pairs = self._rows.get_memberships(entity.id, entity.memberships)
            return replace(entity, memberships=pairs), None

        for pk in sorted((self._rows.packages - written) | self._rows.packages_to_rewrite):
            yield ItemChange(Package, pk, None, build)

    def _iter_member_changes(self) -> Iterator[ItemChange[Grid]]:
        def build(before: Versioned[Grid] | None) -> tuple[Grid, None] | None:
            if before is None:
                return None
            entity = before.entity
            pairs = self._rows.get_members(entity.id, entity.members)
            return replace(entity, members=sort_members(pairs, {})), None

        for pk in sorted(self._rows.grids):
            position = self._survey.grids[pk][0] if pk in self._survey.grids else None
            yield ItemChange(Grid, pk, position, build)

    # Writing them

    def _write_all(self, changes: Iterable[ItemChange[E]]) -> None:
        write_all(changes, self._take_result)

    def _take_result(self, batch: Sequence[ItemChange[E]], result: BatchResult[E]) -> None:
        for change in batch:
            if change.position is not None and change.id in result.results:
                key = (_MODELS[change.kind], change.id)
                if self._results.get(key) in (None, UNCHANGED):
                    self._results[key] = result.results[change.id]
        for change, reason in result.refused:
            if change.position is not None:
                self._report.refuse(_MODELS[change.kind], change.id, change.position, reason)
        self._report_progress()

    def _report_progress(self) -> None:
        survey = self._survey
        total = len(survey.categories) + len(survey.grids) + len(survey.packages)
        self._progress("write", len(self._results), total)
