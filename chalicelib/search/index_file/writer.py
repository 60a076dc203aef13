"""Writing an index file."""

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
from chalicelib.search.pgtext.tsvector import build_tsvector
from chalicelib.search.ranking import score_lexeme
from chalicelib.search.similarity import get_trigrams


def write_index(path: Path, entries: Sequence[Entry]) -> None:
    """Write an index file of ``entries``, which are in order of title, to a new file."""
    # Nobody opens a partly written file, so no rollback is needed.
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(SCHEMA)
        database.execute("BEGIN")
        bodies = enumerate(entry.body for entry in entries)
        database.executemany("INSERT INTO entry VALUES (?, ?)", bodies)
        database.executemany("INSERT INTO lexeme VALUES (?, ?, ?, ?)", _iter_lexeme_rows(entries))
        _write_array(database, "weights", array("B", (entry.weight for entry in entries)))
        for field, name in enumerate(FIELDS):
            _write_trigrams(
                database, field, [get_trigrams(getattr(entry, name)) for entry in entries]
            )
        database.execute("COMMIT")
        database.execute("VACUUM")


def _iter_lexeme_rows(entries: Sequence[Entry]) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    postings: dict[str, list[tuple[int, list[int]]]] = defaultdict(list)
    for number, entry in enumerate(entries):
        for lexeme, positions in build_tsvector(entry.fields).items():
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
            bitset.to_little_endian(array("d", (score_lexeme(places) for _, places in rows))),
            bitset.to_little_endian(array("Q", chain.from_iterable(places for _, places in rows))),
        )


def _write_trigrams(
    database: sqlite3.Connection, field: int, trigrams: Sequence[frozenset[str]]
) -> None:
    postings: dict[str, list[int]] = defaultdict(list)
    by_count: dict[int, list[int]] = defaultdict(list)
    for number, entry_trigrams in enumerate(trigrams):
        by_count[len(entry_trigrams)].append(number)
        for trigram in entry_trigrams:
            postings[trigram].append(number)
    rows = ((field, trigram, bitset.pack(postings[trigram])) for trigram in sorted(postings))
    database.executemany("INSERT INTO trigram VALUES (?, ?, ?)", rows)
    entries: list[int] = []
    for count in sorted(by_count):
        entries = sorted(entries + by_count[count])
        row = (field, count, bitset.pack(entries))
        database.execute("INSERT INTO trigram_count VALUES (?, ?, ?)", row)
    counts = array("H", map(len, trigrams))
    _write_array(database, f"{FIELDS[field]}_trigrams", counts)


def _write_array(database: sqlite3.Connection, name: str, values: "array[int]") -> None:
    row = (name, bitset.to_little_endian(values))
    database.execute("INSERT INTO array VALUES (?, ?)", row)
