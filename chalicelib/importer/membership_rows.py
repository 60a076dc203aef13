"""The rows of membership in a file, and the changes of packages and grids that follow from them."""

from collections import defaultdict
from collections.abc import Callable, Container
from dataclasses import replace

from chalicelib.catalog.entities import Grid
from chalicelib.catalog.memberships import reconcile_membership, reconcile_memberships
from chalicelib.catalog.repository import get, to_item
from chalicelib.importer.batch_writer import iter_batches
from chalicelib.importer.report import CHANGED, CREATED, UNCHANGED, LoadReport
from chalicelib.importer.schema import GRID, MEMBERSHIP
from chalicelib.importer.survey import Survey
from chalicelib.storage import reads
from chalicelib.storage.capacity import MAX_ITEM_BYTES
from chalicelib.storage.models import MembershipItem
from chalicelib.storage.transaction import get_size

Pairs = tuple[tuple[int, int], ...]

#: A grid of fewer packages is never too large for DynamoDB on their account.
_MIN_MEASURED_GRID = 2_000
#: Rows reconciled in one transaction: each takes its own write and a check of both its ends.
_BATCH_SIZE = 30


class MembershipRows:
    """Sorts the rows by package and grid, and writes them once both ends have them."""

    def __init__(self, survey: Survey, report: LoadReport) -> None:
        self._rows = survey.memberships
        self._survey = survey
        self._report = report
        self._grids_of: dict[int, dict[int, int]] = defaultdict(dict)
        self._packages_of: dict[int, dict[int, int]] = defaultdict(dict)
        self._results: dict[int, str] = {}
        #: Rows that are in the tables: their grid and package there.
        self._stored: dict[int, tuple[int, int]] = {}
        #: Packages and grids that rows are added to or taken from.
        self.packages: set[int] = set()
        self.grids: set[int] = set()
        #: Packages that keep a row after all, though they may have been written without it.
        self.packages_to_rewrite: set[int] = set()

    def compare_with_tables(self) -> None:
        """Find the rows that are new or have moved, and the packages and grids they change."""
        for batch in iter_batches(self._rows, reads.BATCH_SIZE):
            stored = reads.get_items(MembershipItem, batch)
            for row in batch:
                _, grid, package = self._rows[row]
                self._grids_of[package][row] = grid
                self._packages_of[grid][row] = package
                self.packages.add(package)
                self.grids.add(grid)
                item = stored.get(row)
                if item is None:
                    self._results[row] = CREATED
                    continue
                ends = (int(item.grid_id), int(item.package_id))
                self._results[row] = UNCHANGED if ends == (grid, package) else CHANGED
                self._stored[row] = ends
                self.grids.add(ends[0])
                self.packages.add(ends[1])

    def get_memberships(self, package: int, stored: Pairs) -> Pairs:
        """Return a package's memberships: those stored, except where the file differs."""
        return tuple(sorted(self._merge(stored, self._grids_of.get(package, {}))))

    def get_members(self, grid: int, stored: Pairs) -> Pairs:
        """Return a grid's members likewise, in no order."""
        return tuple(self._merge(stored, self._packages_of.get(grid, {})))

    def _merge(self, stored: Pairs, from_file: dict[int, int]) -> list[tuple[int, int]]:
        kept = {row: other for row, other in stored if row not in self._rows}
        return list((kept | from_file).items())

    def refuse_rows_of_full_grids(self) -> None:
        """Refuse the rows that would make a grid larger than an item can be."""
        for pk, rows in self._packages_of.items():
            if len(rows) < _MIN_MEASURED_GRID:
                continue
            grid = get(Grid, pk).entity
            members = self.get_members(pk, grid.members)
            size = get_size(to_item(replace(grid, members=members), 1, None))
            if size > MAX_ITEM_BYTES:
                for row in list(rows):
                    self._refuse(row, f"grid {pk} would be too large: {size} bytes")

    def refuse_rows_of(self, model: str, written: Container[tuple[str, int]]) -> None:
        """Refuse the rows whose grid or package is in the file but was refused on writing."""
        for row, (_, grid, package) in list(self._rows.items()):
            pk, is_in_file = (
                (grid, grid in self._survey.grids)
                if model == GRID
                else (package, package in self._survey.packages)
            )
            if is_in_file and (model, pk) not in written:
                self._refuse(row, f"{model} {pk} was refused")

    def _refuse(self, row: int, reason: str) -> None:
        """Leave a row as it is in the tables."""
        position, grid, package = self._rows.pop(row)
        self._report.refuse(MEMBERSHIP, row, position, reason)
        self._grids_of[package].pop(row, None)
        self._packages_of[grid].pop(row, None)
        if row in self._stored:
            grid, package = self._stored[row]
            self._grids_of[package][row] = grid
            self.packages_to_rewrite.add(package)

    def write(self, on_batch: Callable[[], None]) -> None:
        """Write the rows, and make sure that both ends of each still have it.

        Another writer may have taken a package out of a grid, or deleted either, since that was
        written. Such a row is reconciled by itself.
        """
        for batch in iter_batches(list(self._rows), _BATCH_SIZE):
            on_batch()
            places = {row: self._rows[row][1:] for row in batch}
            for row in reconcile_memberships(places):
                if not reconcile_membership(row, *places[row]):
                    self._refuse(row, "its grid or package was deleted meanwhile")
            for row in places.keys() & self._rows.keys():
                self._report.count(MEMBERSHIP, self._results[row])
