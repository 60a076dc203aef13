"""Writing a segment."""

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from chalicelib.search.entries import Entry
from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.file_format import (
    ENTRY_SHIFT,
    FIELDS,
    SCHEMA,
    WEIGHT_BITS,
    WEIGHTS,
)
from chalicelib.search.pgtext.tsvector import document
from chalicelib.search.ranking import score
from chalicelib.search.similarity import trigrams


def write_index(path: Path, entries: Sequence[Entry]) -> None:
    """Write the segment of ``entries``, which are in order of title, to a new file."""
    # A file that is half written is never opened, so nothing needs to be rolled back.
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(SCHEMA)
        database.execute("BEGIN")
        bodies = enumerate(entry.body for entry in entries)
        database.executemany("INSERT INTO entry VALUES (?, ?)", bodies)
        database.executemany("INSERT INTO lexeme VALUES (?, ?, ?, ?)", _lexemes(entries))
        _write_array(database, "weights", array("B", (entry.weight for entry in entries)))
        for field, name in enumerate(FIELDS):
            _write_trigrams(database, field, [trigrams(getattr(entry, name)) for entry in entries])
        database.execute("COMMIT")
        database.execute("VACUUM")


def _lexemes(entries: Sequence[Entry]) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    postings: dict[str, list[tuple[int, list[int]]]] = defaultdict(list)
    for number, entry in enumerate(entries):
        for lexeme, positions in document(entry.fields).items():
            places = [
                number << ENTRY_SHIFT | position << WEIGHT_BITS | WEIGHTS.index(weight)
                for position, weight in positions
            ]
            postings[lexeme].append((number, places))
    for lexeme in sorted(postings):
        rows = postings[lexeme]
        yield (
            lexeme,
            bitset.pack([number for number, _ in rows]),
            bitset.little_endian(array("d", (score(places) for _, places in rows))),
            bitset.little_endian(array("Q", chain.from_iterable(places for _, places in rows))),
        )


def _write_trigrams(
    database: sqlite3.Connection, field: int, found: Sequence[frozenset[str]]
) -> None:
    postings: dict[str, list[int]] = defaultdict(list)
    by_count: dict[int, list[int]] = defaultdict(list)
    for number, grams in enumerate(found):
        by_count[len(grams)].append(number)
        for gram in grams:
            postings[gram].append(number)
    rows = ((field, gram, bitset.pack(postings[gram])) for gram in sorted(postings))
    database.executemany("INSERT INTO trigram VALUES (?, ?, ?)", rows)
    reached: list[int] = []
    for count in sorted(by_count):
        reached = sorted(reached + by_count[count])
        row = (field, count, bitset.pack(reached))
        database.execute("INSERT INTO trigram_count VALUES (?, ?, ?)", row)
    counts = array("H", map(len, found))
    _write_array(database, f"{FIELDS[field]}_trigrams", counts)


def _write_array(database: sqlite3.Connection, name: str, values: "array[int]") -> None:
    row = (name, bitset.little_endian(values))
    database.execute("INSERT INTO array VALUES (?, ?)", row)
