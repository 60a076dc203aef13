"""Trigram similarity, as PostgreSQL's ``pg_trgm`` computes it.

The trigrams of a text are the three-character windows of its words. Two texts are similar if
they share at least 0.3 of all their trigrams, so searches tolerate typing errors.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.file_format import FIELDS
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.pgtext.characters import LETTER, to_lower, to_shape

#: Words are runs of letters and digits, as PostgreSQL's text parser classifies them.
_WORD = re.compile(rf"[A-Za-z0-9{LETTER}]+")


def get_trigrams(text: str) -> frozenset[str]:
    """Return the trigrams of all words, in lower case.

    Each word is padded with two blanks in front and one behind.
    """
    return frozenset(
        padded[start : start + 3]
        for word in _WORD.finditer(to_shape(text))
        for padded in (f"  {to_lower(text[word.start() : word.end()])} ",)
        for start in range(len(padded) - 2)
    )


def is_similar(shared: int, first: int, second: int) -> bool:
    """Return whether two sets of trigrams have a similarity of at least 0.3.

    ``first`` and ``second`` are the sizes of the sets, ``shared`` of their intersection. The
    comparison uses integers, so exactly 0.3 is enough, as in PostgreSQL.
    """
    return shared > 0 and 10 * shared >= 3 * (first + second - shared)


def compute_similarity(shared: int, first: int, second: int) -> float:
    """Return the shared trigrams divided by the trigrams of both sets together."""
    return shared / (first + second - shared) if shared else 0.0


@dataclass(frozen=True, slots=True)
class _FieldMatch:
    """One field of all entries: the trigrams shared with the query, and the trigrams it has.

    ``shared_planes`` are the shared counts as count planes (see ``bitset.count_planes``), and
    ``sizes`` the number of trigrams by entry.
    """

    shared_planes: Sequence[int]
    sizes: Sequence[int]


class SimilarityMatch:
    """A query's text matched against the titles and slugs of an index file."""

    def __init__(self, index: IndexFile, text: str) -> None:
        self._index = index
        # The original calls Python's lower() on a query first, which differs for characters like İ.
        trigrams = get_trigrams(text.lower())
        self._size = len(trigrams)
        self._fields = [
            _FieldMatch(
                bitset.count_planes(index.iter_trigram_sets(field, trigrams)),
                index.trigram_counts[field],
            )
            for field in range(len(FIELDS))
        ]

    @property
    def entries(self) -> int:
        """The set of entries whose title or slug is similar enough to match."""
        return bitset.union(
            bitset.select_by_count(match.shared_planes, shared, self._index.all_entries)
            & self._index.get_entries_with_at_most(field, self._get_max_size(shared))
            for field, match in enumerate(self._fields)
            for shared in range(1, self._size + 1)
            if is_similar(shared, self._size, shared)
        )

    def _get_max_size(self, shared: int) -> int:
        """Return the most trigrams a text may have to be similar with ``shared`` shared ones."""
        return shared + shared * 10 // 3 - self._size

    def compute(self, entries: Sequence[int]) -> list[float]:
        """Return the similarity of each entry: the greater one of its title's and its slug's."""
        similarities = [0.0] * len(entries)
        for match in self._fields:
            shared_counts = bitset.iter_counts(match.shared_planes, entries)
            for place, (entry, shared) in enumerate(zip(entries, shared_counts, strict=True)):
                similarity = compute_similarity(shared, self._size, match.sizes[entry])
                similarities[place] = max(similarities[place], similarity)
        return similarities
