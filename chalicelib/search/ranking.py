"""PostgreSQL's ``ts_rank`` with its default weights and without normalisation.

PostgreSQL computes in single precision, and so do these functions: the last digit decides
whether two similar entries rank equally. For the rules see https://www.postgresql.org/docs/15/
textsearch-controls.html.
"""

import math
import struct
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter, le

from chalicelib.search.index_file.file_format import WEIGHT_BITS, WEIGHT_MASK
from chalicelib.search.pgtext.tsquery import Lexeme, Query, get_operands

_SINGLE = struct.Struct("<f")
#: The sum of 1 / n^2 over all n, by which PostgreSQL divides the sum of a lexeme.
_BASEL_SUM = 1.64493406685
#: PostgreSQL counts pairs of positions further apart than this as almost nothing.
_MAX_DISTANCE = 100
_DISTANT_PAIR_RANK = 1e-30
NO_PAIR_RANK = 1e-20
#: Shorter lists of lexemes are sorted by insertion, which is stable.
_MIN_QUICKSORT_LENGTH = 7

_get_text = attrgetter("text")


def to_single(number: float) -> float:
    """Round a number to single precision."""
    single: float = _SINGLE.unpack(_SINGLE.pack(number))[0]
    return single


#: The value of each weight, from 0 (D) to 3 (A).
_WEIGHT_VALUES = tuple(map(to_single, (0.1, 0.2, 0.4, 1.0)))


def score_lexeme(places: Sequence[int]) -> float:
    """Return what one lexeme of a document adds to a rank by sum.

    ``places`` are the lexeme's places in the document (see ``index_file.file_format``).
    """
    weights = [_WEIGHT_VALUES[place & WEIGHT_MASK] for place in places]
    total = 0.0
    for number, weight in enumerate(weights, 1):
        total = to_single(total + to_single(weight / (number * number)))
    greatest = max(weights)
    first = weights.index(greatest) + 1
    rest = to_single(to_single(greatest + total) - to_single(greatest / (first * first)))
    return rest / _BASEL_SUM


def _build_pair_ranks() -> list[list[float]]:
    """Return the rank of a pair by its two weights (one number of four bits) and its distance."""
    by_distance = [
        to_single(1.0 / (1.005 + 0.05 * math.exp(to_single(distance) / 1.5 - 2)))
        for distance in range(_MAX_DISTANCE + 1)
    ]
    by_distance.append(to_single(_DISTANT_PAIR_RANK))
    return [
        [
            to_single(math.sqrt(to_single(to_single(first * second) * closeness)))
            for closeness in by_distance
        ]
        for first in _WEIGHT_VALUES
        for second in _WEIGHT_VALUES
    ]


_PAIR_RANKS = _build_pair_ranks()


def rank_pairs(lexemes: Iterable[Sequence[Sequence[int]]]) -> float:
    """Return the rank of a document by how close the query's lexemes are to each other.

    ``lexemes`` has one element for each lexeme of the query, in order: the places of the
    document's lexemes that it matches. A prefix may match several of them.
    """
    rank = -1.0  # no pair yet
    previous: list[Sequence[int]] = []
    for matches in lexemes:
        for places in matches:
            for other_places in previous:
                rank = _add_pairs(rank, places, other_places)
        if matches:
            # PostgreSQL keeps only the last lexeme that a prefix matches.
            previous.append(matches[-1])
    return NO_PAIR_RANK if rank < 0 else rank


def _add_pairs(rank: float, places: Sequence[int], other_places: Sequence[int]) -> float:
    for place in places:
        position, weight = place >> WEIGHT_BITS, (place & WEIGHT_MASK) << WEIGHT_BITS
        for other in other_places:
            distance = abs(position - (other >> WEIGHT_BITS))
            if distance:
                pair = _PAIR_RANKS[weight | other & WEIGHT_MASK][min(distance, _MAX_DISTANCE + 1)]
                rank = pair if rank < 0 else to_single(1.0 - (1.0 - rank) * (1.0 - pair))
    return rank


