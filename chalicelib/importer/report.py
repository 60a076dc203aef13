"""The report of a load: counts by model, and every refusal with its place and reason."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from chalicelib.importer.fixture import InvalidFixture, Position

CREATED, CHANGED, UNCHANGED, REFUSED = "created", "changed", "unchanged", "refused"
KEPT_WITH_PACKAGE, NOT_KEPT = "kept with their package", "older, not kept"
WOULD_BE_LOADED = "would be loaded"
#: The most refusals that are sorted in memory.
_MAX_SORTED = 100_000
#: The most refusals, and bytes of them, that are kept: Lambda has 512 MB in /tmp, of which the
#: file itself may take 256. A file with more is no catalogue with a few mistakes.
MAX_REFUSALS = 1_000_000
MAX_REFUSALS_BYTES = 192 << 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was not loaded, and the reason."""

    position: Position
    record: str
    reason: str

    def __str__(self) -> str:
        return f"{self.position}: {self.record}: {self.reason}"


def _open_refusals_file() -> tempfile.SpooledTemporaryFile[str]:
    # On disk from 1 MB: a file of nothing but refusals must not fill the memory.
    return tempfile.SpooledTemporaryFile(1 << 20, "w+", encoding="utf-8")


@dataclass(slots=True)
class LoadReport:
    """The counts and refusals of a load, while it runs and after it.

    ``counts`` maps (model, result) to a number of records. A context manager, because it keeps
    many refusals in a temporary file.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    finished: bool = False
    refused: int = 0
    max_refusals: int = field(default_factory=lambda: MAX_REFUSALS)
    max_refusals_bytes: int = field(default_factory=lambda: MAX_REFUSALS_BYTES)
    #: One byte for each number of a record: a set of millions would fill the memory.
    _is_refused: bytearray = field(default_factory=bytearray)
    _refusals: tempfile.SpooledTemporaryFile[str] = field(default_factory=_open_refusals_file)
    _bytes: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._refusals.close()

    def count(self, model: str, result: str, number: int = 1) -> None:
        """Count records of a model that ended with ``result``."""
        self.counts[model, result] += number

    def refuse(self, model: str, pk: object, position: Position, reason: str) -> None:
        """Add a refusal; a record is refused once, for the first reason given.

        Raises InvalidFixture if it is more than can be kept.
        """
        if self.is_refused(position):
            return
        record = f"{model} {pk}" if pk is not None else model
        place = (position.record, position.line, position.character)
        line = json.dumps([place, record, reason]) + "\n"
        if self.refused >= self.max_refusals:
            raise InvalidFixture(
                f"more than {self.max_refusals:,} records are refused, {position} is another"
            )
        if self._bytes + len(line) > self.max_refusals_bytes:
            raise InvalidFixture(
                f"the reasons of {self.refused:,} refused records and of {position} "
                f"are more than {self.max_refusals_bytes:,} bytes"
            )
        missing = position.record + 1 - len(self._is_refused)
        self._is_refused.extend(bytes(max(0, missing)))
        self._is_refused[position.record] = True
        self.refused += 1
        self.count(model, REFUSED)
        self._bytes += self._refusals.write(line)

    @property
    def has_written(self) -> bool:
        """True if anything was created or changed."""
        return any(result in {CREATED, CHANGED} for _, result in self.counts)

    def is_refused(self, position: Position) -> bool:
        """Return True if the record at this place was refused."""
        record = position.record
        return record < len(self._is_refused) and bool(self._is_refused[record])

    def iter_refusals(self) -> Iterator[Refusal]:
        """Yield every refusal in the order of the file, or as they came if they are very many."""
        self._refusals.seek(0)
        lines = map(json.loads, self._refusals)
        for place, record, reason in sorted(lines) if self.refused <= _MAX_SORTED else lines:
            yield Refusal(Position(*place), record, reason)

    def summarize(self) -> dict[str, dict[str, int]]:
        """Return the counts as model -> result -> number of records."""
        table: dict[str, dict[str, int]] = {}
        for (model, result), number in sorted(self.counts.items()):
            table.setdefault(model, {})[result] = number
        return table
