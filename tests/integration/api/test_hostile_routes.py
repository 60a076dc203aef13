"""Hostile input on every route, as JSON and as a page, over HTTP and as API Gateway's events."""

import json
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

import app
from tests.support.api_client import Reply, ask, settings
from tests.support.html_document import Document

HOST = "djangopackages.org"
ROUTES = [
    "/",
    "/api/v4/",
    "/api/v4/packages/",
    "/api/v4/packages/{}/",
    "/api/v4/grids/",
    "/api/v4/grids/{}/",
    "/api/v4/categories/",
    "/api/v4/categories/{}/",
    "/api/v4/search/",
    "/api/v4/{}",
    "/{}",
]
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' or '1'='1' -- ",
    '"; DROP TABLE packages; --',
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\0",
    "a\0b",
    "\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "%0d%0aLocation:%20https://evil.example/",
    "%250d%250a",
    "//evil.example/",
    "/\\evil.example/",
    "https://evil.example/",
    "../../../../etc/passwd",
    "..%2f..%2f",
    "{{7*7}}${7*7}#{7*7}",
    "{% include 'x' %}",
    "\ud800",
    "\uffff\ufeff\u202e\u2028",
    "caf\u00e9".encode("latin-1").decode("latin-1"),
    "\U0001f525" * 50,
    "x" * 5000,
    "9" * 400,
    "-1",
    "1e999",
    "NaN",
    "[]={}&a[b]=c",
    "&" * 500,
    "=" * 500,
    ";" * 500,
    "%",
    "%zz",
    "%c0%ae%c0%ae/",
    "%ff%fe",
    "+ADw-script+AD4-",
]
NAMES = ["q", "limit", "offset", "format", "indent", "callback", "_method", "", "<x>", "\0", "q[]"]
ACCEPTS = ["text/html", "*/*", "application/json; indent=4", "text/html;q=.1,<script>", "a" * 3000]
nasty = st.one_of(st.sampled_from(NASTY), st.text(max_size=20))
targets = st.tuples(
    st.sampled_from(ROUTES),
    nasty,
    st.lists(st.tuples(st.sampled_from(NAMES) | nasty, nasty), max_size=4),
)
OTHER_HEADERS = [
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "X-Original-URL",
    "X-HTTP-Method-Override",
    "Referer",
    "Origin",
    "If-None-Match",
    "Cookie",
    "Authorization",
    "Range",
    "User-Agent",
]
header_values = st.fixed_dictionaries(
    {"Accept": st.sampled_from(ACCEPTS) | nasty}, optional=dict.fromkeys(OTHER_HEADERS, nasty)
)
methods = st.sampled_from(["GET"] * 8 + ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
few = of_hypothesis(max_examples=150)


def _check(method: str, reply: Reply) -> None:
    """No fault of ours, nothing of the request in a header or unescaped, no link elsewhere."""
    assert reply.status < 500
    for name, value in reply.headers.items():
        assert value.isprintable(), name
        assert "set-cookie" not in name
    location = reply.headers.get("location")
    if location is not None:
        assert location.startswith("/api/v4/")
    if method == "HEAD" or reply.status in {301, 304}:
        assert reply.body == b""
        return
    if reply.headers["content-type"] == "application/json":
        _check_links(reply.json)
        return
    found = Document(reply.body.decode())
    found.assert_safe(reply.headers["content-security-policy"])
    for element in found.all("form"):
        assert urlsplit(element.attributes["action"]).hostname == HOST
    for element in [*found.one("nav", aria_label="Breadcrumbs").all("a"), *found.all("button")]:
        if "href" in element.attributes:
            assert urlsplit(element.attributes["href"]).hostname == HOST


def _check_links(content: Any) -> None:
    """Every link of the API's own in an answer leads to the host that was asked."""
    if isinstance(content, dict):
        for name in ("next", "previous", "packages", "search", "grids", "categories", "category"):
            links = content.get(name)
            for link in links if isinstance(links, list) else [links]:
                if isinstance(link, str):
                    parts = urlsplit(link)
                    assert (parts.scheme in {"http", "https"}, parts.hostname) == (True, HOST)
                    assert parts.path.startswith("/api/v4/")
        for result in content.get("results", ()):
            _check_links(result)


def _quoted(text: str, safe: str = "%") -> str:
    return quote(text, safe=safe, errors="surrogatepass")


@few
@given(method=methods, target=targets, headers=header_values)
def test_over_http(
    searchable: int,
    method: str,
    target: tuple[str, str, list[tuple[str, str]]],
    headers: dict[str, str],
) -> None:
    route, ident, parameters = target
    path = route.format(_quoted(ident, "%/"))
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in parameters)
    # What a line of HTTP can carry; the rest is for the events below.
    sent = {
        name: value.encode(errors="surrogatepass").decode("latin-1").translate({10: "", 13: ""})
        for name, value in headers.items()
    }
    reply = ask(searchable, f"{path}?{query}" if query else path, method, sent)
    if reply.status not in {414, 431}:
        _check(method, reply)


@few
@given(method=methods, target=targets, headers=header_values)
@example("GET", ("/api/v4/packages/{}/", "\ud800", [("\ud800", "\ud800")]), {"Accept": "\ud800"})
def test_as_an_event(
    searchable: int,
    method: str,
    target: tuple[str, str, list[tuple[str, str]]],
    headers: dict[str, str],
) -> None:
    route, ident, parameters = target
    by_name: dict[str, list[str]] = {}
    for name, value in parameters:
        by_name.setdefault(name, []).append(value)
    resource = route.removesuffix("/").replace("{}", "{ident}") or "/"
    if resource in {"/{ident}", "/api/v4/{ident}"}:
        resource = "/{proxy+}"
    path = route.format(ident)
    sent = {"Host": HOST, "X-Forwarded-Proto": "https"} | headers
    event = {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in by_name.items()} or None,
        "multiValueQueryStringParameters": by_name or None,
        "pathParameters": {"proxy+" if "proxy" in resource else "ident": ident},
        "stageVariables": None,
        "requestContext": {"httpMethod": method, "resourcePath": resource, "path": path},
        "body": None,
        "isBase64Encoded": False,
    }
    answer = app.app(event, None)
    # API Gateway takes JSON, so what Lambda returns has to be that.
    body = json.loads(json.dumps(answer))["body"]
    found = {
        name.lower(): value
        for name, value in answer["headers"].items()
        | {name: values[-1] for name, values in answer["multiValueHeaders"].items()}.items()
    }
    _check(method, Reply(answer["statusCode"], found, body.encode()))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_each_of_the_worst_on_each_route(searchable: int, route: str, accept: str) -> None:
    with settings(allowed_hosts=(HOST,)):
        for text in NASTY:
            term = _quoted(text, "")
            query = f"?q={term}&limit={term}&{term}={term}"
            for path in (route.format(term), route.format(1) + query):
                _check("GET", ask(searchable, path, headers={"Accept": accept}))
            forged = ask(searchable, path, headers={"Accept": accept, "Host": "evil.example"})
            assert forged.status == 400
            assert b"evil.example" not in forged.body