def get_distinct_lexemes(query: Query) -> list[Lexeme]:
    """Return the lexemes of a query in byte order, each text once.

    ``ts_rank`` sorts the query's lexemes by text and keeps the first of each run of equal ones.
    Where a text occurs both with and without prefix, the sort decides which of the two is kept.
    PostgreSQL uses the quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993),
    which is stable for short inputs only, so the functions below repeat it.
    """
    lexemes = _list_stored_lexemes(query)
    is_mixed = len({lexeme.is_prefix for lexeme in lexemes}) > 1
    in_order = _quicksort(lexemes) if is_mixed else sorted(lexemes, key=_get_text)
    return [next(equal_lexemes) for _, equal_lexemes in groupby(in_order, key=_get_text)]


def _list_stored_lexemes(query: Query) -> list[Lexeme]:
    """Return the lexemes of a query in PostgreSQL's order: the right operand comes first."""
    lexemes: list[Lexeme] = []
    stack: list[Query] = [query]
    while stack:
        node = stack.pop()
        if isinstance(node, Lexeme):
            lexemes.append(node)
        stack += get_operands(node)
    return lexemes


def _quicksort(lexemes: list[Lexeme]) -> list[Lexeme]:
    # Strings compare by code point, which is the order of their bytes in UTF-8.
    texts = [lexeme.text for lexeme in lexemes]
    if all(map(le, texts, texts[1:])):
        return lexemes
    if len(lexemes) < _MIN_QUICKSORT_LENGTH:
        return sorted(lexemes, key=_get_text)
    less, equal, greater = _partition(lexemes)
    return _quicksort(less) + equal + _quicksort(greater)


def _partition(lexemes: list[Lexeme]) -> tuple[list[Lexeme], list[Lexeme], list[Lexeme]]:
    """Return the lexemes below a pivot, those equal to it, and those above it.

    Two cursors move inwards from both ends and swap what is on the wrong side. Equal lexemes
    are collected at the outer ends first and moved to the middle at the end.
    """
    items, last = list(lexemes), len(lexemes) - 1
    _swap(items, 0, _choose_pivot(items))
    pivot = items[0].text
    equal_below, low, high, equal_above = 1, 1, last, last
    while True:
        while low <= high and items[low].text <= pivot:
            if items[low].text == pivot:
                _swap(items, equal_below, low)
                equal_below += 1
            low += 1
        while low <= high and items[high].text >= pivot:
            if items[high].text == pivot:
                _swap(items, equal_above, high)
                equal_above -= 1
            high -= 1
        if low > high:
            break
        _swap(items, low, high)
        low, high = low + 1, high - 1
    less, greater = low - equal_below, equal_above - high
    _swap_runs(items, 0, low, min(equal_below, less))
    _swap_runs(items, low, len(items), min(greater, last - equal_above))
    end = len(items) - greater
    return items[:less], items[less:end], items[end:]


def _choose_pivot(lexemes: list[Lexeme]) -> int:
    """Return the index of the middle lexeme, or of the median of it and both ends.

    Only words of up to five characters are searched both with and without prefix. They have at
    most eight lexemes, so the median of medians for 41 and more is not implemented.
    """
    low, middle, high = 0, len(lexemes) // 2, len(lexemes) - 1
    if len(lexemes) == _MIN_QUICKSORT_LENGTH:
        return middle
    first, second, third = (lexemes[place].text for place in (low, middle, high))
    if first < second < third or first >= second > third:
        return middle
    if first < second:
        return high if first < third else low
    return low if first < third else high


def _swap(lexemes: list[Lexeme], first: int, second: int) -> None:
    lexemes[first], lexemes[second] = lexemes[second], lexemes[first]


def _swap_runs(lexemes: list[Lexeme], start: int, end: int, length: int) -> None:
    """Swap the first ``length`` lexemes between two indexes with the last ``length``."""
    front, back = slice(start, start + length), slice(end - length, end)
    lexemes[front], lexemes[back] = lexemes[back], lexemes[front]
