"""Parsing the text of a search box, like PostgreSQL's ``websearch_to_tsquery``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import itemgetter

from chalicelib.search.pgtext.characters import LETTER, to_shape
from chalicelib.search.pgtext.lexemes import iter_lexemes
from chalicelib.search.pgtext.tsquery import And, Lexeme, Not, Or, Phrase, Query

_SPACE = r" \t-\r"
_IGNORED = re.compile(rf"[!&|()<{_SPACE}]*+")
_QUOTED = re.compile(r'"([^"]*+)"?+')
_PLAIN = re.compile(rf'[^{_SPACE}][^{_SPACE}!&|()<:"]*+')
_OR = re.compile(rf"[oO][rR](?![-_A-Za-z0-9{LETTER}]).[{_SPACE}]*+(?!\Z)", re.DOTALL)
# PostgreSQL fails with more negations in a row; here their parity decides.
_MAX_NEGATIONS = 32
_SINGLE_WORD = re.compile(r"[\w-]{3,5}")


@dataclass
class _QueryBuilder:
    """Builds a query: the finished alternatives, the present conjunction, pending negations."""

    alternatives: Query | None = None
    conjunction: Query | None = None
    negations: int = 0

    def add_operand(self, operand: Query | None) -> None:
        if operand:
            for _ in range(
                self.negations if self.negations <= _MAX_NEGATIONS else self.negations % 2
            ):
                operand = Not(operand)
        self.negations = 0
        self.conjunction = _join(And, self.conjunction, operand)

    def end_alternative(self) -> None:
        self.alternatives = _join(Or, self.alternatives, self.conjunction)
        self.conjunction = None


def parse_websearch(text: str) -> Query | None:
    """Return the query of a text, or None if it contains no lexeme.

    Words are joined by AND, ``or`` joins the words on both sides, quotes make a phrase, and a
    leading hyphen negates. No text is a syntax error.
    """
    text_shape = to_shape(text)
    query = _QueryBuilder()
    offset = 0
    while offset < len(text_shape):
        offset = _parse_operand(query, text, text_shape, offset)
        offset = _skip(_IGNORED, text_shape, offset)
        if _OR.match(text_shape, offset):
            query.end_alternative()
            offset += 2
    query.end_alternative()
    return query.alternatives


def _parse_operand(query: _QueryBuilder, text: str, text_shape: str, offset: int) -> int:
    """Parse one operand and the negations before it; return the offset after it."""
    offset = _skip(_IGNORED, text_shape, offset)
    while text_shape.startswith("-", offset):
        query.negations += 1
        offset = _skip(_IGNORED, text_shape, offset + 1)
    match = _QUOTED.match(text_shape, offset)
    if match:
        query.add_operand(_build_phrase(text[match.start(1) : match.end(1)]))
        return match.end()
    end = _skip(_PLAIN, text_shape, offset)
    query.add_operand(_build_phrase(text[offset:end]))
    return end


def parse_prefix_word(word: str) -> Query | None:
    """Return the query of ``word:*`` as ``to_tsquery`` does: each part matches as a prefix.

    ``word`` contains only letters, digits, ``_`` and ``-``. The result is None if it contains no
    lexeme.
    """
    return _build_phrase(word, is_prefix=True)


def parse_search_text(text: str) -> Query | None:
    """Return the query of a search for packages: short single words also match as prefixes."""
    query = parse_websearch(text)
    word = text.strip()
    if _SINGLE_WORD.fullmatch(word):
        return _join(Or, query, parse_prefix_word(word))
    return query


def _build_phrase(text: str, is_prefix: bool = False) -> Query | None:
    """Return the lexemes of ``text`` as a phrase with the distances they have in it.

    Lexemes beyond the last position share it; all of them must match.
    """
    query: Query | None = None
    last = 0
    for position, positioned in groupby(iter_lexemes(text), key=itemgetter(0)):
        operands: Iterator[Query] = (Lexeme(lexeme, is_prefix) for _, lexeme in positioned)
        right = reduce(And, operands)
        query = Phrase(query, right, position - last) if query else right
        last = position
    return query


def _join(kind: type[And] | type[Or], left: Query | None, right: Query | None) -> Query | None:
    if left is None or right is None:
        return left if right is None else right
    return kind(left, right)


def _skip(pattern: re.Pattern[str], text_shape: str, offset: int) -> int:
    match = pattern.match(text_shape, offset)
    return match.end() if match else offset
