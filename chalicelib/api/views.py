"""The views: a request and what its path says -> the JSON of the answer."""

import json
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from urllib.parse import urlencode

from chalicelib.api import pagination
from chalicelib.api.exceptions import NotFound
from chalicelib.api.request import ROOT, Request
from chalicelib.api.response_size import ResponseLimiter
from chalicelib.api.routes import Match
from chalicelib.catalog import queries
from chalicelib.catalog.json_body import LINK_START, resolve_links, to_json
from chalicelib.settings import Settings

_NOUNS = {"packages": "Package", "grids": "Grid", "categories": "Category"}


def answer(request: Request, match: Match, settings: Settings, room: ResponseLimiter) -> str:
    """The JSON of a GET; raises an APIError. A list is cut to what there is room for."""
    if match.view == "api-root":
        return _root(request, match)
    if match.view == "search":
        return _search(request, settings)
    collection, kind = match.view.split("-")
    if kind == "list":
        return _list(request, match, collection, room)
    return _detail(request, match, collection)


def _root(request: Request, match: Match) -> str:
    collections = ("packages", "search", "grids", "categories")
    link = _linker(request, match)
    return to_json({name: link(name) for name in collections})


def _list(request: Request, match: Match, collection: str, room: ResponseLimiter) -> str:
    """A page of the list, shorter than asked for where there is no room for all of it."""
    limit, offset = pagination.limit_of(request), pagination.offset_of(request)
    base, ending = _base(request), _ending(request, match)
    page = queries.get_page(collection, offset, limit, room.worth_reading)
    results = [resolve_links(body, base, ending) for body in page.bodies]
    content = pagination.envelope(request, page, limit, offset, results)
    while (excess := room.body(content).excess) > 1 and len(results) > 1:
        results = _beginning(results, excess)
        # If some had gone between: they will not count when ``next`` is followed.
        page = replace(page, consumed=len(results), truncated=True)
        content = pagination.envelope(request, page, limit, offset, results)
    return content


def _beginning(results: list[str], excess: float) -> list[str]:
    """So many results as may fit, but at least one, and fewer than before."""
    sizes = list(accumulate(len(json.dumps(result)) for result in results))
    # A little less: rendered, not all grow alike.
    fitting = bisect_right(sizes, 0.99 * sizes[-1] / excess)
    return results[: max(1, min(fitting, len(results) - 1))]


def _detail(request: Request, match: Match, collection: str) -> str:
    noun = _NOUNS[collection]
    body: str | None
    if collection == "categories" or match.ident.isdigit():
        try:
            identifier = int(match.ident)
        except ValueError:
            raise NotFound from None
        body = queries.get_body_by_id(collection, identifier)
    else:
        body = queries.get_body_by_slug(collection, match.ident)
    if body is None:
        raise NotFound(f"No {noun} matches the given query.")
    if LINK_START not in body:
        # Then the query is not looked at, here as there: not even at how long it is.
        return body
    return resolve_links(body, _base(request), _ending(request, match))


def _search(request: Request, settings: Settings) -> str:
    text = (request.parameter("q") or "").strip()
    if not text:
        # Needs no index, so it has an answer before there is one.
        return "[]"
    # Late: most answers need no search, and start sooner without.
    from chalicelib.search.cache import INDEX_CACHE
    from chalicelib.search.searcher import search

    with INDEX_CACHE.acquire(settings.search_seconds) as index:
        return f"[{','.join(search(index, text))}]"


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
