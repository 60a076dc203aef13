"""Formats, methods and OPTIONS, as Django REST Framework has them."""

import json

import pytest

from tests.support.api_client import ROOT, ask

VIEWS = {
    "": "Api Root",
    "packages/": "Package List",
    "packages/3708/": "Package Instance",
    "grids/": "Grid List",
    "grids/chat/": "Grid Instance",
    "categories/": "Category List",
    "categories/1/": "Category Instance",
    "search/": "Search V3 List",
}


@pytest.mark.parametrize(
    ("path", "ending"),
    [
        ("packages/3708.json", ".json"),
        ("packages/3708.json/", ".json"),
        ("packages/3708/?format=json", "/?format=json"),
        ("packages/3708/?format=xml&format=json", "/?format=json"),
        ("packages/3708.json?format=xml", ".json?format=xml"),
        ("packages/3708.json?format=%22%0A%01", ".json?format=%22%0A%01"),
    ],
)
def test_links_keep_the_format_asked_for(site: int, path: str, ending: str) -> None:
    plain = ask(site, "/api/v4/packages/3708/").json
    found = ask(site, "/api/v4/" + path).json
    assert found["category"] == plain["category"].removesuffix("/") + ending
    assert found["grids"] == [link.removesuffix("/") + ending for link in plain["grids"]]


def test_the_root_and_pages_keep_the_format_too(site: int) -> None:
    assert ask(site, "/api/v4/.json").json["grids"] == f"{ROOT}grids.json"
    assert ask(site, "/api/v4/?format=json").json["grids"] == f"{ROOT}grids/?format=json"
    page = ask(site, "/api/v4/grids.json?limit=1&offset=1").json
    assert page["next"] == f"{ROOT}grids.json?limit=1&offset=2"
    assert page["previous"] == f"{ROOT}grids.json?limit=1"
    page = ask(site, "/api/v4/grids/?limit=1&format=json").json
    assert page["next"] == f"{ROOT}grids/?format=json&limit=1&offset=1"


@pytest.mark.parametrize("path", ["packages.xml", "packages/3708.xml", "packages/3708.0/", ".yaml"])
def test_an_unknown_format_is_404(site: int, path: str) -> None:
    reply = ask(site, "/api/v4/" + path)
    assert (reply.status, reply.detail) == (404, "Not found.")
    assert reply.headers["vary"] == "Accept"


@pytest.mark.parametrize("wanted", ["xml", "JSON", "json%20", "j%73on.", "%FF", "../json"])
def test_an_unknown_format_parameter_is_404(site: int, wanted: str) -> None:
    assert ask(site, f"/api/v4/packages/?format={wanted}").detail == "Not found."


@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_what_no_renderer_makes_is_406_before_anything_else(
    site: int, path: str, method: str
) -> None:
    reply = ask(site, f"/api/v4/{path}", method, {"Accept": "image/png"})
    assert reply.status == 406
    assert reply.headers["vary"] == "Accept"
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"
    if method != "HEAD":
        assert reply.detail == "Could not satisfy the request Accept header."


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "*/*",
        "application/*",
        "text/csv, */*;q=0.1",
        "APPLICATION/JSON",
        "application/json;q=0",
        "application/json; charset=utf-8",
        "application/json;;=",
        "*/json",
        ",,application/json",
        "application/json; indent=x",
        "application/json; indent*=bad'en'x",
        # A continuation number that Python refuses to read: the original fails with 500 here.
        "application/json; x*" + "9" * 5000 + "=1",
    ],
)
def test_what_json_satisfies_is_answered_in_json(
    site: int, package_3708: bytes, accept: str
) -> None:
    reply = ask(site, "/api/v4/packages/3708/", headers={"Accept": accept})
    assert (reply.status, reply.body) == (200, package_3708)


@pytest.mark.parametrize(
    ("wanted", "indent"),
    [("4", 4), ("1", 1), ("8", 8), ("9", 8), ("99999", 8), (" 3", 3), ('"2"', 2), ("0_2", 2)],
)
def test_json_is_indented_as_asked_for(site: int, wanted: str, indent: int) -> None:
    accept = {"Accept": f"application/json; indent={wanted}"}
    for path in ("/api/v4/", "/api/v4/packages/?limit=3", "/api/v4/packages/999999/"):
        plain = ask(site, path).json
        body = ask(site, path, headers=accept).body.decode()
        assert body == json.dumps(plain, ensure_ascii=False, indent=indent)


@pytest.mark.parametrize("wanted", ["0", "-1", "x", "", "1.5", "9" * 5000])
def test_an_indentation_that_is_none_changes_nothing(
    site: int, package_3708: bytes, wanted: str
) -> None:
    accept = {"Accept": f"application/json; indent={wanted}"}
    assert ask(site, "/api/v4/packages/3708/", headers=accept).body == package_3708


@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "CONNECT", "X!#$"]
)
def test_what_would_change_something_is_405(site: int, path: str, method: str) -> None:
    reply = ask(site, f"/api/v4/{path}", method, {"Content-Type": "no/such; thing=\xe9"})
    assert (reply.status, reply.detail) == (405, f'Method "{method}" not allowed.')
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO", "get", "head", "X!#$", "<b>"])
@pytest.mark.parametrize(
    ("path", "accept", "host"),
    [
        ("/nothing/", "*/*", "a.example"),
        ("/api/v4/packages?a=b", "*/*", "a.example"),
        ("/api/v4/packages/", "text/html", "a.example"),
        ("/api/v4/packages/", "text/csv", "a.example"),
        ("/api/v4/packages/?format=xml", "*/*", "a.example"),
        ("/api/v4/packages/3708/", "*/*", "a b"),
    ],
)
def test_methods_that_nobody_knows_are_answered_as_those_that_are_known(
    site: int, method: str, path: str, accept: str, host: str
) -> None:
    headers = {"Accept": accept, "Host": host}
    known, reply = ask(site, path, "POST", headers), ask(site, path, method, headers)
    assert reply.status == known.status
    assert {**reply.headers, "date": "", "content-length": ""} == {
        **known.headers,
        "date": "",
        "content-length": "",
    }
    shown = method.replace("<", "&lt;").replace(">", "&gt;") if accept == "text/html" else method
    assert reply.body == known.body.replace(b"POST", shown.encode())


@pytest.mark.parametrize(("path", "name"), VIEWS.items())
def test_options_describes_the_view(site: int, path: str, name: str) -> None:
    reply = ask(site, f"/api/v4/{path}", "OPTIONS")
    assert reply.status == 200
    assert list(reply.json) == ["name", "description", "renders", "parses"]
    assert reply.json["name"] == name
    assert reply.json["renders"] == ["application/json", "text/html"]
    assert reply.json["parses"] == [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ]
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"
    # An answer to OPTIONS is not to be kept (RFC 9110, 9.3.7).
    assert "etag" not in reply.headers


def test_options_needs_no_item(site: int) -> None:
    assert ask(site, "/api/v4/packages/999999/", "OPTIONS").json["name"] == "Package Instance"
