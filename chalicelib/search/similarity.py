"""Similarity of two texts by the three-character windows of their words (``pg_trgm``)."""

import re

from chalicelib.search.pgtext.characters import LETTER, lower, shape

#: Words are runs of letters and digits, as the text parser of the server knows them.
_WORD = re.compile(rf"[A-Za-z0-9{LETTER}]+")


def trigrams(text: str) -> frozenset[str]:
    """The windows of every word in lower case, two blanks before it and one behind it."""
    return frozenset(
        padded[start : start + 3]
        for word in _WORD.finditer(shape(text))
        for padded in (f"  {lower(text[word.start() : word.end()])} ",)
        for start in range(len(padded) - 2)
    )


def is_similar(shared: int, first: int, second: int) -> bool:
    """Whether sets of ``first`` and ``second`` trigrams that share ``shared`` are 0.3 alike.

    In whole numbers, so that exactly 0.3 is enough, as it is in PostgreSQL.
    """
    return shared > 0 and 10 * shared >= 3 * (first + second - shared)


def similarity(shared: int, first: int, second: int) -> float:
    """Shared trigrams as a part of all of both."""
    return shared / (first + second - shared) if shared else 0.0
