"""Finds tags, comments and entities of HTML and XML in the shape of a text."""

import re

from chalicelib.search.pgtext.characters import LETTER

_SPACE = r" \t-\r"
# In quotes, a backslash keeps the next character from closing them, and the one behind that
# from being a backslash.
_IN_SINGLE = r"'(?:[^'\\]|\\.(?:(?=')|[^']))*+"
_IN_DOUBLE = r'"(?:[^"\\]|\\.(?:(?=")|[^"]))*+'
_PLAIN = rf"[A-Za-z0-9=\-_#/:.&?%~{_SPACE}]"
_REST = rf"(?:{_PLAIN}|{_IN_SINGLE}'|{_IN_DOUBLE}\")*+"
_NAME = rf"(?:/?+[A-Za-z]|[:_])[A-Za-z0-9{LETTER}:_.-]*+"
_OPENED = rf"<(?:{_NAME}[{_SPACE}]|\?x|![dD]){_REST}"

_TAG = re.compile(rf"<{_NAME}/?+>|{_OPENED}>", re.DOTALL)
_BROKEN = re.compile(rf"{_OPENED}(?:{_IN_SINGLE}|{_IN_DOUBLE})\\.\Z", re.DOTALL)
_ENTITY = re.compile(rf"&(?:#(?:[0-9]++|[xX][0-9A-Fa-f]++)|[A-Za-z:_][A-Za-z0-9{LETTER}:_.-]*+);")
_HIDES = re.compile(rf"<(?:script|style)(?=[>{_SPACE}])", re.IGNORECASE)
_SHOWS = re.compile(rf"</(?:script|style)(?=[>{_SPACE}])", re.IGNORECASE)


class Markup:
    """The marks of one shape; ``hidden`` holds between the tags of a script or a style sheet."""

    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._comments_end = True
        self.hidden = False

    def tag(self, place: int) -> int | None:
        """Where the tag or comment ends that begins at ``place``, or None if none does."""
        if self._shape.startswith("<!--", place):
            return self._comment(place)
        if _HIDES.match(self._shape, place):
            self.hidden = True
        elif _SHOWS.match(self._shape, place):
            self.hidden = False
        match = _TAG.match(self._shape, place)
        return match.end() if match else None

    def breaks(self, place: int) -> bool:
        """Whether a tag begins at ``place`` that ends reading altogether.

        The original stops where the text ends in a quoted value, right after a backslash and
        one more character.
        """
        ends_so = self._shape[-2:-1] == "\\"
        return ends_so and _BROKEN.match(self._shape, place) is not None

    def entity(self, place: int) -> int | None:
        """Where the entity ends that begins at ``place``, or None if none does."""
        match = _ENTITY.match(self._shape, place)
        return match.end() if match else None

    def next_mark(self, place: int) -> int:
        """Where the next tag may begin."""
        found = self._shape.find("<", place)
        return len(self._shape) if found < 0 else found

    def _comment(self, place: int) -> int | None:
        if not self._comments_end:
            return None
        end = self._shape.find("-->", place + 4)
        self._comments_end = end >= 0
        return end + 3 if end >= 0 else None
