"""Reads what a person types into a search box, as PostgreSQL's ``websearch_to_tsquery`` does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import itemgetter

from chalicelib.search.pgtext.characters import LETTER, shape
from chalicelib.search.pgtext.lexemes import lexemes
from chalicelib.search.pgtext.tsquery import And, Lexeme, Not, Or, Phrase, Query

_SPACE = r" \t-\r"
_IGNORED = re.compile(rf"[!&|()<{_SPACE}]*+")
_QUOTED = re.compile(r'"([^"]*+)"?+')
_PLAIN = re.compile(rf'[^{_SPACE}][^{_SPACE}!&|()<:"]*+')
_OR = re.compile(rf"[oO][rR](?![-_A-Za-z0-9{LETTER}]).[{_SPACE}]*+(?!\Z)", re.DOTALL)
# With more negations in a row the original fails; then only odd or even counts.
_DEEPEST = 32
_SINGLE_WORD = re.compile(r"[\w-]{3,5}")


@dataclass
class _Query:
    """A query being put together: done alternatives, the conjunction at hand, the operator."""

    alternatives: Query | None = None
    conjunction: Query | None = None
    negations: int = 0

    def operand(self, operand: Query | None) -> None:
        if operand:
            for _ in range(self.negations if self.negations <= _DEEPEST else self.negations % 2):
                operand = Not(operand)
        self.negations = 0
        self.conjunction = _joined(And, self.conjunction, operand)

    def alternative(self) -> None:
        self.alternatives = _joined(Or, self.alternatives, self.conjunction)
        self.conjunction = None


def websearch(text: str) -> Query | None:
    """The query that ``text`` means, or None where nothing is left to search for.

    Words are joined by AND, ``or`` joins what stands on both sides, quotes make a phrase and a
    leading hyphen negates. Any text is a query.
    """
    seen = shape(text)
    query = _Query()
    place = 0
    while place < len(seen):
        place = _operand(query, text, seen, place)
        place = _end(_IGNORED, seen, place)
        if _OR.match(seen, place):
            query.alternative()
            place += 2
    query.alternative()
    return query.alternatives


def _operand(query: _Query, text: str, seen: str, place: int) -> int:
    """Reads one operand and the negations before it; gives the place behind."""
    place = _end(_IGNORED, seen, place)
    while seen.startswith("-", place):
        query.negations += 1
        place = _end(_IGNORED, seen, place + 1)
    match = _QUOTED.match(seen, place)
    if match:
        query.operand(_phrase(text[match.start(1) : match.end(1)]))
        return match.end()
    end = _end(_PLAIN, seen, place)
    query.operand(_phrase(text[place:end]))
    return end


def prefix_word(word: str) -> Query | None:
    """What ``to_tsquery`` makes of ``word:*``: each part of the word matches as a prefix.

    ``word`` holds letters, digits, ``_`` and ``-`` only; None if no lexeme is in it.
    """
    return _phrase(word, prefix=True)


def text_query(text: str) -> Query | None:
    """What the search of packages asks for: short single words match as prefixes too."""
    query = websearch(text)
    word = text.strip()
    if _SINGLE_WORD.fullmatch(word):
        return _joined(Or, query, prefix_word(word))
    return query


def _phrase(text: str, prefix: bool = False) -> Query | None:
    """The lexemes of ``text`` at the distances that they have in it.

    All those beyond the last position share it; they must all be there.
    """
    query: Query | None = None
    last = 0
    for position, together in groupby(lexemes(text), key=itemgetter(0)):
        operands: Iterator[Query] = (Lexeme(lexeme, prefix) for _, lexeme in together)
        found = reduce(And, operands)
        query = Phrase(query, found, position - last) if query else found
        last = position
    return query


def _joined(kind: type[And] | type[Or], left: Query | None, right: Query | None) -> Query | None:
    if left is None or right is None:
        return left if right is None else right
    return kind(left, right)


def _end(pattern: re.Pattern[str], seen: str, place: int) -> int:
    match = pattern.match(seen, place)
    return match.end() if match else place
