"""The tables of an index file. A change of them, or of their contents, needs a new ``FORMAT``."""

#: SQLite's ``application_id`` of an index file: "PGsg".
APPLICATION_ID = 0x50477367
#: SQLite's ``user_version``; a reader accepts no other.
FORMAT = 2

#: Entries are numbered from 0 in order of title, so sorting by number sorts by title.
#:
#: - ``lexeme``: ``entries`` is the set of entries with the lexeme (see ``bitset.pack``); the other
#:   columns follow its order. ``scores`` is what the lexeme adds to a rank by sum, as doubles.
#:   ``places`` are described below, as 64-bit integers.
#: - ``trigram``: ``entries`` is the set of entries whose ``field`` (0 title, 1 slug) has it.
#: - ``trigram_count``: the set of entries whose ``field`` has at most ``most`` trigrams.
#: - ``entry``: ``body`` is the JSON that a search returns.
#: - ``array``: values by entry: ``weights`` in 8 bits, ``title_trigrams`` and ``slug_trigrams`` in
#:   16 bits.
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
CREATE TABLE entry (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE lexeme (
    text TEXT PRIMARY KEY, entries BLOB NOT NULL, scores BLOB NOT NULL, places BLOB NOT NULL
);
CREATE TABLE trigram (
    field INTEGER, text TEXT, entries BLOB NOT NULL, PRIMARY KEY (field, text)
) WITHOUT ROWID;
CREATE TABLE trigram_count (
    field INTEGER, most INTEGER, entries BLOB NOT NULL, PRIMARY KEY (field, most)
) WITHOUT ROWID;
CREATE TABLE array (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
"""

#: The fields with trigrams, by number.
FIELDS = ("title", "slug")
#: The weights, by number.
WEIGHTS = "DCBA"
#: A *place* is one integer: the entry, a position in it, and the weight (0 D to 3 A) in the lowest
#: bits. The distance between two positions can be added without reaching the next entry.
WEIGHT_BITS = 2
ENTRY_SHIFT = WEIGHT_BITS + 15
WEIGHT_MASK = (1 << WEIGHT_BITS) - 1
