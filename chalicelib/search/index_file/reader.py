"""Reading a segment."""

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.file_format import APPLICATION_ID, ENTRY_SHIFT, FIELDS, FORMAT

#: Entries are looked up one by one where a lexeme has so many times as many.
_FEW = 8
_POSTINGS = "SELECT entries, scores, places FROM lexeme WHERE"


class UnreadableIndex(Exception):
    """A file is not a segment that this version reads, or is damaged."""


@dataclass
class Postings:
    """Where a lexeme occurs: the set of entries, and of each its score and its places.

    A prefix may have thousands of postings of a few entries each; so what is asked for once in a
    query is not kept, which would take longer than to unpack it.
    """

    entries: int
    _entries: bytes
    _scores: bytes
    _packed: bytes

    @property
    def members(self) -> Sequence[int]:
        """The numbers of the entries, ascending."""
        return bitset.unpack_members(self._entries)

    @property
    def scores(self) -> "array[float]":
        """By the order of ``members``."""
        return bitset.floats(self._scores)

    @cached_property
    def _places(self) -> "array[int]":
        return bitset.numbers("Q", self._packed)

    def places_in(self, entry: int) -> Sequence[int]:
        """Where the lexeme is in one of the entries."""
        start = bisect_left(self._places, entry << ENTRY_SHIFT)
        return self._places[start : bisect_left(self._places, entry + 1 << ENTRY_SHIFT, start)]

    def places_among(self, entries: int) -> Sequence[int]:
        """Where the lexeme is in some entries; others may be in what is given."""
        among = entries & self.entries
        if not among:
            return ()
        if entries.bit_count() * _FEW > self.entries.bit_count():
            return bitset.numbers("Q", self._packed)
        return [place for entry in bitset.members_of(among) for place in self.places_in(entry)]


class IndexFile:
    """A segment, open for reading; use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises Unreadable."""
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise UnreadableIndex(f"{path.name}: {error}") from error
        try:
            self._check(path)
        except BaseException:
            self.close()
            raise

    def _check(self, path: Path) -> None:
        try:
            found = tuple(
                self._database.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("application_id", "user_version")
            )
            if found != (APPLICATION_ID, FORMAT):
                raise UnreadableIndex(f"{path.name} is not a segment of format {FORMAT}")
            (count,) = self._database.execute("SELECT count(*) FROM entry").fetchone()
            self.weights = self._array("B", "weights")
        except (sqlite3.Error, TypeError) as error:
            raise UnreadableIndex(f"{path.name}: {error}") from error
        if len(self.weights) != count:
            raise UnreadableIndex(f"{path.name}: {count} entries, {len(self.weights)} weights")
        self.everything: int = (1 << count) - 1

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def lexeme(self, text: str) -> Iterator[Postings]:
        """The postings of a lexeme, if there are any."""
        for row in self._database.execute(f"{_POSTINGS} text = ?", (text,)):
            yield Postings(bitset.unpack(row[0]), *row)

    def prefix(self, text: str) -> Iterator[Postings]:
        """The postings of every lexeme that starts with ``text``, in the order of its bytes."""
        query = f"{_POSTINGS} text >= ? AND text < ? ORDER BY text"
        # No text holds the last code point, which is not a character.
        for row in self._database.execute(query, (text, text + chr(0x10FFFF))):
            yield Postings(bitset.unpack(row[0]), *row)

    def with_trigrams(self, field: int, texts: Iterable[str]) -> Iterator[int]:
        """Of each trigram, the set of entries whose field has it."""
        query = "SELECT entries FROM trigram WHERE field = ? AND text = ?"
        for text in texts:
            for (packed,) in self._database.execute(query, (field, text)):
                yield bitset.unpack(packed)

    def with_at_most(self, field: int, most: int) -> int:
        """The set of entries whose field has at most so many trigrams."""
        query = (
            "SELECT entries FROM trigram_count WHERE field = ? AND most <= ? "
            "ORDER BY most DESC LIMIT 1"
        )
        row = self._database.execute(query, (field, most)).fetchone()
        return 0 if row is None else bitset.unpack(row[0])

    @cached_property
    def trigram_counts(self) -> tuple["array[int]", ...]:
        """Of each field, how many trigrams it has, by entry."""
        return tuple(self._array("H", f"{name}_trigrams") for name in FIELDS)

    def bodies(self, entries: Iterable[int]) -> list[str]:
        """The JSON of entries, in their order."""
        query = "SELECT body FROM entry WHERE number = ?"
        return [self._database.execute(query, (entry,)).fetchone()[0] for entry in entries]

    def _array(self, typecode: str, name: str) -> "array[int]":
        row = self._database.execute("SELECT data FROM array WHERE name = ?", (name,)).fetchone()
        return bitset.numbers(typecode, row[0])
