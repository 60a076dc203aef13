"""Full-text matching: the entries of an index file whose texts match a parsed query."""

from functools import cached_property

from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.file_format import ENTRY_SHIFT, WEIGHT_BITS, WEIGHT_MASK
from chalicelib.search.index_file.reader import IndexFile, Postings
from chalicelib.search.pgtext.tsquery import (
    And,
    Lexeme,
    Not,
    Phrase,
    Query,
    fold_query,
    get_operands,
)


class TextMatch:
    """A parsed query matched against an index file; each lexeme is looked up once."""

    def __init__(self, index: IndexFile, query: Query) -> None:
        self._index = index
        self._query = query
        self._postings: dict[Lexeme, list[Postings]] = {}

    @cached_property
    def entries(self) -> int:
        """The set of entries that match."""
        return self._check_phrase(self._query, fold_query(self._query, self._get_candidates))

    def get_postings(self, lexeme: Lexeme) -> list[Postings]:
        """Return the postings that a query's lexeme matches, in byte order of their lexemes."""
        postings = self._postings.get(lexeme)
        if postings is None:
            read = (
                self._index.iter_prefix_postings if lexeme.is_prefix else self._index.iter_postings
            )
            postings = self._postings[lexeme] = list(read(lexeme.text))
        return postings

    def _get_candidates(self, query: Query, operands: list[int]) -> int:
        """Return the matching entries; for a phrase, those with all its lexemes in any order."""
        if isinstance(query, Lexeme):
            return bitset.union(postings.entries for postings in self.get_postings(query))
        if isinstance(query, Phrase):
            return operands[0] & operands[1]
        matches = list(map(self._check_phrase, get_operands(query), operands))
        if isinstance(query, Not):
            return self._index.all_entries & ~matches[0]
        return matches[0] & matches[1] if isinstance(query, And) else matches[0] | matches[1]

    def _check_phrase(self, query: Query, candidates: int) -> int:
        """Return the candidates that contain a phrase in order; other queries keep them all."""
        if not candidates or not isinstance(query, Phrase):
            return candidates
        places_by_lexeme: dict[Lexeme, set[int]] = {}

        def get_end_places(node: Query, operands: list[set[int]]) -> set[int]:
            if not isinstance(node, Lexeme):
                return _join_places(node, *operands)
            if node not in places_by_lexeme:
                places_by_lexeme[node] = self._get_places(node, candidates)
            return places_by_lexeme[node]

        places = fold_query(query, get_end_places)
        return bitset.from_members({place >> ENTRY_SHIFT for place in places})

    def _get_places(self, lexeme: Lexeme, candidates: int) -> set[int]:
        """Return the places of a lexeme in all candidates, with the weight masked out."""
        return {
            place | WEIGHT_MASK
            for postings in self.get_postings(lexeme)
            for place in postings.get_places_among(candidates)
        }


def _join_places(query: Query, left: set[int], right: set[int]) -> set[int]:
    """Return the places where part of a phrase ends.

    The right operand is one position wide (see ``Phrase``).
    """
    if isinstance(query, And):
        return left & right
    if not isinstance(query, Phrase):
        raise TypeError(f"{type(query).__name__} within a phrase")
    distance = query.distance << WEIGHT_BITS
    if len(left) < len(right):
        return {end for place in left if (end := place + distance) in right}
    return {end for end in right if end - distance in left}
