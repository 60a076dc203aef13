"""Limit/offset pagination as Django REST Framework does it (``LimitOffsetPagination``)."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from chalicelib.api.request import Request
from chalicelib.catalog.queries import Page

DEFAULT_LIMIT = 20


def get_limit(request: Request) -> int:
    """Return ``limit``; ``DEFAULT_LIMIT`` if it is missing or not a whole number above 0."""
    return _parse_integer(request.parameter("limit"), minimum=1, default=DEFAULT_LIMIT)


def get_offset(request: Request) -> int:
    """Return ``offset``; 0 if it is missing or not a whole number of 0 or more."""
    return _parse_integer(request.parameter("offset"), minimum=0, default=0)


def _parse_integer(text: str | None, minimum: int, default: int) -> int:
    # Python's int() decides, as in the original: "+3", " 3", "1_0" and Arabic digits count.
    try:
        number = int(text or "")
    except ValueError:
        return default
    return number if number >= minimum else default


def build_envelope(
    request: Request, page: Page, limit: int, offset: int, results: list[str]
) -> str:
    """Return the JSON of a page; ``results`` are its resolved bodies.

    If the page was truncated to fit the response limit, ``next`` starts right behind its last
    result.
    """
    next_offset = offset + (page.consumed if page.truncated else limit)
    has_next = page.truncated or next_offset < page.count
    previous_link = (
        json.dumps(_build_link(request, limit, offset - limit)) if offset > 0 else "null"
    )
    next_link = json.dumps(_build_link(request, limit, next_offset)) if has_next else "null"
    return (
        f'{{"count":{page.count},"next":{next_link},"previous":{previous_link},'
        f'"results":[{",".join(results)}]}}'
    )


def _build_link(request: Request, limit: int, offset: int) -> str:
    """Return the request's URL with another offset; parameters sorted by name, as in DRF."""
    scheme, host, path, query, fragment = urlsplit(request.url)
    parameters = parse_qs(query, keep_blank_values=True)
    parameters["limit"] = [str(limit)]
    parameters["offset"] = [str(offset)]
    if offset <= 0:
        del parameters["offset"]
    query = urlencode(sorted(parameters.items()), doseq=True)
    return urlunsplit((scheme, host, path, query, fragment))
