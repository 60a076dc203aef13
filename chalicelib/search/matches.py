"""Which entries match a query: by text, and by similarity of title or slug."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.file_format import ANY_WEIGHT, ENTRY_SHIFT, FIELDS, WEIGHT_BITS
from chalicelib.search.index_file.reader import IndexFile, Postings
from chalicelib.search.pgtext.tsquery import And, Lexeme, Not, Phrase, Query, fold, operands_of
from chalicelib.search.similarity import is_similar, similarity, trigrams


class TextMatch:
    """A parsed query against a segment; each lexeme is looked up once."""

    def __init__(self, segment: IndexFile, query: Query) -> None:
        self._segment = segment
        self._query = query
        self._postings: dict[Lexeme, list[Postings]] = {}

    @cached_property
    def entries(self) -> int:
        """The set of entries that match."""
        return self._exact(self._query, fold(self._query, self._candidates))

    def postings(self, lexeme: Lexeme) -> list[Postings]:
        """The lexemes of the segment that one of the query matches, in the order of bytes."""
        found = self._postings.get(lexeme)
        if found is None:
            read = self._segment.prefix if lexeme.prefix else self._segment.lexeme
            found = self._postings[lexeme] = list(read(lexeme.text))
        return found

    def _candidates(self, query: Query, operands: list[int]) -> int:
        """The entries that match; of a phrase, those that have all of it, in whatever order."""
        if isinstance(query, Lexeme):
            return union(postings.entries for postings in self.postings(query))
        if isinstance(query, Phrase):
            return operands[0] & operands[1]
        exact = list(map(self._exact, operands_of(query), operands))
        if isinstance(query, Not):
            return self._segment.everything & ~exact[0]
        return exact[0] & exact[1] if isinstance(query, And) else exact[0] | exact[1]

    def _exact(self, query: Query, candidates: int) -> int:
        """Of candidates, those that have a phrase as it is; of what is no phrase, all."""
        if not candidates or not isinstance(query, Phrase):
            return candidates
        known: dict[Lexeme, set[int]] = {}

        def places(node: Query, operands: list[set[int]]) -> set[int]:
            if not isinstance(node, Lexeme):
                return _joined(node, *operands)
            if node not in known:
                known[node] = self._places(node, candidates)
            return known[node]

        return bitset.from_members({place >> ENTRY_SHIFT for place in fold(query, places)})

    def _places(self, lexeme: Lexeme, candidates: int) -> set[int]:
        """Where a lexeme is, in all of the entries at once and whatever its weight."""
        return {
            place | ANY_WEIGHT
            for postings in self.postings(lexeme)
            for place in postings.places_among(candidates)
        }


def _joined(query: Query, left: set[int], right: set[int]) -> set[int]:
    """Where part of a phrase ends. The right operand is one position wide (see ``Phrase``)."""
    if isinstance(query, And):
        return left & right
    if not isinstance(query, Phrase):
        raise TypeError(f"{type(query).__name__} within a phrase")
    distance = query.distance << WEIGHT_BITS
    if len(left) < len(right):
        return {end for place in left if (end := place + distance) in right}
    return {end for end in right if end - distance in left}


def union(sets: Iterable[int]) -> int:
    """All that is in any of the sets."""
    found = 0
    for one in sets:
        found |= one
    return found


@dataclass(frozen=True, slots=True)
class _Field:
    """The counts of trigrams that each entry's field shares with the query."""

    planes: Sequence[int]
    counts: Sequence[int]


class Similarity:
    """How similar titles and slugs are to a query."""

    def __init__(self, segment: IndexFile, text: str) -> None:
        self._segment = segment
        # The original lower-cases a query before it asks, which does more than trigrams do: İ.
        grams = trigrams(text.lower())
        self._size = len(grams)
        self._fields = [
            _Field(
                bitset.count_planes(segment.with_trigrams(field, grams)),
                segment.trigram_counts[field],
            )
            for field in range(len(FIELDS))
        ]

    @property
    def entries(self) -> int:
        """The set of entries whose title or slug is similar enough to match."""
        return union(
            bitset.with_count(planes.planes, shared, self._segment.everything)
            & self._segment.with_at_most(field, self._largest(shared))
            for field, planes in enumerate(self._fields)
            for shared in range(1, self._size + 1)
            if is_similar(shared, self._size, shared)
        )

    def _largest(self, shared: int) -> int:
        """The most trigrams that a text may have which shares so many and is similar."""
        return shared + shared * 10 // 3 - self._size

    def of(self, entries: Sequence[int]) -> list[float]:
        """Of each entry, the greater of the similarities of title and slug."""
        greatest = [0.0] * len(entries)
        for field in self._fields:
            shared = bitset.counts(field.planes, entries)
            for place, (entry, count) in enumerate(zip(entries, shared, strict=True)):
                found = similarity(count, self._size, field.counts[entry])
                greatest[place] = max(greatest[place], found)
        return greatest
