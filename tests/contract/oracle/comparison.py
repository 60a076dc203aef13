"""What of two answers has to be equal, and what cannot be."""

import re
from ipaddress import IPv6Address
from urllib.parse import parse_qsl

from django.utils.html import urlize
from rest_framework.utils.mediatypes import order_by_precedence

from tests.contract.oracle.doors import Asked
from tests.support.api_client import Reply
from tests.support.page import response_info

#: Whether our app has the page for people yet, and the search.
HAS_PAGE = True
HAS_SEARCH = True
_MAX_PARAMETERS = 1000
_NO_ROUTE = b'{"detail":"Not found."}'


def out_of_scope(asked: Asked, theirs: Reply) -> str | None:
    """Why a request is not compared, or ``None``."""
    accept = asked.header("Accept") or ""
    if not HAS_PAGE and (_is_page(theirs) or "format=api" in asked.query or ".api" in asked.path):
        return "the page is not there yet"
    if _is_up_to_chance(accept):
        return "whether the indentation of one of several media ranges counts is chance there"
    if _has_a_wrong_address(asked):
        return "a host that there breaks all links, and that we refuse"
    if _is_search(asked):
        if not HAS_SEARCH and theirs.status == 200 and asked.method in {"GET", "HEAD"}:
            return "search is not there yet"
        if any(name == "q" and value.strip() for name, value in parse_qsl(asked.query)):
            return "what search finds is tested elsewhere"
    return None


def differences(asked: Asked, theirs: Reply, ours: Reply) -> list[str]:
    """How our answer differs from theirs in what is the contract; empty if it does not."""
    if theirs.status >= 500:
        return [] if ours.status < 500 else [f"status {ours.status}: no sane answer"]
    if theirs.status != ours.status:
        return [f"status: {theirs.status} theirs, {ours.status} ours"]
    if theirs.status == 400:
        return []
    if theirs.status == 404 and "allow" not in theirs.headers:
        found = ["allow: no route there, but here"] if "allow" in ours.headers else []
        return found + _of_bodies(b"" if asked.method == "HEAD" else _NO_ROUTE, ours.body)
    found = [
        f"{name}: {theirs.headers.get(name)!r} theirs, {ours.headers.get(name)!r} ours"
        for name in ("content-type", "allow", "vary", "location")
        if theirs.headers.get(name) != ours.headers.get(name)
    ]
    return found + _of_contents(asked, theirs, ours)


def without_the_raw_query(asked: Asked, theirs: Reply, ours: Reply) -> list[str]:
    """The same where the gateway does not tell the query as it was sent, only its parameters.

    What follows from that alone is no difference: how the query of a redirect is spelt and in
    which order its keys stand, and that separators with nothing between them are not counted.
    """
    if theirs.status == 400 and asked.query.count("&") >= _MAX_PARAMETERS >= _parameters(asked):
        return []
    if theirs.status == ours.status == 301:
        path, _, query = theirs.headers["location"].partition("?")
        path_of_ours, _, query_of_ours = ours.headers["location"].partition("?")
        same = path == path_of_ours and _decoded(query) == _decoded(query_of_ours)
        return [] if same else [f"location: {theirs.headers['location']!r} theirs, {ours.headers}"]
    return differences(asked, theirs, ours)


def _of_contents(asked: Asked, theirs: Reply, ours: Reply) -> list[str]:
    if asked.method == "HEAD":
        found = ["a body after HEAD"] if ours.body else []
        lengths = str(len(theirs.body)), ours.headers.get("content-length")
        if not _is_page(theirs) and lengths[0] != lengths[1]:
            found.append(f"content-length: {lengths[0]} theirs, {lengths[1]} ours")
        return found
    if theirs.status != 301 and _is_page(theirs):
        shown = response_info(ours.body.decode())
        return _of_texts(response_info(theirs.body.decode()), shown and as_urlized(shown))
    return _of_bodies(theirs.body, ours.body)


def as_urlized(block: str) -> str | None:
    """The block of a page with what Django loses of it when it makes links.

    Ours keeps the text as it is (docs/decisions/0008).
    """
    return response_info(f"<pre>{urlize(block, autoescape=True)}</pre>")


def _of_bodies(theirs: bytes, ours: bytes) -> list[str]:
    return _of_texts(theirs.decode(), ours.decode())


def _of_texts(theirs: str | None, ours: str | None) -> list[str]:
    if theirs == ours:
        return []
    if theirs is None or ours is None:
        return [f"body: {theirs!r:.200} theirs, {ours!r:.200} ours"]
    pairs = enumerate(zip(theirs, ours, strict=False))
    place = next((at for at, (a, b) in pairs if a != b), min(len(theirs), len(ours)))
    start = max(0, place - 60)
    return [
        f"body at {place}:",
        f"  theirs {theirs[start:][:160]!r}",
        f"  ours   {ours[start:][:160]!r}",
    ]


def _is_page(reply: Reply) -> bool:
    """Whether this is the page for people (which Django's own pages for errors are not)."""
    is_html = reply.headers.get("content-type", "").startswith("text/html")
    return is_html and "allow" in reply.headers


def _is_up_to_chance(accept: str) -> bool:
    """Whether one of several equally specific ranges says how to indent.

    REST Framework keeps those in a set, so in an order that differs from process to process.
    """
    by_precedence = order_by_precedence([part.strip() for part in accept.split(",")])
    return any(len(ranges) > 1 and "indent" in str(ranges).lower() for ranges in by_precedence)


def _has_a_wrong_address(asked: Asked) -> bool:
    """Whether the host is an address in brackets of the right characters, but not a right one."""
    found = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](:[0-9]+)?", asked.header("Host") or "")
    try:
        return found is not None and not IPv6Address(found[1])
    except ValueError:
        return True


def _is_search(asked: Asked) -> bool:
    return "search" in asked.path


def _parameters(asked: Asked) -> int:
    return len(parse_qsl(asked.query, keep_blank_values=True))


def _decoded(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found
