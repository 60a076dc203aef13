"""Lexemes: the stems of tokens with their positions, as PostgreSQL's configuration ``english``."""

from collections.abc import Iterator
from functools import lru_cache

from snowballstemmer.english_stemmer import EnglishStemmer

from chalicelib.search.pgtext.characters import to_lower
from chalicelib.search.pgtext.tokenizer import tokenize

_STEMMED = frozenset(("asciiword", "word", "asciihword", "hword", "hword_asciipart", "hword_part"))
_SKIPPED = frozenset(("tag", "protocol", "entity"))
_MAX_BYTES = 2046
_MAX_STEMMED_BYTES = 1000
LAST_POSITION = 16383
"""Lexemes beyond this position get this position."""

#: Words that are too common to search for: Snowball's list for English.
_STOP_WORDS = (
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself "
    "she her hers herself it its itself they them their theirs themselves what which who whom "
    "this that these those am is are was were be been being have has had having do does did "
    "doing a an the and but if or because as until while of at by for with about against "
    "between into through during before after above below to from up down in out on off over "
    "under again further then once here there when where why how all any both each few more "
    "most other some such no nor not only own same so than too very s t can will just don "
    "should now"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())

_stemmer = EnglishStemmer()


def iter_lexemes(text: str) -> Iterator[tuple[int, str]]:
    """Yield the positions of a text, counted from 1, and the lexemes there.

    A stop word takes a position but yields no lexeme. Tokens that are not indexed or have more
    than 2,046 bytes take no position. If lower case makes a word longer than that, PostgreSQL
    fails; here the word counts as a stop word.
    """
    position = 0
    for kind, token in tokenize(text):
        if kind in _SKIPPED or _count_bytes(token) > _MAX_BYTES:
            continue
        position += 1
        lexeme = stem_english(token) if kind in _STEMMED else to_lower(token)
        if lexeme and _count_bytes(lexeme) <= _MAX_BYTES:
            yield min(position, LAST_POSITION), lexeme


@lru_cache(maxsize=20_000)
def stem_english(word: str) -> str | None:
    """Return the stem of ``word`` in lower case; None for a stop word."""
    word = to_lower(word)
    if _count_bytes(word) > _MAX_STEMMED_BYTES:
        return word
    if word in STOP_WORDS:
        return None
    return str(_stemmer.stemWord(word))


def _count_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
