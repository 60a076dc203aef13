"""The tokens that PostgreSQL's default text search parser finds in a text.

The text is read from left to right. At each offset, file_end kinds of token are tried before
shorter ones: an address, then a file name, then a hyphenated word, then a word. Everything else
is blank. Patterns match the *shape* of the text (see ``characters``) and are possessive (they
never backtrack), so the time is linear in the length of any text.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.search.pgtext.characters import LETTER, SIGN, to_shape
from chalicelib.search.pgtext.markup import MarkupScanner
from chalicelib.search.pgtext.url_tokens import UrlScanner

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
_BLANK_RUN = re.compile(rf"[^A-Za-z0-9{LETTER}<&/+-]*+")

# A path consists of steps: a slash and a name. ".", ".." and "~" are names too.
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
_BLANK = "blank"


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of ``text`` in order, without the blanks between them."""
    for kind, start, end in _Reader(text).iter_spans():
        if kind != _BLANK:
            yield Token(kind, text[start:end])


class _Reader:
    """Reads one text; remembers failed attempts, so that nothing is tried twice."""

    def __init__(self, text: str) -> None:
        self._shape = to_shape(text)
        self._urls = UrlScanner(self._shape)
        self._markup = MarkupScanner(self._shape)
        self._no_path_before = 0

    def iter_spans(self) -> Iterator[Span]:
        offset = 0
        while offset < len(self._shape):
            spans = self._read_spans(offset)
            if spans:
                yield from spans
                offset = spans[-1][2]
            else:
                offset = self._skip_blank(offset)

    def _skip_blank(self, offset: int) -> int:
        """Return the offset at which reading continues if no token begins at an offset."""
        if self._markup.is_in_script:
            return self._markup.find_next_tag(offset + 1)
        match = _BLANK_RUN.match(self._shape, offset + 1)
        return match.end() if match else offset + 1

    def _read_spans(self, offset: int) -> list[Span]:
        first = self._shape[offset]
        if first == "<":
            return self._read_tag(offset)
        if self._markup.is_in_script:
            return []
        if first.isalnum():
            return self._read_alphanumeric(offset)
        if first in "-+":
            return self._read_signed_number(offset)
        if first == "&":
            return self._build_span("entity", offset, self._markup.find_entity_end(offset))
        if first in "/~.":
            pattern = {"/": _STEPS, "~": _HOME, ".": _RELATIVE}[first]
            return self._build_span("file", offset, self._find_path_end(pattern, offset))
        return []

    def _read_tag(self, offset: int) -> list[Span]:
        tag = self._build_span("tag", offset, self._markup.find_tag_end(offset))
        if not tag and self._markup.is_broken_tag(offset):
            return [(_BLANK, offset, len(self._shape))]
        return tag

    def _build_span(self, kind: str, start: int, end: int | None) -> list[Span]:
        return [] if end is None else [(kind, start, end)]

    def _find_path_end(self, pattern: re.Pattern[str], offset: int) -> int | None:
        if offset < self._no_path_before:
            return None
        match = pattern.match(self._shape, offset)
        if match:
            return match.end()
        chain = _SLASHES.match(self._shape, offset)
        if chain:
            self._no_path_before = chain.end()
        return None

    def _read_signed_number(self, offset: int) -> list[Span]:
        match = _SIGNED.match(self._shape, offset)
        if not match:
            return []
        decimals, exponent = match.groups()
        kind = "sfloat" if exponent else "float" if decimals else "int"
        return [(kind, offset, match.end())]

    def _read_alphanumeric(self, offset: int) -> list[Span]:
        digits = _DIGITS.match(self._shape, offset)
        if digits and (match := _SCIENTIFIC.match(self._shape, offset)):
            return [("sfloat", offset, match.end())]
        address_spans = self._urls.scan(offset)
        if address_spans:
            return address_spans
        if digits:
            match = _DECIMAL.match(self._shape, offset)
            if match:
                exponent, version = match.groups()
                kind = "sfloat" if exponent else "version" if version else "float"
                return [(kind, offset, match.end())]
        return self._read_word(offset)

    def _read_word(self, offset: int) -> list[Span]:
        end = self._find_run_end(offset)
        kind = _classify_word(self._shape[offset:end])
        following = self._shape[end : end + 1]
        file_end: int | None = None
        if following == "-" and kind != "uint":
            return self._read_compound(offset, end) or [(kind, offset, end)]
        if following == "@" and kind == "numword":
            host_end = self._urls.find_host_end(end + 1)
            if host_end is not None:
                return [("email", offset, host_end)]
        elif following == ":" and kind == "asciiword" and _PROTOCOL.match(self._shape, end):
            return [("protocol", offset, end + 3)]
        elif following == "/" and kind != "word":
            file_end = self._find_path_end(_STEPS, end)
        elif following == "." and kind in ("asciiword", "numword"):
            match = _DOTTED.match(self._shape, end)
            file_end = match.end() if match else None
        return [("file", offset, file_end)] if file_end else [(kind, offset, end)]

    def _find_run_end(self, offset: int) -> int:
        match = _RUN.match(self._shape, offset)
        return match.end() if match else offset

    def _read_compound(self, offset: int, end: int) -> list[Span]:
        """Return the spans of a hyphenated word and of its parts.

        A hyphen after it is not the sign of a number that follows.
        """
        match = _COMPOUND.match(self._shape, end)
        if not match:
            return []
        whole = self._shape[offset : match.end()]
        kind = {"asciiword": "asciihword", "word": "hword"}.get(
            _classify_word(whole.replace("-", "")), "numhword"
        )
        spans = [(kind, offset, match.end())]
        while self._shape[offset : offset + 1] != SIGN:
            end = self._find_run_end(offset)
            part = _PARTS.get(_classify_word(self._shape[offset:end]))
            if part is None:
                break
            spans.append((part, offset, end))
            offset = end
            if not _JOINT.match(self._shape, end):
                break
            offset = end + 1
            spans.append((_BLANK, end, offset))
        return spans


_PARTS = {
    "asciiword": "hword_asciipart",
    "word": "hword_part",
    "numword": "hword_numpart",
}


def _classify_word(run: str) -> str:
    if run.isascii() and run.isalpha():
        return "asciiword"
    if run.isascii() and run.isdigit():
        return "uint"
    return "numword" if _HAS_DIGIT.search(run) else "word"


_HAS_DIGIT = re.compile(r"[0-9]")
