"""Reading an index file."""

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.file_format import APPLICATION_ID, ENTRY_SHIFT, FIELDS, FORMAT

#: If a lexeme has this many times as many entries as are asked for, look these up one by one.
_MAX_SCAN_RATIO = 8
_SELECT_POSTINGS = "SELECT entries, scores, places FROM lexeme WHERE"


class UnreadableIndex(Exception):
    """A file is damaged, or is not an index file of this version's format."""


@dataclass
class Postings:
    """The entries that contain a lexeme, with its score and its places in each of them.

    A prefix may match thousands of lexemes with a few entries each. Therefore only the places
    are cached: a query reads the other columns once, and caching would cost more than unpacking.
    """

    entries: int
    _entries: bytes
    _scores: bytes
    _packed_places: bytes

    @property
    def members(self) -> Sequence[int]:
        """The numbers of the entries, in ascending order."""
        return bitset.unpack_members(self._entries)

    @property
    def scores(self) -> "array[float]":
        """The scores, in the order of ``members``."""
        return bitset.unpack_doubles(self._scores)

    @cached_property
    def _places(self) -> "array[int]":
        return bitset.unpack_integers("Q", self._packed_places)

    def get_places_in(self, entry: int) -> Sequence[int]:
        """Return the places of the lexeme in one entry."""
        start = bisect_left(self._places, entry << ENTRY_SHIFT)
        return self._places[start : bisect_left(self._places, entry + 1 << ENTRY_SHIFT, start)]

    def get_places_among(self, entries: int) -> Sequence[int]:
        """Return the places of the lexeme in a set of entries, and possibly in other entries."""
        shared = entries & self.entries
        if not shared:
            return ()
        if entries.bit_count() * _MAX_SCAN_RATIO > self.entries.bit_count():
            return bitset.unpack_integers("Q", self._packed_places)
        return [
            place for entry in bitset.get_members(shared) for place in self.get_places_in(entry)
        ]


class IndexFile:
    """An index file, open for reading; use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open a file; raise UnreadableIndex."""
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
            identity = tuple(
                self._database.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("application_id", "user_version")
            )
            if identity != (APPLICATION_ID, FORMAT):
                raise UnreadableIndex(f"{path.name} is not an index file of format {FORMAT}")
            (count,) = self._database.execute("SELECT count(*) FROM entry").fetchone()
            self.weights = self._read_array("B", "weights")
        except (sqlite3.Error, TypeError) as error:
            raise UnreadableIndex(f"{path.name}: {error}") from error
        if len(self.weights) != count:
            raise UnreadableIndex(f"{path.name}: {count} entries, {len(self.weights)} weights")
        self.all_entries: int = (1 << count) - 1

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def iter_postings(self, text: str) -> Iterator[Postings]:
        """Yield the postings of the lexeme ``text``, if it occurs."""
        for row in self._database.execute(f"{_SELECT_POSTINGS} text = ?", (text,)):
            yield Postings(bitset.unpack(row[0]), *row)

    def iter_prefix_postings(self, text: str) -> Iterator[Postings]:
        """Yield the postings of every lexeme that starts with ``text``, in byte order."""
        query = f"{_SELECT_POSTINGS} text >= ? AND text < ? ORDER BY text"
        # No text contains the last code point, which is not a character.
        for row in self._database.execute(query, (text, text + chr(0x10FFFF))):
            yield Postings(bitset.unpack(row[0]), *row)

    def iter_trigram_sets(self, field: int, trigrams: Iterable[str]) -> Iterator[int]:
        """Yield for each known trigram the set of entries whose field has it."""
        query = "SELECT entries FROM trigram WHERE field = ? AND text = ?"
        for trigram in trigrams:
            for (packed,) in self._database.execute(query, (field, trigram)):
                yield bitset.unpack(packed)

    def get_entries_with_at_most(self, field: int, trigram_count: int) -> int:
        """Return the set of entries whose field has at most ``trigram_count`` trigrams."""
        query = (
            "SELECT entries FROM trigram_count WHERE field = ? AND most <= ? "
            "ORDER BY most DESC LIMIT 1"
        )
        row = self._database.execute(query, (field, trigram_count)).fetchone()
        return 0 if row is None else bitset.unpack(row[0])

    @cached_property
    def trigram_counts(self) -> tuple["array[int]", ...]:
        """For each field, the number of its trigrams by entry."""
        return tuple(self._read_array("H", f"{name}_trigrams") for name in FIELDS)

    def get_bodies(self, entries: Iterable[int]) -> list[str]:
        """Return the JSON bodies of entries, in order."""
        query = "SELECT body FROM entry WHERE number = ?"
        return [self._database.execute(query, (entry,)).fetchone()[0] for entry in entries]

    def _read_array(self, typecode: str, name: str) -> "array[int]":
        row = self._database.execute("SELECT data FROM array WHERE name = ?", (name,)).fetchone()
        return bitset.unpack_integers(typecode, row[0])
