"""Content negotiation as Django REST Framework does it (``DefaultContentNegotiation``).

The most specific range of the Accept header wins, then the first renderer. As in the original,
q-values are parsed but have no effect. ``Accept-Encoding`` follows HTTP itself (RFC 9110).
"""

import re
from email.message import Message
from email.utils import collapse_rfc2231_value

from chalicelib.api.exceptions import NotAcceptable, NotFound
from chalicelib.api.renderers import PAGE, RENDERERS, Renderer
from chalicelib.api.request import Request

#: A weight above zero; RFC 9110 knows no other parameter of a coding than ``q``.
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
        """The specificity: 0 ``*/*``, 1 ``type/*``, 2 ``type/subtype``, 3 with parameters."""
        if self.main == "*":
            return 0
        if self.sub == "*":
            return 1
        return 2 if not self.params or list(self.params) == ["q"] else 3

    def matches(self, other: "MediaType") -> bool:
        """Return whether this plain media type of a renderer is within the range ``other``."""
        return all(
            "*" in (mine, theirs) or mine == theirs
            for mine, theirs in ((self.sub, other.sub), (self.main, other.main))
        )


def parse_header_parameters(line: str) -> tuple[str, dict[str, str]]:
    """Split a header such as ``a/b; c="d"`` into its value in lower case and its parameters.

    As in Django, the standard library's parser of MIME headers reads the parameters. If it
    cannot, there are none.
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
    """Return the renderer for a request and the accepted media type.

    ``suffix`` is the path's format suffix and has priority over ``?format=``. Raises NotFound for
    a format without renderer, NotAcceptable if no renderer produces an accepted type, BadRequest
    if the query is needed and malformed.
    """
    renderers: list[Renderer] = list(RENDERERS)
    format_name = suffix or request.parameter("format")
    if format_name:
        renderers = [renderer for renderer in renderers if renderer.format == format_name]
        if not renderers:
            raise NotFound
    accept = request.headers.get("accept", "*/*")
    ranges = [MediaType(token.strip()) for token in accept.split(",")]
    for precedence in (3, 2, 1, 0):
        candidates = [media for media in ranges if media.precedence == precedence]
        for renderer in renderers:
            own = MediaType(renderer.media_type)
            for media in candidates:
                if own.matches(media):
                    if renderer is PAGE:
                        # Every page reads the query, so a malformed one is an error here.
                        _ = request.parameters
                    return renderer, _select_media_type(own, media)
    raise NotAcceptable


def _select_media_type(own: MediaType, media: MediaType) -> MediaType:
    """Return the more specific of both types, with the parameters of the range."""
    if own.precedence <= media.precedence:
        return media
    return MediaType(";".join([own.text, *(f"{k}={v}" for k, v in media.params.items())]))


def accepts_gzip(header: str) -> bool:
    """Return whether an ``Accept-Encoding`` lists gzip or ``*`` with a weight above 0.

    Without the header the client is unknown, so plain text is safer.
    """
    accepted: dict[str, bool] = {}
    for part in header.split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        has_weight = all(_WEIGHT.fullmatch(parameter) for parameter in parameters)
        accepted[coding.lower().removeprefix("x-")] = has_weight
    return accepted.get("gzip", accepted.get("*", False))
