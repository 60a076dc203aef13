"""From a request to an answer: routing, negotiation, method, view, validators, errors.

The order is Django's and REST Framework's: a malformed host first, then the slash redirect,
then the route, then negotiation, and only then the method.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.api import metadata, urls, views
from chalicelib.api.errors import (
    APIError,
    BadRequest,
    MethodNotAllowed,
    NotFound,
    Unavailable,
)
from chalicelib.api.negotiation import MediaType, select_renderer
from chalicelib.api.renderers import JSON, Renderer
from chalicelib.api.request import Request
from chalicelib.catalog.rendering import to_json
from chalicelib.settings import Settings
from chalicelib.storage.errors import STORAGE_ERRORS

ALLOW = "GET, HEAD, OPTIONS"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Answer:
    """An HTTP answer; the body is text."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def answer(make_request: Callable[[], Request], settings: Settings) -> Answer:
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
    if method == "HEAD" and result.status != 304:
        # What GET would have sent is stated, not sent (RFC 9110, 9.3.2).
        result.headers["Content-Length"] = str(len(result.body.encode()))
        result.body = ""
    return result


def _routed(request: Request, settings: Settings) -> Answer:
    # A base URL from the settings does not make a malformed Host acceptable.
    _ = request.host
    if urls.needs_slash(request.path):
        query = f"?{request.quoted_query}" if request.query else ""
        location = f"{request.quoted_path}/{query}"
        headers = {"Content-Type": "text/html; charset=utf-8", "Location": location}
        return Answer(301, headers=headers)
    match = urls.match(request.path)
    if match is None:
        return _plain_error(NotFound())
    result = _negotiated(request, match, settings)
    result.headers |= {"Allow": ALLOW, "Vary": "Accept"}
    return result


def _negotiated(request: Request, match: urls.Match, settings: Settings) -> Answer:
    try:
        renderer, media = select_renderer(request, match.format)
    except BadRequest:
        raise
    except APIError as error:
        return _rendered(error.status, _detail(error), JSON, MediaType(JSON.media_type))
    try:
        content = _content(
            request, match, settings, lambda text: renderer.render(text, media.params)
        )
    except APIError as error:
        result = _rendered(error.status, _detail(error), renderer, media)
        if isinstance(error, Unavailable):
            result.headers["Retry-After"] = "1"
        return result
    result = _rendered(200, content, renderer, media)
    return _validated(request, result, settings) if request.method in {"GET", "HEAD"} else result


def _content(
    request: Request, match: urls.Match, settings: Settings, render: Callable[[str], str]
) -> str:
    if request.method == "OPTIONS":
        return metadata.metadata(match.view)
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowed(request.method)
    try:
        return views.answer(request, match, settings, render)
    except STORAGE_ERRORS as error:
        _log.error("the storage did not answer: %s", error)
        raise Unavailable from error


def _rendered(status: int, content: str, renderer: Renderer, media: MediaType) -> Answer:
    body = renderer.render(content, media.params)
    return Answer(status, body, {"Content-Type": renderer.content_type})


def _validated(request: Request, result: Answer, settings: Settings) -> Answer:
    """Add validators, and answer 304 where the client has these very bytes already."""
    digest = hashlib.blake2b(result.body.encode(), digest_size=16).hexdigest()
    etag = f'"{digest}"'
    result.headers["ETag"] = etag
    result.headers["Cache-Control"] = f"public, max-age={settings.cache_seconds}"
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if "*" in known or etag in (tag.removeprefix("W/") for tag in known):
        del result.headers["Content-Type"]
        return Answer(304, headers=result.headers)
    return result


def _plain_error(error: APIError) -> Answer:
    """An error outside of any view, or before negotiation: always compact JSON."""
    return Answer(error.status, _detail(error), {"Content-Type": JSON.content_type})


def _detail(error: APIError) -> str:
    return to_json({"detail": error.detail})
