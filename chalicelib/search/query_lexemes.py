"""A query's lexemes without repetition, the way PostgreSQL's ``ts_rank`` chooses among them.

It sorts the lexemes of the query by their text and keeps the first of each run of equal ones. Of
a text that is there both with and without prefix, the one that the sorting happens to leave in
front counts: the sorting is the quicksort of Bentley and McIlroy ("Engineering a Sort Function",
1993), which keeps equal ones in order only where there are few.
"""

from itertools import groupby
from operator import attrgetter, le

from chalicelib.search.pgtext.tsquery import Lexeme, Query, operands_of

#: Fewer than so many are sorted by insertion, which keeps equal ones in order.
_QUICK = 7

_text = attrgetter("text")


def distinct(query: Query) -> list[Lexeme]:
    """The lexemes of a query in the order of their bytes, each text once."""
    lexemes = _stored(query)
    is_mixed = len({lexeme.prefix for lexeme in lexemes}) > 1
    in_order = _sorted(lexemes) if is_mixed else sorted(lexemes, key=_text)
    return [next(same) for _, same in groupby(in_order, key=_text)]


def _stored(query: Query) -> list[Lexeme]:
    """The lexemes of a query as PostgreSQL stores them: the right operand comes first."""
    found: list[Lexeme] = []
    waiting: list[Query] = [query]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Lexeme):
            found.append(node)
        waiting += operands_of(node)
    return found


def _sorted(lexemes: list[Lexeme]) -> list[Lexeme]:
    # Texts compare by code point, which is the order of their bytes in UTF-8.
    texts = [lexeme.text for lexeme in lexemes]
    if all(map(le, texts, texts[1:])):
        return lexemes
    if len(lexemes) < _QUICK:
        return sorted(lexemes, key=_text)
    less, same, greater = _divided(lexemes)
    return _sorted(less) + same + _sorted(greater)


def _divided(lexemes: list[Lexeme]) -> tuple[list[Lexeme], list[Lexeme], list[Lexeme]]:
    """The lexemes below a pivot, those equal to it, and those above.

    Both ends are searched inwards for what belongs to the other side. Equal ones are gathered at
    the outer ends first, and change places with what is next to the middle in the end.
    """
    found, last = list(lexemes), len(lexemes) - 1
    _swap(found, 0, _pivot(found))
    pivot = found[0].text
    same_below, low, high, same_above = 1, 1, last, last
    while True:
        while low <= high and found[low].text <= pivot:
            if found[low].text == pivot:
                _swap(found, same_below, low)
                same_below += 1
            low += 1
        while low <= high and found[high].text >= pivot:
            if found[high].text == pivot:
                _swap(found, same_above, high)
                same_above -= 1
            high -= 1
        if low > high:
            break
        _swap(found, low, high)
        low, high = low + 1, high - 1
    less, greater = low - same_below, same_above - high
    _swap_runs(found, 0, low, min(same_below, less))
    _swap_runs(found, low, len(found), min(greater, last - same_above))
    end = len(found) - greater
    return found[:less], found[less:end], found[end:]


def _pivot(lexemes: list[Lexeme]) -> int:
    """The place of the middle one, or of the median of it and both ends.

    Only words of up to five characters are searched with and without prefix. They have at most
    eight lexemes, so the medians of medians that 41 and more would need are not here.
    """
    low, middle, high = 0, len(lexemes) // 2, len(lexemes) - 1
    if len(lexemes) == _QUICK:
        return middle
    first, second, third = (lexemes[place].text for place in (low, middle, high))
    if first < second < third or first >= second > third:
        return middle
    if first < second:
        return high if first < third else low
    return low if first < third else high


def _swap(lexemes: list[Lexeme], one: int, other: int) -> None:
    lexemes[one], lexemes[other] = lexemes[other], lexemes[one]


def _swap_runs(lexemes: list[Lexeme], start: int, end: int, length: int) -> None:
    """Let the first ``length`` between two places change with the last ``length``."""
    front, back = slice(start, start + length), slice(end - length, end)
    lexemes[front], lexemes[back] = lexemes[back], lexemes[front]
