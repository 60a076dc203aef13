"""Cuts a text into the tokens that PostgreSQL's default text search parser finds in it.

The text is read from left to right. At each place the longest-ranging kind of token is tried
first (an address before a file name, a file name before a hyphenated word, that before a word);
what is left over is blank. Patterns see the *shape* of the text (see ``characters``) and never
give back what they took, so the work grows with the length of the text, whatever is in it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.search.pgtext.characters import LETTER, SIGN, shape
from chalicelib.search.pgtext.markup import Markup
from chalicelib.search.pgtext.url_tokens import Addresses

_ALPHA = f"[A-Za-z{LETTER}]"
_WORD = f"[A-Za-z0-9{LETTER}{SIGN}]"

_RUN = re.compile(rf"{_WORD}++")
_DIGITS = re.compile(r"[0-9]++")
_COMPOUND = re.compile(rf"(?:-(?:[0-9]++(?![^A-Za-z{LETTER}{SIGN}]|\Z)|{_ALPHA}){_WORD}*+)++")
_JOINT = re.compile(rf"-(?={_WORD})")
_EXPONENT = r"[eE][+-]?+[0-9]++"
_SCIENTIFIC = re.compile(rf"[0-9]++{_EXPONENT}")
_DECIMAL = re.compile(rf"[0-9]++\.[0-9]++(?:({_EXPONENT})|((?:\.[0-9]++)++))?+")
_SIGNED = re.compile(rf"[-+][0-9]++(?!\.[0-9]++\.[0-9])(\.[0-9]++)?+({_EXPONENT})?+")
_PROTOCOL = re.compile(r"://")
_BLANK = re.compile(rf"[^A-Za-z0-9{LETTER}<&/+-]*+")

# A path is steps of a slash and a name, where ".", ".." and "~" are names too.
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.[A-Za-z0-9_])*+"
_STEP = rf"/(?:[.~]/)*+(?:[.~]?+{_NAME}|\.\.(?=[/ \t-\r]|\Z))"
_STEPS = re.compile(rf"(?:{_STEP})++")
_DOTTED = re.compile(rf"\.{_NAME}(?:{_STEP})*+")
_HOME = re.compile(rf"~(?:{_NAME}(?:{_STEP})*+|(?:{_STEP})++)")
_RELATIVE = re.compile(rf"\.(?:\.(?=[/ \t-\r]|\Z)(?:{_STEP})*+|(?:{_STEP})++)")
_SLASHES = re.compile(r"[.~]?+/(?:[.~]/)*+")


class Token(NamedTuple):
    """A piece of text and its kind, by the names that ``ts_token_type('default')`` lists."""

    kind: str
    text: str


Span = tuple[str, int, int]
_BLANK_KIND = "blank"


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text`` in order, without the blanks between them."""
    for kind, start, end in _Reader(text).spans():
        if kind != _BLANK_KIND:
            yield Token(kind, text[start:end])


