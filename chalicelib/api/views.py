"""The views: a request and what its path says -> the JSON of the answer."""

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from chalicelib.api import pagination
from chalicelib.api.errors import NotFound, NotImplementedYet
from chalicelib.api.request import ROOT, Request
from chalicelib.api.urls import Match
from chalicelib.catalog import reading
from chalicelib.catalog.rendering import resolve, to_json
from chalicelib.settings import Settings

_NOUNS = {"packages": "Package", "grids": "Grid", "categories": "Category"}


def answer(request: Request, match: Match, settings: Settings, render: Callable[[str], str]) -> str:
    """The JSON of a GET; raises an APIError. ``render`` is what will be done to it."""
    if match.view == "api-root":
        return _root(request, match)
    if match.view == "search":
        raise NotImplementedYet("Search is not part of this version yet.")
    collection, kind = match.view.split("-")
    if kind == "list":
        return _list(request, match, collection, settings.max_response_bytes, render)
    return _detail(request, match, collection)


def _root(request: Request, match: Match) -> str:
    collections = ("packages", "search", "grids", "categories")
    link = _linker(request, match)
    return to_json({name: link(name) for name in collections})


def _list(
    request: Request, match: Match, collection: str, most: int, render: Callable[[str], str]
) -> str:
    """A page of at most ``most`` bytes, if it has more than one result.

    It is cut by the size of what is stored. Where indentation or a long host make it larger
    than that, it is read again, shorter.
    """
    limit, offset = pagination.limit_of(request), pagination.offset_of(request)
    base, ending = _base(request), _ending(request, match)
    positions = limit
    while True:
        page = reading.page(collection, offset, positions, most)
        page = replace(page, cut=page.cut or positions < limit)
        results = [resolve(body, base, ending) for body in page.bodies]
        content = pagination.envelope(request, page, limit, offset, results)
        # As AWS Lambda returns it; an eighth is the room that was left for the envelope.
        size = len(json.dumps(render(content)))
        if size <= most * 9 // 8 or page.read <= 1:
            return content
        # Half of what would be in proportion, so that it seldom has to be read a third time.
        positions = max(1, page.read * most // (2 * size))


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
