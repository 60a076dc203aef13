"""The views: each returns the JSON of a GET response, or raises an APIError.

To add one, write a function with the signature of ``View`` and put it in ``VIEWS`` under the
name of its route.
"""

import json
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from urllib.parse import urlencode

from chalicelib.api import pagination
from chalicelib.api.exceptions import NotFound
from chalicelib.api.render_context import RenderContext
from chalicelib.api.request import ROOT
from chalicelib.api.response_size import ResponseLimiter
from chalicelib.catalog import queries
from chalicelib.catalog.json_body import LINK_START, resolve_links, to_json

View = Callable[[RenderContext, ResponseLimiter], str]
_MODEL_NAMES = {"packages": "Package", "grids": "Grid", "categories": "Category"}


def render_view(context: RenderContext, limiter: ResponseLimiter) -> str:
    """Call the view of the matched route."""
    return VIEWS[context.match.view](context, limiter)


def get_root(context: RenderContext, limiter: ResponseLimiter) -> str:
    """Return links to the collections and the search."""
    base, ending = _get_link_affixes(context)
    names = ("packages", "search", "grids", "categories")
    return to_json({name: base + name + ending for name in names})


def list_items(context: RenderContext, limiter: ResponseLimiter) -> str:
    """Return a page of a collection, shortened if all of it exceeds the response limit."""
    request = context.request
    limit, offset = pagination.get_limit(request), pagination.get_offset(request)
    base, ending = _get_link_affixes(context)
    page = queries.get_page(_get_collection(context), offset, limit, limiter.max_source_bytes)
    results = [resolve_links(body, base, ending) for body in page.bodies]
    content = pagination.build_envelope(request, page, limit, offset, results)
    while (ratio := limiter.render(content).ratio) > 1 and len(results) > 1:
        results = _shorten(results, ratio)
        # Positions without a body are not counted: those items are gone when ``next`` is read.
        page = replace(page, consumed=len(results), truncated=True)
        content = pagination.build_envelope(request, page, limit, offset, results)
    return content


def _shorten(results: list[str], ratio: float) -> list[str]:
    """Return the first results that probably fit: at least one, and fewer than before."""
    sizes = list(accumulate(len(json.dumps(result)) for result in results))
    # 1 % less, because results do not all grow alike when they are rendered.
    fitting = bisect_right(sizes, 0.99 * sizes[-1] / ratio)
    return results[: max(1, min(fitting, len(results) - 1))]


def retrieve_item(context: RenderContext, limiter: ResponseLimiter) -> str:
    """Return the item that the path names by id or slug; categories are named by id only."""
    collection, ident = _get_collection(context), context.match.ident
    body: str | None
    if collection == "categories" or ident.isdigit():
        try:
            identifier = int(ident)
        except ValueError:
            raise NotFound from None
        body = queries.get_body_by_id(collection, identifier)
    else:
        body = queries.get_body_by_slug(collection, ident)
    if body is None:
        raise NotFound(f"No {_MODEL_NAMES[collection]} matches the given query.")
    if LINK_START not in body:
        # Without links the query is not parsed, as in the original: even a too long one is fine.
        return body
    return resolve_links(body, *_get_link_affixes(context))


def search(context: RenderContext, limiter: ResponseLimiter) -> str:
    """Return the best packages and grids for ``?q=``, best first."""
    text = (context.request.parameter("q") or "").strip()
    if not text:
        # This needs no index, so it works before there is one.
        return "[]"
    # Imported here, because most requests are no searches and start sooner without.
    from chalicelib.search import searcher
    from chalicelib.search.cache import INDEX_CACHE

    with INDEX_CACHE.acquire(context.settings.search_seconds) as index:
        return f"[{','.join(searcher.search(index, text))}]"


VIEWS: dict[str, View] = {
    "api-root": get_root,
    "packages-list": list_items,
    "packages-detail": retrieve_item,
    "search": search,
    "grids-list": list_items,
    "grids-detail": retrieve_item,
    "categories-list": list_items,
    "categories-detail": retrieve_item,
}


def _get_collection(context: RenderContext) -> str:
    """Return the collection of a view such as ``grids-list``."""
    return context.match.view.partition("-")[0]


def _get_link_affixes(context: RenderContext) -> tuple[str, str]:
    """Return what links begin and end with; like the original's, they keep the request's format."""
    request, suffix = context.request, context.match.format
    ending = f".{suffix}" if suffix else "/"
    parameter = request.parameter("format")
    if parameter is not None:
        ending += f"?{urlencode({'format': parameter})}"
    return f"{request.base}{ROOT}/", ending
