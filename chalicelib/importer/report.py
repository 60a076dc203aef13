"""What a load did: counts by model, and every refusal with its place and reason."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from chalicelib.importer.fixture import NotAFixture, Position

CREATED, CHANGED, UNCHANGED, REFUSED = "created", "changed", "unchanged", "refused"
KEPT_WITH_PACKAGE, NOT_KEPT = "kept with their package", "older, not kept"
WOULD_BE_LOADED = "would be loaded"
#: So many refusals are put in order in memory.
_SORTED = 100_000
#: So many refusals are kept, and so many bytes of them: Lambda has 512 MB in /tmp, of which the
#: file itself may take 256. A file with more is not a catalogue with faults in it.
MAX_REFUSALS = 1_000_000
MAX_REFUSALS_BYTES = 192 << 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was not taken."""

    position: Position
    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.position}: {self.what}: {self.reason}"


def _spool() -> tempfile.SpooledTemporaryFile[str]:
    # A file of nothing but refusals must not fill the memory.
    return tempfile.SpooledTemporaryFile(1 << 20, "w+", encoding="utf-8")


@dataclass(slots=True)
class LoadReport:
    """Grows while a load goes on; ``counts`` maps (model, result) to a number of records.

    A context manager, because many refusals are kept in a file of its own until its end.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    finished: bool = False
    refused: int = 0
    #: Refusals, and bytes of them, at most.
    most: int = field(default_factory=lambda: MAX_REFUSALS)
    most_bytes: int = field(default_factory=lambda: MAX_REFUSALS_BYTES)
    #: By number of the record; a set of millions would fill the memory.
    _is_refused: bytearray = field(default_factory=bytearray)
    _refusals: tempfile.SpooledTemporaryFile[str] = field(default_factory=_spool)
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
        """Note a refusal; a record is refused once, for the first reason found.

        Raises NotAFixture where it is one more than are kept.
        """
        if self.is_refused(position):
            return
        what = f"{model} {pk}" if pk is not None else model
        where = (position.record, position.line, position.character)
        line = json.dumps([where, what, reason]) + "\n"
        if self.refused >= self.most:
            raise NotAFixture(f"more than {self.most:,} records are refused, {position} is another")
        if self._bytes + len(line) > self.most_bytes:
            raise NotAFixture(
                f"the reasons of {self.refused:,} refused records and of {position} "
                f"are more than {self.most_bytes:,} bytes"
            )
        missing = position.record + 1 - len(self._is_refused)
        self._is_refused.extend(bytes(max(0, missing)))
        self._is_refused[position.record] = True
        self.refused += 1
        self.count(model, REFUSED)
        self._bytes += self._refusals.write(line)

    @property
    def has_written(self) -> bool:
        """Whether anything was created or changed."""
        return any(result in {CREATED, CHANGED} for _, result in self.counts)

    def is_refused(self, position: Position) -> bool:
        """Whether the record at this place was refused."""
        record = position.record
        return record < len(self._is_refused) and bool(self._is_refused[record])

    def refusals(self) -> Iterator[Refusal]:
        """Every refusal, in the order of the file (as found, if they are very many)."""
        self._refusals.seek(0)
        lines = map(json.loads, self._refusals)
        for where, what, reason in sorted(lines) if self.refused <= _SORTED else lines:
            yield Refusal(Position(*where), what, reason)

    def summary(self) -> dict[str, dict[str, int]]:
        """Model -> result -> number of records."""
        table: dict[str, dict[str, int]] = {}
        for (model, result), number in sorted(self.counts.items()):
            table.setdefault(model, {})[result] = number
        return table
