"""The rows of membership of a file: what follows from them for packages and grids."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from dataclasses import replace

from chalicelib.catalog.entities import Grid
from chalicelib.catalog.memberships import reconcile_membership, reconcile_memberships
from chalicelib.catalog.repository import get, to_item
from chalicelib.importer.report import CHANGED, CREATED, UNCHANGED, LoadReport
from chalicelib.importer.schema import GRID, MEMBERSHIP
from chalicelib.importer.survey import Survey
from chalicelib.storage import reads
from chalicelib.storage.capacity import MAX_ITEM_BYTES
from chalicelib.storage.models import MembershipItem
from chalicelib.storage.transaction import get_size

Pairs = tuple[tuple[int, int], ...]

#: A grid of fewer packages is never too large for DynamoDB on their account.
_MANY = 2_000
#: Rows settled in one transaction: each takes its own write and a look at both its ends.
_AT_ONCE = 30


class Rows:
    """Sorts the rows to their packages and grids, and writes them when both ends have them."""

    def __init__(self, survey: Survey, outcome: LoadReport) -> None:
        self._rows = survey.memberships
        self._survey = survey
        self._outcome = outcome
        self._grids_of: dict[int, dict[int, int]] = defaultdict(dict)
        self._packages_of: dict[int, dict[int, int]] = defaultdict(dict)
        self._results: dict[int, str] = {}
        #: Rows that the tables have: their grid and package there.
        self._stored: dict[int, tuple[int, int]] = {}
        #: Packages and grids that rows come to, or leave.
        self.packages: set[int] = set()
        self.grids: set[int] = set()
        #: Packages that keep a row after all, though they may have been written without it.
        self.robbed: set[int] = set()

    def compare(self) -> None:
        """See which rows are new or have moved, and which packages and grids that changes."""
        for chunk in _chunks(list(self._rows), reads.BATCH_SIZE):
            stored = reads.get_items(MembershipItem, chunk)
            for row in chunk:
                _, grid, package = self._rows[row]
                self._grids_of[package][row] = grid
                self._packages_of[grid][row] = package
                self.packages.add(package)
                self.grids.add(grid)
                before = stored.get(row)
                if before is None:
                    self._results[row] = CREATED
                    continue
                was = (int(before.grid_id), int(before.package_id))
                self._results[row] = UNCHANGED if was == (grid, package) else CHANGED
                self._stored[row] = was
                self.grids.add(was[0])
                self.packages.add(was[1])

    def memberships_of(self, package: int, stored: Pairs) -> Pairs:
        """A package's memberships: those stored, except where the file says otherwise."""
        return tuple(sorted(self._merged(stored, self._grids_of.get(package, {}))))

    def members_of(self, grid: int, stored: Pairs) -> Pairs:
        """A grid's members likewise, in no order."""
        return tuple(self._merged(stored, self._packages_of.get(grid, {})))

    def _merged(self, stored: Pairs, from_file: dict[int, int]) -> list[tuple[int, int]]:
        kept = {row: other for row, other in stored if row not in self._rows}
        return list((kept | from_file).items())

    def refuse_of_full_grids(self) -> None:
        """Refuse the rows that would make a grid larger than an item can be."""
        for pk, rows in self._packages_of.items():
            if len(rows) < _MANY:
                continue
            grid = get(Grid, pk).entity
            members = self.members_of(pk, grid.members)
            size = get_size(to_item(replace(grid, members=members), 1, None))
            if size > MAX_ITEM_BYTES:
                for row in list(rows):
                    self._refuse(row, f"grid {pk} would be too large: {size} bytes")

    def refuse_of(self, model: str, written: Container[tuple[str, int]]) -> None:
        """Refuse the rows whose grid or package was refused when it should have been written."""
        for row, (_, grid, package) in list(self._rows.items()):
            pk, known = (
                (grid, grid in self._survey.grids)
                if model == GRID
                else (package, package in self._survey.packages)
            )
            if known and (model, pk) not in written:
                self._refuse(row, f"{model} {pk} was refused")

    def _refuse(self, row: int, reason: str) -> None:
        """Leave a row as it is in the tables."""
        position, grid, package = self._rows.pop(row)
        self._outcome.refuse(MEMBERSHIP, row, position, reason)
        self._grids_of[package].pop(row, None)
        self._packages_of[grid].pop(row, None)
        if row in self._stored:
            grid, package = self._stored[row]
            self._grids_of[package][row] = grid
            self.robbed.add(package)

    def write(self, progress: Callable[[], None]) -> None:
        """Write the rows, and see that both ends of each still have it.

        Another writer may have taken a package out of a grid, or deleted either, since that was
        written. Such a row is settled by itself.
        """
        for chunk in _chunks(list(self._rows), _AT_ONCE):
            progress()
            places = {row: self._rows[row][1:] for row in chunk}
            for row in reconcile_memberships(places):
                if not reconcile_membership(row, *places[row]):
                    self._refuse(row, "its grid or package was deleted meanwhile")
            for row in places.keys() & self._rows.keys():
                self._outcome.count(MEMBERSHIP, self._results[row])


def _chunks(everything: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(everything), size):
        yield everything[start : start + size]
