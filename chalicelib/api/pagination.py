"""Limit/offset pagination as Django REST Framework does it (``LimitOffsetPagination``)."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from chalicelib.api.request import Request
from chalicelib.catalog.queries import Page

DEFAULT_LIMIT = 20


def limit_of(request: Request) -> int:
    """The ``limit`` asked for; 20 if there is none, or it is not a whole number above 0."""
    return _whole(request.parameter("limit"), least=1, default=DEFAULT_LIMIT)


def offset_of(request: Request) -> int:
    """The ``offset`` asked for; 0 if there is none, or it is not a whole number of 0 or more."""
    return _whole(request.parameter("offset"), least=0, default=0)


def _whole(text: str | None, least: int, default: int) -> int:
    # Python's int() decides, as in the original: "+3", " 3", "1_0" and Arabic digits count.
    try:
        number = int(text or "")
    except ValueError:
        return default
    return number if number >= least else default


def envelope(request: Request, page: Page, limit: int, offset: int, results: list[str]) -> str:
    """The JSON of a page; ``results`` are its resolved bodies.

    Where the page was cut short because the answer grew too large, ``next`` goes on right
    behind its last result.
    """
    following = offset + (page.consumed if page.truncated else limit)
    more = page.truncated or following < page.count
    before = json.dumps(_link(request, limit, offset - limit)) if offset > 0 else "null"
    after = json.dumps(_link(request, limit, following)) if more else "null"
    listed = ",".join(results)
    return f'{{"count":{page.count},"next":{after},"previous":{before},"results":[{listed}]}}'


def _link(request: Request, limit: int, offset: int) -> str:
    """The request's URL with another offset; parameters sorted by name, as the original does."""
    scheme, host, path, query, fragment = urlsplit(request.url)
    parameters = parse_qs(query, keep_blank_values=True)
    parameters["limit"] = [str(limit)]
    parameters["offset"] = [str(offset)]
    if offset <= 0:
        del parameters["offset"]
    query = urlencode(sorted(parameters.items()), doseq=True)
    return urlunsplit((scheme, host, path, query, fragment))
