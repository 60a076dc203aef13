"""Writing a surveyed fixture into the tables: in batches, idempotent, resumable.

Order: categories, grids (as they are, without new packages), packages, then the grids' packages,
then the rows of membership. So no link ever leads to what is not there yet, and a row is written
only after both its ends: a load that was killed finds the row still as it was, and repeats what
follows from it. What is already as the file says is not written.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.catalog.items import E, Stored, to_item
from chalicelib.catalog.loading import batch, records, waiting
from chalicelib.catalog.loading.batch import Wanted
from chalicelib.catalog.loading.fixture import Fixture
from chalicelib.catalog.loading.outcome import (
    CHANGED,
    CREATED,
    UNCHANGED,
    WOULD_BE_LOADED,
    Outcome,
)
from chalicelib.catalog.loading.records import CATEGORY, GRID, MEMBERSHIP, PACKAGE
from chalicelib.catalog.loading.survey import Progress, Survey, survey
from chalicelib.catalog.writing import in_order, read
from chalicelib.storage import reads
from chalicelib.storage.capacity import MAX_ITEM_BYTES, item_size
from chalicelib.storage.models import MembershipItem

_T = TypeVar("_T")
#: A grid of fewer packages is never too large for DynamoDB on their account.
_MANY = 2_000
_MODELS: dict[type, str] = {Category: CATEGORY, Grid: GRID, Package: PACKAGE}


def load(path: Path, outcome: Outcome, progress: Progress, dry_run: bool = False) -> None:
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
    outcome.finished = True


class _Loader:
    def __init__(
        self, fixture: Fixture, found: Survey, outcome: Outcome, progress: Progress
    ) -> None:
        self.fixture = fixture
        self.survey = found
        self.outcome = outcome
        self.progress = progress
        self._results: dict[tuple[str, int], str] = {}
        #: What follows for packages and grids from the rows of the file.
        self._grids_of: dict[int, dict[int, int]] = defaultdict(dict)
        self._packages_of: dict[int, dict[int, int]] = defaultdict(dict)
        self._touched_packages: set[int] = set()
        self._touched_grids: set[int] = set()
        self._row_results: dict[int, str] = {}
        #: Rows that move: the grid and package that they have in the tables.
        self._moved_from: dict[int, tuple[int, int]] = {}
        self._robbed: set[int] = set()

    def run(self) -> None:
        """Write everything."""
        self._write_all(self._wanted_categories())
        self._write_all(self._wanted_grids())
        self._drop_rows_of_refused(GRID)
        self._compare_rows()
        self._refuse_rows_of_full_grids()
        self._write_all(self._wanted_packages())
        self._drop_rows_of_refused(PACKAGE)
        self._write_all(self._wanted_by_rows())
        self._write_all(self._wanted_members())
        self._write_rows()
        for (model, _), result in self._results.items():
            self.outcome.count(model, result)

    # What is wanted

    def _wanted_categories(self) -> Iterator[Wanted[Category]]:
        for pk, (position, entity) in self.survey.categories.items():
            mark = records.fingerprint(entity)

            def build(
                before: Stored[Category] | None, entity: Category = entity, mark: str = mark
            ) -> tuple[Category, str]:
                return before.entity if before and before.fingerprint == mark else entity, mark

            yield Wanted(Category, pk, position, build)

    def _wanted_grids(self) -> Iterator[Wanted[Grid]]:
        for pk, (position, entity) in self.survey.grids.items():
            mark = records.fingerprint(entity)

            def build(
                before: Stored[Grid] | None, entity: Grid = entity, mark: str = mark
            ) -> tuple[Grid, str]:
                if before is None:
                    return entity, mark
                if before.fingerprint == mark:
                    return before.entity, mark
                return replace(entity, members=before.entity.members), mark

            yield Wanted(Grid, pk, position, build)

    def _wanted_packages(self) -> Iterator[Wanted[Package]]:
        for record in self.fixture:
            if record.error or self.outcome.is_refused(record.position):
                continue
            if record.value.get("model") != PACKAGE:
                continue
            _, pk, values = records.checked(record.value)
            outline = self.survey.packages[pk]
            latest = self.survey.versions.get(outline.latest_version or 0)
            entity = records.package(pk, values, latest)
            mark = records.fingerprint(entity)

            def build(
                before: Stored[Package] | None, entity: Package = entity, mark: str = mark
            ) -> tuple[Package, str]:
                stored = before.entity.memberships if before else ()
                pairs = self._merged(self._grids_of, entity.id, stored)
                self._touched_grids.update(grid for _, grid in pairs)
                base = before.entity if before and before.fingerprint == mark else entity
                return replace(base, memberships=tuple(sorted(pairs))), mark

            yield Wanted(Package, pk, outline.position, build)

    def _wanted_by_rows(self) -> Iterator[Wanted[Package]]:
        """Packages whose grids the file changes, though it does not have (all of) themselves."""
        written = {pk for model, pk in self._results if model == PACKAGE}
        for pk in sorted((self._touched_packages - written) | self._robbed):
            yield Wanted(Package, pk, None, self._with_memberships)

    def _with_memberships(self, before: Stored[Package] | None) -> tuple[Package, None] | None:
        if before is None:
            return None
        entity = before.entity
        pairs = self._merged(self._grids_of, entity.id, entity.memberships)
        return replace(entity, memberships=tuple(sorted(pairs))), None

    def _wanted_members(self) -> Iterator[Wanted[Grid]]:
        def build(before: Stored[Grid] | None) -> tuple[Grid, None] | None:
            if before is None:
                return None
            entity = before.entity
            pairs = self._merged(self._packages_of, entity.id, entity.members)
            return replace(entity, members=in_order(pairs, {})), None

        for pk in sorted(self._touched_grids):
            position = self.survey.grids[pk][0] if pk in self.survey.grids else None
            yield Wanted(Grid, pk, position, build)

    def _merged(
        self,
        from_file: dict[int, dict[int, int]],
        pk: int,
        stored: tuple[tuple[int, int], ...],
    ) -> list[tuple[int, int]]:
        """Memberships of one item: those stored, except where the file says otherwise."""
        rows = self.survey.memberships
        kept = {row: other for row, other in stored if row not in rows}
        return list((kept | from_file.get(pk, {})).items())

    # Rows of membership

    def _compare_rows(self) -> None:
        """Sort the rows to their packages and grids, and see which are new or have moved."""
        for chunk in _chunks(list(self.survey.memberships), reads.BATCH):
            stored = reads.items(MembershipItem, chunk)
            for row in chunk:
                _, grid, package = self.survey.memberships[row]
                self._grids_of[package][row] = grid
                self._packages_of[grid][row] = package
                self._touched_packages.add(package)
                self._touched_grids.add(grid)
                before = stored.get(row)
                if before is None:
                    self._row_results[row] = CREATED
                    continue
                was = (int(before.grid_id), int(before.package_id))
                self._row_results[row] = UNCHANGED if was == (grid, package) else CHANGED
                self._moved_from[row] = was
                self._touched_grids.add(was[0])
                self._touched_packages.add(was[1])

    def _refuse_rows_of_full_grids(self) -> None:
        """Refuse the rows that would make a grid larger than an item can be."""
        for pk, rows in self._packages_of.items():
            if len(rows) < _MANY:
                continue
            grid = read(Grid, pk).entity
            members = tuple(self._merged(self._packages_of, pk, grid.members))
            size = item_size(to_item(replace(grid, members=members), 1, None).serialize())
            if size > MAX_ITEM_BYTES:
                for row in list(rows):
                    self._refuse_row(row, f"grid {pk} would be too large: {size} bytes")

    def _drop_rows_of_refused(self, model: str) -> None:
        """Refuse the rows whose grid or package was refused when it should have been written."""
        for row, (_, grid, package) in list(self.survey.memberships.items()):
            pk, known = (
                (grid, grid in self.survey.grids)
                if model == GRID
                else (package, package in self.survey.packages)
            )
            if known and (model, pk) not in self._results:
                self._refuse_row(row, f"{model} {pk} was refused")

    def _refuse_row(self, row: int, reason: str) -> None:
        """Leave a row as it is in the tables."""
        position, grid, package = self.survey.memberships.pop(row)
        self.outcome.refuse(MEMBERSHIP, row, position, reason)
        self._grids_of[package].pop(row, None)
        self._packages_of[grid].pop(row, None)
        if row in self._moved_from:
            # The package that has it may have been written without it already.
            grid, package = self._moved_from[row]
            self._grids_of[package][row] = grid
            self._robbed.add(package)

    def _write_rows(self) -> None:
        with MembershipItem.batch_write() as writer:
            for row, (_, grid, package) in self.survey.memberships.items():
                result = self._row_results[row]
                if result != UNCHANGED:
                    writer.save(MembershipItem(row, grid_id=grid, package_id=package))
                self.outcome.count(MEMBERSHIP, result)

    # Writing

    def _write_all(self, wanted: Iterator[Wanted[E]]) -> None:
        """Write in batches; items whose names others will give up are tried again at the end."""
        left: list[tuple[Wanted[E], str]] = []
        for chunk in _chunks_of(wanted, batch.AT_ONCE):
            left += self._write_chunk(chunk)
        while left:
            names = {item.id: name for item, name in left}
            still: list[tuple[Wanted[E], str]] = []
            for chain in waiting.chains([item for item, _ in left], names):
                for chunk in _chunks(chain, batch.AT_ONCE):
                    still += self._write_chunk(chunk)
            if len(still) == len(left):
                for item, name in still:
                    self._refuse(item, waiting.reason(name))
                return
            left = still

    def _write_chunk(self, chunk: Sequence[Wanted[E]]) -> list[tuple[Wanted[E], str]]:
        results = batch.write(chunk)
        for item in chunk:
            if item.position is not None and item.id in results.done:
                key = (_MODELS[item.kind], item.id)
                if self._results.get(key) in (None, UNCHANGED):
                    self._results[key] = results.done[item.id]
        for item, reason in results.refused:
            self._refuse(item, reason)
        self.progress("write", len(self._results), self._total())
        return results.taken

    def _total(self) -> int:
        found = self.survey
        return len(found.categories) + len(found.grids) + len(found.packages)

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