class _Reader:
    """Reads one text; remembers what was tried in vain, so that nothing is tried again."""

    def __init__(self, text: str) -> None:
        self._shape = shape(text)
        self._addresses = Addresses(self._shape)
        self._markup = Markup(self._shape)
        self._no_path_before = 0

    def spans(self) -> Iterator[Span]:
        place = 0
        while place < len(self._shape):
            found = self._at(place)
            if found:
                yield from found
                place = found[-1][2]
            else:
                place = self._blank(place)

    def _blank(self, place: int) -> int:
        """Where reading goes on when nothing begins at ``place``."""
        if self._markup.hidden:
            return self._markup.next_mark(place + 1)
        match = _BLANK.match(self._shape, place + 1)
        return match.end() if match else place + 1

    def _at(self, place: int) -> list[Span]:
        first = self._shape[place]
        if first == "<":
            return self._tag(place)
        if self._markup.hidden:
            return []
        if first.isalnum():
            return self._alphanumeric(place)
        if first in "-+":
            return self._signed(place)
        if first == "&":
            return self._single("entity", place, self._markup.entity(place))
        if first in "/~.":
            pattern = {"/": _STEPS, "~": _HOME, ".": _RELATIVE}[first]
            return self._single("file", place, self._path(pattern, place))
        return []

    def _tag(self, place: int) -> list[Span]:
        tag = self._single("tag", place, self._markup.tag(place))
        if not tag and self._markup.breaks(place):
            return [(_BLANK_KIND, place, len(self._shape))]
        return tag

    def _single(self, kind: str, start: int, end: int | None) -> list[Span]:
        return [] if end is None else [(kind, start, end)]

    def _path(self, pattern: re.Pattern[str], place: int) -> int | None:
        if place < self._no_path_before:
            return None
        match = pattern.match(self._shape, place)
        if match:
            return match.end()
        chain = _SLASHES.match(self._shape, place)
        if chain:
            self._no_path_before = chain.end()
        return None

    def _signed(self, place: int) -> list[Span]:
        match = _SIGNED.match(self._shape, place)
        if not match:
            return []
        decimals, exponent = match.groups()
        kind = "sfloat" if exponent else "float" if decimals else "int"
        return [(kind, place, match.end())]

    def _alphanumeric(self, place: int) -> list[Span]:
        digits = _DIGITS.match(self._shape, place)
        if digits and (match := _SCIENTIFIC.match(self._shape, place)):
            return [("sfloat", place, match.end())]
        address = self._addresses.at(place)
        if address:
            return address
        if digits:
            match = _DECIMAL.match(self._shape, place)
            if match:
                exponent, version = match.groups()
                kind = "sfloat" if exponent else "version" if version else "float"
                return [(kind, place, match.end())]
        return self._word(place)

    def _word(self, place: int) -> list[Span]:
        end = self._run_end(place)
        kind = _kind_of_word(self._shape[place:end])
        following = self._shape[end : end + 1]
        longer: int | None = None
        if following == "-" and kind != "uint":
            return self._hyphenated(place, end) or [(kind, place, end)]
        if following == "@" and kind == "numword":
            host = self._addresses.host(end + 1)
            if host is not None:
                return [("email", place, host)]
        elif following == ":" and kind == "asciiword" and _PROTOCOL.match(self._shape, end):
            return [("protocol", place, end + 3)]
        elif following == "/" and kind != "word":
            longer = self._path(_STEPS, end)
        elif following == "." and kind in ("asciiword", "numword"):
            match = _DOTTED.match(self._shape, end)
            longer = match.end() if match else None
        return [("file", place, longer)] if longer else [(kind, place, end)]

    def _run_end(self, place: int) -> int:
        match = _RUN.match(self._shape, place)
        return match.end() if match else place

    def _hyphenated(self, place: int, end: int) -> list[Span]:
        """A compound and its parts; a hyphen behind it is no sign of the number that follows."""
        match = _COMPOUND.match(self._shape, end)
        if not match:
            return []
        whole = self._shape[place : match.end()]
        kind = {"asciiword": "asciihword", "word": "hword"}.get(
            _kind_of_word(whole.replace("-", "")), "numhword"
        )
        spans = [(kind, place, match.end())]
        while self._shape[place : place + 1] != SIGN:
            end = self._run_end(place)
            part = _PARTS.get(_kind_of_word(self._shape[place:end]))
            if part is None:
                break
            spans.append((part, place, end))
            place = end
            if not _JOINT.match(self._shape, end):
                break
            place = end + 1
            spans.append((_BLANK_KIND, end, place))
        return spans


_PARTS = {
    "asciiword": "hword_asciipart",
    "word": "hword_part",
    "numword": "hword_numpart",
}


def _kind_of_word(run: str) -> str:
    if run.isascii() and run.isalpha():
        return "asciiword"
    if run.isascii() and run.isdigit():
        return "uint"
    return "numword" if _HAS_DIGIT.search(run) else "word"


_HAS_DIGIT = re.compile(r"[0-9]")
