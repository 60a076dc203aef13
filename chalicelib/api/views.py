"""The views: a request and what its path says -> the JSON of the answer."""

from collections.abc import Callable
from urllib.parse import urlencode

from chalicelib.api import pagination
from chalicelib.api.errors import NotFound, NotImplementedYet
from chalicelib.api.request import ROOT, Request
from chalicelib.api.urls import Match
from chalicelib.catalog import reading
from chalicelib.catalog.rendering import resolve, to_json
from chalicelib.settings import Settings

_NOUNS = {"packages": "Package", "grids": "Grid", "categories": "Category"}


def answer(request: Request, match: Match, settings: Settings) -> str:
    """The JSON of a GET; raises an APIError."""
    if match.view == "api-root":
        return _root(request, match)
    if match.view == "search":
        raise NotImplementedYet("Search is not part of this version yet.")
    collection, kind = match.view.split("-")
    if kind == "list":
        return _list(request, match, collection, settings)
    return _detail(request, match, collection)


def _root(request: Request, match: Match) -> str:
    collections = ("packages", "search", "grids", "categories")
    link = _linker(request, match)
    return to_json({name: link(name) for name in collections})


def _list(request: Request, match: Match, collection: str, settings: Settings) -> str:
    limit, offset = pagination.limit_of(request), pagination.offset_of(request)
    page = reading.page(collection, offset, limit, settings.max_response_bytes)
    base, ending = _base(request), _ending(request, match)
    results = [resolve(body, base, ending) for body in page.bodies]
    return pagination.envelope(request, page, limit, offset, results)


def _detail(request: Request, match: Match, collection: str) -> str:
    noun = _NOUNS[collection]
    body: str | None
    if collection == "categories" or match.ident.isdigit():
        try:
            identifier = int(match.ident)
        except ValueError:
            raise NotFound from None
        body = reading.by_id(collection, identifier)
    else:
        body = reading.by_slug(collection, match.ident)
    if body is None:
        raise NotFound(f"No {noun} matches the given query.")
    return resolve(body, _base(request), _ending(request, match))


def _base(request: Request) -> str:
    return f"{request.base}{ROOT}/"


def _ending(request: Request, match: Match) -> str:
    """What links end in, so that they keep the format that was asked for, as the original's do."""
    ending = f".{match.format}" if match.format else "/"
    wanted = request.parameter("format")
    return ending if wanted is None else f"{ending}?{urlencode({'format': wanted})}"


def _linker(request: Request, match: Match) -> Callable[[str], str]:
    base, ending = _base(request), _ending(request, match)
    return lambda path: base + path + ending
