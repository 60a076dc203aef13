"""From a request to an answer: routing, negotiation, method, view, validators, errors.

The order is Django's and REST Framework's: a malformed host first, then the slash redirect,
then the route, then negotiation, and only then the method.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib.api import options, routes, views
from chalicelib.api.exceptions import APIError, BadRequest, MethodNotAllowed, NotFound, Unavailable
from chalicelib.api.negotiation import select_renderer
from chalicelib.api.renderers import JSON, Context, Renderer
from chalicelib.api.request import Request
from chalicelib.api.response_size import ResponseLimiter
from chalicelib.catalog.json_body import to_json
from chalicelib.settings import Settings
from chalicelib.storage.errors import STORAGE_ERRORS

ALLOW = "GET, HEAD, OPTIONS"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Response:
    """An HTTP answer; the body is text, of which ``packed`` is what is sent, if it is gzipped."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    packed: bytes | None = None


def dispatch(make_request: Callable[[], Request], settings: Settings) -> Response:
    """Answer a request whatever it is; nothing that a client sends makes this raise."""
    method = "GET"
    try:
        request = make_request()
        method = request.method
        result = _routed(request, settings)
    except APIError as error:
        result = _plain_error(error)
    except Exception:  # noqa: BLE001 - the last resort; it is logged with its trace
        _log.exception("unexpected error")
        result = _plain_error(APIError())
    result.headers["X-Content-Type-Options"] = "nosniff"
    if method == "HEAD" and result.status != 304:
        # What GET would have sent is stated, not sent (RFC 9110, 9.3.2).
        sent = result.body.encode() if result.packed is None else result.packed
        result.headers["Content-Length"] = str(len(sent))
        result.body, result.packed = "", None
    return result


def _routed(request: Request, settings: Settings) -> Response:
    # A base URL from the settings does not make a malformed Host acceptable.
    _ = request.host
    if routes.needs_slash(request.path):
        query = f"?{request.quoted_query}" if request.query else ""
        location = f"{request.quoted_path}/{query}"
        headers = {"Content-Type": "text/html; charset=utf-8", "Location": location}
        return Response(301, headers=headers)
    match = routes.match(request.path)
    if match is None:
        return _plain_error(NotFound())
    result = _negotiated(request, match, settings)
    result.headers = {"Allow": ALLOW, "Vary": "Accept"} | result.headers
    return result


def _negotiated(request: Request, match: routes.Match, settings: Settings) -> Response:
    context = Context(request, match, settings)
    try:
        renderer, media = select_renderer(request, match.format)
    except BadRequest:
        raise
    except APIError as error:
        return _rendered(error.status, _detail(error), JSON, context)
    context = replace(context, params=media.params)
    try:
        result = _found(renderer, context)
    except APIError as error:
        result = _rendered(error.status, _detail(error), renderer, context)
        if isinstance(error, Unavailable):
            result.headers["Retry-After"] = "1"
        return result
    return _validated(request, result, settings) if request.method in {"GET", "HEAD"} else result


def _found(renderer: Renderer, context: Context) -> Response:
    """The answer if there is no error; raises an APIError."""
    request, match = context.request, context.match
    if request.method == "OPTIONS":
        return _rendered(200, options.metadata(match.view), renderer, context)
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowed(request.method)
    room = ResponseLimiter(renderer, context)
    try:
        body = room.body(views.answer(request, match, context.settings, room))
    except STORAGE_ERRORS as error:
        _log.error("the storage did not answer: %s", error)
        raise Unavailable from error
    headers = renderer.headers(context)
    if room.is_tight:
        headers["Vary"] = "Accept, Accept-Encoding"
    if body.packed is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(200, body.text, headers, body.packed)


def _rendered(status: int, content: str, renderer: Renderer, context: Context) -> Response:
    return Response(status, renderer.render(status, content, context), renderer.headers(context))


def _validated(request: Request, result: Response, settings: Settings) -> Response:
    """Add validators, and answer 304 where the client has these very bytes already.

    ``If-None-Match: *`` is for those who write, so nothing is made of it.
    """
    digest = hashlib.blake2b(result.body.encode(), digest_size=16).hexdigest()
    etag = f'"{digest}"' if result.packed is None else f'"{digest}-gzip"'
    result.headers["ETag"] = etag
    result.headers["Cache-Control"] = f"public, max-age={settings.cache_seconds}"
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in (tag.removeprefix("W/") for tag in known):
        for name in ("Content-Type", "Content-Encoding"):
            result.headers.pop(name, None)
        return Response(304, headers=result.headers)
    return result


def _plain_error(error: APIError) -> Response:
    """An error outside of any view, or before negotiation: always compact JSON."""
    return Response(error.status, _detail(error), {"Content-Type": JSON.media_type})


def _detail(error: APIError) -> str:
    return to_json({"detail": error.detail})
