"""How much of an answer can be returned: AWS Lambda takes so many bytes, counted in its own way."""

import gzip
import json
import sys
from base64 import b64encode
from dataclasses import dataclass

from chalicelib.api.negotiation import accepts_gzip
from chalicelib.api.renderers import Context, Renderer

#: How many times what can be returned is worth reading. What a link grows by is overestimated
#: there, and gzip makes about a quarter of JSON.
_READ, _READ_FOR_GZIP = 3, 5
#: What a character of text becomes at most, as Lambda counts it: two escapes of six characters.
_LONGEST_ESCAPE = 12


@dataclass(frozen=True, slots=True)
class Body:
    """A rendered body; gzipped where it is ``packed``.

    ``excess`` says how many times too large it is to be returned: it fits up to 1.
    """

    text: str
    packed: bytes | None = None
    excess: float = 0.0


class ResponseLimiter:
    """What a rendered answer has to fit into, as far as the settings bound it.

    ``is_tight`` tells after the first answer that was too large as plain text.
    """

    def __init__(self, renderer: Renderer, context: Context) -> None:
        self._renderer = renderer
        self._context = context
        self._most = context.settings.max_response_bytes
        self._gzips = accepts_gzip(context.request.headers.get("accept-encoding", ""))
        self._last: tuple[str, Body] | None = None
        self.is_tight = False

    @property
    def worth_reading(self) -> int:
        """How many bytes of stored bodies an answer may be made of."""
        if self._most is None:
            return sys.maxsize
        return self._most * (_READ_FOR_GZIP if self._gzips else _READ)

    def body(self, content: str) -> Body:
        """The body of an answer, by its JSON; the last is kept, for mostly it is the answer."""
        if self._last is None or self._last[0] is not content:
            text = self._renderer.render(200, content, self._context)
            self._last = (content, self._measured(text))
        return self._last[1]

    def _measured(self, text: str) -> Body:
        if self._most is None or len(text) * _LONGEST_ESCAPE + 2 <= self._most:
            return Body(text)
        # Lambda counts the JSON that it returns, in which a body is an escaped string.
        excess = len(json.dumps(text)) / max(self._most, 1)
        if excess <= 1:
            return Body(text)
        self.is_tight = True
        if not self._gzips:
            return Body(text, excess=excess)
        packed = gzip.compress(text.encode(), compresslevel=6, mtime=0)
        counted = len(b64encode(packed)) + 2
        return Body(text, packed, counted / max(self._most, 1))
