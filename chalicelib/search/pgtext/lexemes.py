"""What the configuration ``english`` makes of tokens: positions and lexemes."""

from collections.abc import Iterator
from functools import lru_cache

from snowballstemmer.english_stemmer import EnglishStemmer

from chalicelib.search.pgtext.characters import lower
from chalicelib.search.pgtext.stopwords import STOP_WORDS
from chalicelib.search.pgtext.tokenizer import tokens

_STEMMED = frozenset(("asciiword", "word", "asciihword", "hword", "hword_asciipart", "hword_part"))
_SKIPPED = frozenset(("tag", "protocol", "entity"))
_LONGEST = 2046
_LONGEST_STEMMED = 1000
LAST_POSITION = 16383
"""Everything further back counts as standing here."""

_stemmer = EnglishStemmer()


def lexemes(text: str) -> Iterator[tuple[int, str]]:
    """The lexemes of ``text`` with their positions, which count from 1.

    A stop word takes a position and leaves no lexeme; a token that is not indexed or has more
    than 2,046 bytes takes none. Lower case can make a word longer still: where the original
    breaks down over that, the word counts as a stop word.
    """
    position = 0
    for kind, token in tokens(text):
        if kind in _SKIPPED or _size(token) > _LONGEST:
            continue
        position += 1
        lexeme = english(token) if kind in _STEMMED else lower(token)
        if lexeme and _size(lexeme) <= _LONGEST:
            yield min(position, LAST_POSITION), lexeme


@lru_cache(maxsize=20_000)
def english(word: str) -> str | None:
    """The stem of ``word`` in lower case; None for a stop word."""
    word = lower(word)
    if _size(word) > _LONGEST_STEMMED:
        return word
    if word in STOP_WORDS:
        return None
    return str(_stemmer.stemWord(word))


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
