"""Writing a surveyed fixture into the tables: in batches, idempotent, resumable.

Order: categories, grids (as they are, without new packages), packages, then the grids' packages,
then the rows of membership. So no link ever leads to what is not there yet, and a row is written
only after both its ends: a load that was killed finds the row still as it was, and repeats what
follows from it. What is already as the file says is not written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.memberships import sort_members
from chalicelib.catalog.repository import E, Versioned
from chalicelib.importer import batch_writer, name_conflicts, schema
from chalicelib.importer.batch_writer import Wanted
from chalicelib.importer.fixture import Fixture
from chalicelib.importer.membership_rows import Rows
from chalicelib.importer.report import KEPT_WITH_PACKAGE, UNCHANGED, WOULD_BE_LOADED, LoadReport
from chalicelib.importer.schema import CATEGORY, GRID, MEMBERSHIP, PACKAGE, VERSION
from chalicelib.importer.survey import Progress, Survey, survey

_T = TypeVar("_T")
_MODELS: dict[type, str] = {Category: CATEGORY, Grid: GRID, Package: PACKAGE}


def load(path: Path, outcome: LoadReport, progress: Progress, dry_run: bool = False) -> None:
    """Load the fixture at ``path``; ``outcome`` says at any moment what was done so far.

    ``dry_run`` looks at the file alone and writes nothing. Raises NotAFixture, OSError, and
    Contended when other writers never let go.
    """
    fixture = Fixture(path)
    found = survey(fixture, outcome, progress, stored=not dry_run)
    if dry_run:
        outcome.count(CATEGORY, WOULD_BE_LOADED, len(found.categories))
        outcome.count(GRID, WOULD_BE_LOADED, len(found.grids))
        outcome.count(PACKAGE, WOULD_BE_LOADED, len(found.packages))
        outcome.count(MEMBERSHIP, WOULD_BE_LOADED, len(found.memberships))
        return
    _Loader(fixture, found, outcome, progress).run()
    fixture.check()
    outcome.finished = True


class _Loader:
    def __init__(
        self, fixture: Fixture, found: Survey, outcome: LoadReport, progress: Progress
    ) -> None:
        self.fixture = fixture
        self.survey = found
        self.outcome = outcome
        self.progress = progress
        self._results: dict[tuple[str, int], str] = {}
        self._rows = Rows(found, outcome)

    def run(self) -> None:
        """Write everything; what was written is counted also if this does not end."""
        try:
            self._write()
        finally:
            for (model, pk), result in self._results.items():
                self.outcome.count(model, result)
                if model == PACKAGE and self.survey.packages[pk].latest_version is not None:
                    self.outcome.count(VERSION, KEPT_WITH_PACKAGE)

    def _write(self) -> None:
        self._write_all(self._wanted_categories())
        self._write_all(self._wanted_grids())
        self._rows.refuse_of(GRID, self._results)
        self._rows.compare()
        self._rows.refuse_of_full_grids()
        self._write_all(self._wanted_packages())
        self._rows.refuse_of(PACKAGE, self._results)
        self._write_all(self._wanted_by_rows())
        self._write_all(self._wanted_members())
        self._rows.write(self._report)

    # What is wanted

    def _wanted_categories(self) -> Iterator[Wanted[Category]]:
        for pk, (position, entity) in self.survey.categories.items():
            mark = schema.fingerprint(entity)

            def build(
                before: Versioned[Category] | None, entity: Category = entity, mark: str = mark
            ) -> tuple[Category, str]:
                return before.entity if before and before.fingerprint == mark else entity, mark

            yield Wanted(Category, pk, position, build)

    def _wanted_grids(self) -> Iterator[Wanted[Grid]]:
        for pk, (position, entity) in self.survey.grids.items():
            mark = schema.fingerprint(entity)

            def build(
                before: Versioned[Grid] | None, entity: Grid = entity, mark: str = mark
            ) -> tuple[Grid, str]:
                if before is None:
                    return entity, mark
                if before.fingerprint == mark:
                    return before.entity, mark
                return replace(entity, members=before.entity.members), mark

            yield Wanted(Grid, pk, position, build)

    def _wanted_packages(self) -> Iterator[Wanted[Package]]:
        for record in self.fixture.read(self._report):
            if record.error or self.outcome.is_refused(record.position):
                continue
            if record.value.get("model") != PACKAGE:
                continue
            _, pk, values = schema.checked(record.value)
            outline = self.survey.packages[pk]
            latest = self.survey.versions.get(outline.latest_version or 0)
            entity = schema.package(pk, values, latest)
            mark = schema.fingerprint(entity)

            def build(
                before: Versioned[Package] | None, entity: Package = entity, mark: str = mark
            ) -> tuple[Package, str]:
                stored = before.entity.memberships if before else ()
                pairs = self._rows.memberships_of(entity.id, stored)
                # Its title may have changed since they were put in order.
                self._rows.grids.update(grid for _, grid in pairs)
                base = before.entity if before and before.fingerprint == mark else entity
                return replace(base, memberships=pairs), mark

            yield Wanted(Package, pk, outline.position, build)

    def _wanted_by_rows(self) -> Iterator[Wanted[Package]]:
        """Packages whose grids the file changes, though it does not have (all of) themselves."""
        written = {pk for model, pk in self._results if model == PACKAGE}
        for pk in sorted((self._rows.packages - written) | self._rows.robbed):
            yield Wanted(Package, pk, None, self._with_memberships)

    def _with_memberships(self, before: Versioned[Package] | None) -> tuple[Package, None] | None:
        if before is None:
            return None
        entity = before.entity
        pairs = self._rows.memberships_of(entity.id, entity.memberships)
        return replace(entity, memberships=pairs), None

    def _wanted_members(self) -> Iterator[Wanted[Grid]]:
        def build(before: Versioned[Grid] | None) -> tuple[Grid, None] | None:
            if before is None:
                return None
            entity = before.entity
            pairs = self._rows.members_of(entity.id, entity.members)
            return replace(entity, members=sort_members(pairs, {})), None

        for pk in sorted(self._rows.grids):
            position = self.survey.grids[pk][0] if pk in self.survey.grids else None
            yield Wanted(Grid, pk, position, build)

    # Writing

    def _write_all(self, wanted: Iterator[Wanted[E]]) -> None:
        """Write in batches; items whose names others will give up are tried again at the end."""
        left: list[tuple[Wanted[E], str]] = []
        for chunk in _chunks_of(wanted, batch_writer.AT_ONCE):
            left += self._write_chunk(chunk)
        while left:
            names = {item.id: name for item, name in left}
            still: list[tuple[Wanted[E], str]] = []
            for chain in name_conflicts.chains([item for item, _ in left], names):
                for chunk in _chunks(chain, batch_writer.AT_ONCE):
                    still += self._write_chunk(chunk)
            if len(still) == len(left):
                for item, name in still:
                    self._refuse(item, name_conflicts.reason(name))
                return
            left = still

    def _write_chunk(self, chunk: Sequence[Wanted[E]]) -> list[tuple[Wanted[E], str]]:
        results = batch_writer.write(chunk)
        for item in chunk:
            if item.position is not None and item.id in results.done:
                key = (_MODELS[item.kind], item.id)
                if self._results.get(key) in (None, UNCHANGED):
                    self._results[key] = results.done[item.id]
        for item, reason in results.refused:
            self._refuse(item, reason)
        self._report()
        return results.taken

    def _report(self) -> None:
        found = self.survey
        total = len(found.categories) + len(found.grids) + len(found.packages)
        self.progress("write", len(self._results), total)

    def _refuse(self, item: Wanted[E], reason: str) -> None:
        if item.position is not None:
            self.outcome.refuse(_MODELS[item.kind], item.id, item.position, reason)


def _chunks(everything: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def _chunks_of(everything: Iterator[_T], size: int) -> Iterator[Sequence[_T]]:
    chunk: list[_T] = []
    for one in everything:
        chunk.append(one)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
