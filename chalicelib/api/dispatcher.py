"""From a request to a response: routing, negotiation, method, view, validators, errors.

The order is Django's and REST Framework's: first a malformed host, then the slash redirect, then
the route, then negotiation, and only then the method.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib.api import options, routes, views
from chalicelib.api.exceptions import APIError, BadRequest, MethodNotAllowed, NotFound, Unavailable
from chalicelib.api.negotiation import select_renderer
from chalicelib.api.render_context import RenderContext
from chalicelib.api.renderers import JSON, Renderer
from chalicelib.api.request import Request
from chalicelib.api.response_size import ResponseLimiter
from chalicelib.catalog.json_body import to_json
from chalicelib.settings import Settings
from chalicelib.storage.errors import STORAGE_ERRORS

ALLOW = "GET, HEAD, OPTIONS"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Response:
    """An HTTP response; ``gzipped`` is sent in place of the text ``body`` if it is there."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    gzipped: bytes | None = None


def dispatch(make_request: Callable[[], Request], settings: Settings) -> Response:
    """Return the response to any request; nothing that a client sends makes this raise."""
    method = "GET"
    try:
        request = make_request()
        method = request.method
        response = _route(request, settings)
    except APIError as error:
        response = _build_error(error)
    except Exception:  # noqa: BLE001 - the last resort; it is logged with its trace
        _log.exception("unexpected error")
        response = _build_error(APIError())
    response.headers["X-Content-Type-Options"] = "nosniff"
    if method == "HEAD" and response.status != 304:
        # State the length of GET's body without sending it (RFC 9110, 9.3.2).
        body = response.body.encode() if response.gzipped is None else response.gzipped
        response.headers["Content-Length"] = str(len(body))
        response.body, response.gzipped = "", None
    return response


def _route(request: Request, settings: Settings) -> Response:
    # A malformed Host is refused even if links start with a base URL from the settings.
    _ = request.host
    if routes.needs_slash(request.path):
        query = f"?{request.quoted_query}" if request.query else ""
        location = f"{request.quoted_path}/{query}"
        headers = {"Content-Type": "text/html; charset=utf-8", "Location": location}
        return Response(301, headers=headers)
    match = routes.match_path(request.path)
    if match is None:
        return _build_error(NotFound())
    response = _negotiate(RenderContext(request, match, settings))
    response.headers = {"Allow": ALLOW, "Vary": "Accept"} | response.headers
    return response


def _negotiate(context: RenderContext) -> Response:
    try:
        renderer, media_type = select_renderer(context.request, context.match.format)
    except BadRequest:
        raise
    except APIError as error:
        return _render(error.status, _build_detail(error), JSON, context)
    context = replace(context, params=media_type.params)
    try:
        response = _handle_method(renderer, context)
    except APIError as error:
        response = _render(error.status, _build_detail(error), renderer, context)
        if isinstance(error, Unavailable):
            response.headers["Retry-After"] = "1"
        return response
    if context.request.method in {"GET", "HEAD"}:
        return _add_validators(context, response)
    return response


def _handle_method(renderer: Renderer, context: RenderContext) -> Response:
    """Return the response to OPTIONS, GET or HEAD; raise an APIError otherwise."""
    method = context.request.method
    if method == "OPTIONS":
        return _render(200, options.build_metadata(context.match.view), renderer, context)
    if method not in {"GET", "HEAD"}:
        raise MethodNotAllowed(method)
    limiter = ResponseLimiter(renderer, context)
    try:
        body = limiter.render(views.render_view(context, limiter))
    except STORAGE_ERRORS as error:
        _log.error("the storage did not respond: %s", error)
        raise Unavailable from error
    headers = renderer.get_headers(context)
    if limiter.exceeded:
        headers["Vary"] = "Accept, Accept-Encoding"
    if body.gzipped is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(200, body.text, headers, body.gzipped)


def _render(status: int, content: str, renderer: Renderer, context: RenderContext) -> Response:
    body = renderer.render(status, content, context)
    return Response(status, body, renderer.get_headers(context))


def _add_validators(context: RenderContext, response: Response) -> Response:
    """Add ETag and Cache-Control; return 304 if the client has these very bytes already.

    ``If-None-Match: *`` is meant for writes, so it is ignored.
    """
    digest = hashlib.blake2b(response.body.encode(), digest_size=16).hexdigest()
    etag = f'"{digest}"' if response.gzipped is None else f'"{digest}-gzip"'
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = f"public, max-age={context.settings.cache_seconds}"
    if_none_match = context.request.headers.get("if-none-match", "")
    client_etags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    if etag in client_etags:
        for name in ("Content-Type", "Content-Encoding"):
            response.headers.pop(name, None)
        return Response(304, headers=response.headers)
    return response


def _build_error(error: APIError) -> Response:
    """Return an error outside of any view, or before negotiation: always compact JSON."""
    return Response(error.status, _build_detail(error), {"Content-Type": JSON.media_type})


def _build_detail(error: APIError) -> str:
    return to_json({"detail": error.detail})
