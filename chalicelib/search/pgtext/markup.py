"""Tags, comments and entities of HTML and XML in the shape of a text."""

import re

from chalicelib.search.pgtext.characters import LETTER

_SPACE = r" \t-\r"
# In quotes, a backslash escapes the next character; the one after that is no backslash.
_IN_SINGLE = r"'(?:[^'\\]|\\.(?:(?=')|[^']))*+"
_IN_DOUBLE = r'"(?:[^"\\]|\\.(?:(?=")|[^"]))*+'
_PLAIN = rf"[A-Za-z0-9=\-_#/:.&?%~{_SPACE}]"
_REST = rf"(?:{_PLAIN}|{_IN_SINGLE}'|{_IN_DOUBLE}\")*+"
_NAME = rf"(?:/?+[A-Za-z]|[:_])[A-Za-z0-9{LETTER}:_.-]*+"
_OPENED = rf"<(?:{_NAME}[{_SPACE}]|\?x|![dD]){_REST}"

_TAG = re.compile(rf"<{_NAME}/?+>|{_OPENED}>", re.DOTALL)
_BROKEN = re.compile(rf"{_OPENED}(?:{_IN_SINGLE}|{_IN_DOUBLE})\\.\Z", re.DOTALL)
_ENTITY = re.compile(rf"&(?:#(?:[0-9]++|[xX][0-9A-Fa-f]++)|[A-Za-z:_][A-Za-z0-9{LETTER}:_.-]*+);")
_SCRIPT_START = re.compile(rf"<(?:script|style)(?=[>{_SPACE}])", re.IGNORECASE)
_SCRIPT_END = re.compile(rf"</(?:script|style)(?=[>{_SPACE}])", re.IGNORECASE)


class MarkupScanner:
    """Finds markup in one shape; ``is_in_script`` holds inside a script or a style sheet."""

    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._is_comment_closed = True
        self.is_in_script = False

    def find_tag_end(self, offset: int) -> int | None:
        """Return the end of the tag or comment that begins at an offset, or None."""
        if self._shape.startswith("<!--", offset):
            return self._find_comment_end(offset)
        if _SCRIPT_START.match(self._shape, offset):
            self.is_in_script = True
        elif _SCRIPT_END.match(self._shape, offset):
            self.is_in_script = False
        match = _TAG.match(self._shape, offset)
        return match.end() if match else None

    def is_broken_tag(self, offset: int) -> bool:
        """Return whether a tag begins at an offset at which PostgreSQL stops reading.

        It stops if the text ends inside a quoted value, directly after a backslash and one more
        character.
        """
        ends_in_escape = self._shape[-2:-1] == "\\"
        return ends_in_escape and _BROKEN.match(self._shape, offset) is not None

    def find_entity_end(self, offset: int) -> int | None:
        """Return the end of the entity that begins at an offset, or None."""
        match = _ENTITY.match(self._shape, offset)
        return match.end() if match else None

    def find_next_tag(self, offset: int) -> int:
        """Return the offset at which the next tag may begin."""
        offset = self._shape.find("<", offset)
        return len(self._shape) if offset < 0 else offset

    def _find_comment_end(self, offset: int) -> int | None:
        if not self._is_comment_closed:
            return None
        end = self._shape.find("-->", offset + 4)
        self._is_comment_closed = end >= 0
        return end + 3 if end >= 0 else None
