"""Answering a query: matching, then order by relevance, similarity and title."""

from array import array
from collections.abc import Iterable
from heapq import nlargest
from operator import add, itemgetter

from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.matches import Similarity, TextMatch, union
from chalicelib.search.pgtext.tsquery import And, Lexeme, Phrase, Query
from chalicelib.search.pgtext.websearch import text_query
from chalicelib.search.query_lexemes import distinct
from chalicelib.search.ranking import NO_PAIR, rank_of_pairs

MOST_ENTRIES = 20
#: What one point of an entry's weight adds to its relevance.
WEIGHT_BOOST = 0.02
#: Similarity counts for queries of at least so many characters.
_LEAST_CHARACTERS = 3


def search(segment: IndexFile, text: str) -> list[str]:
    """The JSON of the entries that match a text, the most relevant first, at most 20."""
    text = text.strip()
    if not text:
        return []
    return segment.bodies(found(segment, text))


def found(segment: IndexFile, text: str) -> list[int]:
    """The entries that match a trimmed text, in order."""
    query = text_query(text)
    match = TextMatch(segment, query) if query is not None else None
    similar = Similarity(segment, text) if len(text) >= _LEAST_CHARACTERS else None
    matching = (match.entries if match else 0) | (similar.entries if similar else 0)
    entries = bitset.members_of(matching)
    ranks = ranks_of(match, query, matching) if match and query else {}
    weights = segment.weights
    relevance = [
        (ranks.get(entry, 0.0) + WEIGHT_BOOST * weights[entry], entry) for entry in entries
    ]
    best = nlargest(MOST_ENTRIES, map(itemgetter(0), relevance))
    if not best:
        return []
    # Similarity decides only among these, so it is not worked out for the others.
    foremost = [(value, entry) for value, entry in relevance if value >= best[-1]]
    members = [entry for _, entry in foremost]
    similarities = similar.of(members) if similar else [0.0] * len(members)
    order = sorted(
        (-value, -alike, entry)
        for (value, entry), alike in zip(foremost, similarities, strict=True)
    )
    return [entry for _, _, entry in order[:MOST_ENTRIES]]


def ranks_of(match: TextMatch, query: Query, among: int) -> dict[int, float]:
    """The rank by text of each entry of ``among`` that has any."""
    lexemes = distinct(query)
    if isinstance(query, And | Phrase) and len(lexemes) > 1:
        return _ranks_by_pairs(match, lexemes, among)
    return _ranks_by_sum(match, lexemes, among)


def _ranks_by_sum(match: TextMatch, lexemes: list[Lexeme], among: int) -> dict[int, float]:
    ranks: dict[int, float] = {}
    for lexeme in lexemes:
        for postings in match.postings(lexeme):
            if not postings.entries & among:
                continue
            members, scores = postings.members, postings.scores
            before = [ranks.get(entry, 0.0) for entry in members]
            ranks.update(zip(members, _singles(map(add, before, scores)), strict=True))
    if len(lexemes) == 1:
        return ranks
    divided = _singles(rank / len(lexemes) for rank in ranks.values())
    return dict(zip(ranks, divided, strict=True))


def _singles(numbers: Iterable[float]) -> "array[float]":
    """Many numbers in single precision at once."""
    return array("f", numbers)


def _ranks_by_pairs(match: TextMatch, lexemes: list[Lexeme], among: int) -> dict[int, float]:
    # Entries that have two of the lexemes at least; the others rank next to nothing.
    by_lexeme = [
        (lexeme, union(postings.entries for postings in match.postings(lexeme)))
        for lexeme in lexemes
    ]
    planes = bitset.count_planes(entries for _, entries in by_lexeme)
    several = union(planes[1:]) & among
    ranks = dict.fromkeys(bitset.members_of(among), NO_PAIR)
    for entry in bitset.members_of(several):
        ranks[entry] = rank_of_pairs(
            [
                postings.places_in(entry)
                for postings in match.postings(lexeme)
                if postings.entries >> entry & 1
            ]
            for lexeme in lexemes
        )
    return ranks
