"""AWS Lambda's limit on the size of a response, counted as Lambda counts it."""

import gzip
import json
import sys
from base64 import b64encode
from dataclasses import dataclass

from chalicelib.api.negotiation import accepts_gzip
from chalicelib.api.render_context import RenderContext
from chalicelib.api.renderers import Renderer

#: Bytes of stored bodies to read, as a multiple of the response's limit. The growth of links is
#: overestimated when bodies are read, and gzip shrinks JSON to about a quarter.
_READ_FACTOR, _READ_FACTOR_GZIP = 3, 5
#: The most that one character of text becomes when Lambda escapes it: two escapes of six.
_MAX_ESCAPED_LENGTH = 12


@dataclass(frozen=True, slots=True)
class SizedBody:
    """A rendered body and its size.

    ``gzipped`` is the compressed body if the text alone exceeds the limit. ``ratio`` is the size
    divided by the limit; up to 1 the body can be returned.
    """

    text: str
    gzipped: bytes | None = None
    ratio: float = 0.0


class ResponseLimiter:
    """Renders bodies and measures them against ``max_response_bytes``.

    ``exceeded`` is true as soon as a body was too large as plain text.
    """

    def __init__(self, renderer: Renderer, context: RenderContext) -> None:
        self._renderer = renderer
        self._context = context
        self._max_bytes = context.settings.max_response_bytes
        self._accepts_gzip = accepts_gzip(context.request.headers.get("accept-encoding", ""))
        self._last: tuple[str, SizedBody] | None = None
        self.exceeded = False

    @property
    def max_source_bytes(self) -> int:
        """The most bytes of stored bodies to read for one response."""
        if self._max_bytes is None:
            return sys.maxsize
        return self._max_bytes * (_READ_FACTOR_GZIP if self._accepts_gzip else _READ_FACTOR)

    def render(self, content: str) -> SizedBody:
        """Render a response's JSON; the last result is kept, because it is mostly the response."""
        if self._last is None or self._last[0] is not content:
            text = self._renderer.render(200, content, self._context)
            self._last = (content, self._measure(text))
        return self._last[1]

    def _measure(self, text: str) -> SizedBody:
        if self._max_bytes is None or len(text) * _MAX_ESCAPED_LENGTH + 2 <= self._max_bytes:
            return SizedBody(text)
        # Lambda counts the JSON that it returns, in which a body is an escaped string.
        ratio = len(json.dumps(text)) / max(self._max_bytes, 1)
        if ratio <= 1:
            return SizedBody(text)
        self.exceeded = True
        if not self._accepts_gzip:
            return SizedBody(text, ratio=ratio)
        gzipped = gzip.compress(text.encode(), compresslevel=6, mtime=0)
        size = len(b64encode(gzipped)) + 2
        return SizedBody(text, gzipped, size / max(self._max_bytes, 1))
