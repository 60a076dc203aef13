"""Answering a query: find the matching entries and order them."""

from array import array
from collections.abc import Iterable
from heapq import nlargest
from operator import add, itemgetter

from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.pgtext.tsquery import And, Lexeme, Phrase, Query
from chalicelib.search.pgtext.websearch import parse_search_text
from chalicelib.search.ranking import NO_PAIR_RANK, get_distinct_lexemes, rank_pairs
from chalicelib.search.similarity import SimilarityMatch
from chalicelib.search.text_match import TextMatch

MAX_ENTRIES = 20
#: Each point of an entry's weight adds this much to its relevance.
WEIGHT_BOOST = 0.02
#: Shorter queries are not compared by similarity.
_MIN_SIMILARITY_LENGTH = 3


def search(index: IndexFile, text: str) -> list[str]:
    """Return the JSON bodies of the entries that match a text: the 20 most relevant, best first."""
    text = text.strip()
    if not text:
        return []
    return index.get_bodies(find_entries(index, text))


def find_entries(index: IndexFile, text: str) -> list[int]:
    """Return the numbers of the entries that match a stripped text: at most 20, best first.

    Entries are ordered by relevance, then by similarity, then by title.
    """
    query = parse_search_text(text)
    text_match = TextMatch(index, query) if query is not None else None
    similarity = SimilarityMatch(index, text) if len(text) >= _MIN_SIMILARITY_LENGTH else None
    matching = (text_match.entries if text_match else 0) | (similarity.entries if similarity else 0)
    entries = bitset.get_members(matching)
    ranks = rank_by_text(text_match, query, matching) if text_match and query else {}
    weights = index.weights
    relevance = [
        (ranks.get(entry, 0.0) + WEIGHT_BOOST * weights[entry], entry) for entry in entries
    ]
    best = nlargest(MAX_ENTRIES, map(itemgetter(0), relevance))
    if not best:
        return []
    # Similarity only decides between entries of equal relevance, so compute it for these alone.
    candidates = [(value, entry) for value, entry in relevance if value >= best[-1]]
    numbers = [entry for _, entry in candidates]
    similarities = similarity.compute(numbers) if similarity else [0.0] * len(numbers)
    order = sorted(
        (-value, -similar, entry)
        for (value, entry), similar in zip(candidates, similarities, strict=True)
    )
    return [entry for _, _, entry in order[:MAX_ENTRIES]]


def rank_by_text(match: TextMatch, query: Query, entries: int) -> dict[int, float]:
    """Return the text rank of every entry of the set ``entries`` that has one."""
    lexemes = get_distinct_lexemes(query)
    if isinstance(query, And | Phrase) and len(lexemes) > 1:
        return _rank_by_pairs(match, lexemes, entries)
    return _rank_by_sum(match, lexemes, entries)


def _rank_by_sum(match: TextMatch, lexemes: list[Lexeme], entries: int) -> dict[int, float]:
    ranks: dict[int, float] = {}
    for lexeme in lexemes:
        for postings in match.get_postings(lexeme):
            if not postings.entries & entries:
                continue
            members, scores = postings.members, postings.scores
            sums = [ranks.get(entry, 0.0) for entry in members]
            ranks.update(zip(members, _to_singles(map(add, sums, scores)), strict=True))
    if len(lexemes) == 1:
        return ranks
    averages = _to_singles(rank / len(lexemes) for rank in ranks.values())
    return dict(zip(ranks, averages, strict=True))


def _to_singles(numbers: Iterable[float]) -> "array[float]":
    """Round many numbers to single precision at once."""
    return array("f", numbers)


def _rank_by_pairs(match: TextMatch, lexemes: list[Lexeme], entries: int) -> dict[int, float]:
    # Only entries with at least two of the lexemes need the pairs; the others rank close to zero.
    planes = bitset.count_planes(
        bitset.union(postings.entries for postings in match.get_postings(lexeme))
        for lexeme in lexemes
    )
    with_pairs = bitset.union(planes[1:]) & entries
    ranks = dict.fromkeys(bitset.get_members(entries), NO_PAIR_RANK)
    for entry in bitset.get_members(with_pairs):
        ranks[entry] = rank_pairs(
            [
                postings.get_places_in(entry)
                for postings in match.get_postings(lexeme)
                if postings.entries >> entry & 1
            ]
            for lexeme in lexemes
        )
    return ranks
