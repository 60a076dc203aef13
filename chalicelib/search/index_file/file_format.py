"""The tables of a segment. A change of them, or of what is in them, needs a new ``FORMAT``."""

#: SQLite's ``application_id`` of a segment: "PGsg".
APPLICATION_ID = 0x50477367
#: SQLite's ``user_version``: a reader takes this one and no other.
FORMAT = 2

#: Entries are numbered from 0 in order of title, so that the number is that order.
#:
#: - ``lexeme``: ``entries`` is the set (``bits.pack``) that have the lexeme; the other columns
#:   follow its order. ``scores``: what the lexeme adds where ranks are summed, doubles.
#:   ``places``: see below, 64-bit.
#: - ``trigram``: ``entries`` is the set whose ``field`` (0 title, 1 slug) has the trigram.
#: - ``trigram_count``: the set whose ``field`` has at most ``most`` trigrams.
#: - ``entry``: ``body`` is the JSON that is answered.
#: - ``array``: ``weights``, 8-bit; ``title_trigrams``, ``slug_trigrams``, 16-bit; by entry.
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

FIELDS = ("title", "slug")
WEIGHTS = "DCBA"
#: A *place* is one number: the entry, a position in it, and the weight (0 D to 3 A) in the lowest
#: bits. The distance between two positions can be added without getting into the next entry.
WEIGHT_BITS = 2
ENTRY_SHIFT = WEIGHT_BITS + 15
ANY_WEIGHT = (1 << WEIGHT_BITS) - 1
