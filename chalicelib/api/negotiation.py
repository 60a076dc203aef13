"""Content negotiation as Django REST Framework does it (``DefaultContentNegotiation``).

The most specific range of the Accept header wins, then the renderer that comes first; q-values
are parsed and have no effect, in the original too. ``Accept-Encoding`` is HTTP's own (RFC 9110).
"""

import re
from email.message import Message
from email.utils import collapse_rfc2231_value

from chalicelib.api.exceptions import NotAcceptable, NotFound
from chalicelib.api.renderers import PAGE, RENDERERS, Renderer
from chalicelib.api.request import Request

#: A weight that is not zero; anything else than ``q`` behind a coding is none of RFC 9110.
_WEIGHT = re.compile(r"q=(?:0\.(?=[0-9]*[1-9])[0-9]{1,3}|1(?:\.0{0,3})?)", re.IGNORECASE)


class MediaType:
    """A media type or range: ``application/json; indent=4``, ``text/*``, ``*/*``."""

    def __init__(self, text: str) -> None:
        self.text = text
        full, self.params = parse_header_parameters(text)
        self.full = full
        self.main, _, self.sub = full.partition("/")

    @property
    def precedence(self) -> int:
        """How specific it is: 0 ``*/*``, 1 ``type/*``, 2 ``type/subtype``, 3 with parameters."""
        if self.main == "*":
            return 0
        if self.sub == "*":
            return 1
        return 2 if not self.params or list(self.params) == ["q"] else 3

    def takes(self, other: "MediaType") -> bool:
        """Whether this, a renderer's plain type, is within the range ``other``."""
        return all(
            "*" in (mine, theirs) or mine == theirs
            for mine, theirs in ((self.sub, other.sub), (self.main, other.main))
        )


def parse_header_parameters(line: str) -> tuple[str, dict[str, str]]:
    """A header such as ``a/b; c="d"`` as its value in lower case and its parameters.

    The parameters are read by the standard library's parser of MIME headers, as in Django.
    Where that cannot read them, there are none.
    """
    if ";" not in line:
        return line.strip().lower(), {}
    message = Message()
    message["content-type"] = line
    try:
        (full, _), *params = message.get_params([("", "")])
    except ValueError:
        return line.partition(";")[0].strip().lower(), {}
    return full.lower(), {name: collapse_rfc2231_value(value) for name, value in params if name}


def select_renderer(request: Request, suffix: str | None) -> tuple[Renderer, MediaType]:
    """The renderer for a request and the media type accepted.

    ``suffix`` is the path's format suffix and goes before ``?format=``. Raises NotFound for a
    format that no renderer has, NotAcceptable if no renderer makes what is accepted, BadRequest
    if the query is needed and malformed.
    """
    renderers: list[Renderer] = list(RENDERERS)
    wanted = suffix or request.parameter("format")
    if wanted:
        renderers = [renderer for renderer in renderers if renderer.format == wanted]
        if not renderers:
            raise NotFound
    accept = request.headers.get("accept", "*/*")
    ranges = [MediaType(token.strip()) for token in accept.split(",")]
    for precedence in (3, 2, 1, 0):
        level = [media for media in ranges if media.precedence == precedence]
        for renderer in renderers:
            own = MediaType(renderer.media_type)
            for media in level:
                if own.takes(media):
                    if renderer is PAGE:
                        # Whatever it shows, a page reads the query; that may be too long.
                        _ = request.parameters
                    return renderer, _accepted(own, media)
    raise NotAcceptable


def _accepted(own: MediaType, media: MediaType) -> MediaType:
    """The more specific of the renderer's type and the range, with the range's parameters."""
    if own.precedence <= media.precedence:
        return media
    return MediaType(";".join([own.text, *(f"{k}={v}" for k, v in media.params.items())]))


def accepts_gzip(header: str) -> bool:
    """Whether an ``Accept-Encoding`` takes gzip: by its name or by ``*``, with a weight above 0.

    Where there is no such header, any client may be behind it, so plain text is safer.
    """
    weights: dict[str, bool] = {}
    for part in header.split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        taken = all(_WEIGHT.fullmatch(parameter) for parameter in parameters)
        weights[coding.lower().removeprefix("x-")] = taken
    return weights.get("gzip", weights.get("*", False))
