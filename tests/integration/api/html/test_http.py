"""The page over HTTP: when it is chosen, its headers, validators, size, and faults below it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.storage import models
from tests.support.api_client import ROOT, ask, settings
from tests.support.html_document import HTML, Document, document, page

PATHS = ["", "packages/?limit=3", "packages/3708/", "grids/chat/", "categories/1/?format=api"]
CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "path", "is_page"),
    [
        ("text/html", "packages/3708/", True),
        ("text/html; charset=utf-8", "packages/3708/", True),
        ("TEXT/HTML", "packages/3708/", True),
        ("text/html, */*", "packages/3708/", True),
        ("text/*", "packages/3708/", True),
        (CHROMIUM, "packages/3708/", True),
        ("*/*", "packages/3708/", False),
        ("application/json, text/html", "packages/3708/", False),
        ("text/html;q=0.9, application/json;q=0.1", "packages/3708/", False),
        ("*/*", "packages/3708/?format=api", True),
        ("*/*", "packages/3708.api", True),
        ("*/*", ".api", True),
        ("*/*", "packages/3708.json?format=api", False),
        ("text/html", "packages/3708.api?format=json", True),
    ],
)
def test_it_is_chosen_as_the_original_chooses(
    site: int, accept: str, path: str, is_page: bool
) -> None:
    reply = ask(site, f"/api/v4/{path}", headers={"Accept": accept})
    assert reply.status == 200
    expected = "text/html; charset=utf-8" if is_page else "application/json"
    assert reply.headers["content-type"] == expected
    assert reply.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("accept", "path", "status"),
    [
        ("application/json", "packages/3708/?format=api", 406),
        ("application/json", "packages/3708.api", 406),
        ("text/html", "packages/3708/?format=json", 406),
        ("text/html", "packages/3708.json", 406),
        ("text/html", "packages/3708/?format=html", 404),
        ("text/html", "packages/3708.html", 404),
        ("text/html", "nothing/", 404),
        ("text/html", "packages/?" + "a=1&" * 1001, 400),
        ("text/html", "grids/chat.api?" + "a=1&" * 1001, 400),
    ],
)
def test_where_it_cannot_be_chosen_the_error_is_json(
    site: int, accept: str, path: str, status: int
) -> None:
    reply = ask(site, f"/api/v4/{path}", headers={"Accept": accept})
    assert reply.status == status
    assert reply.detail
    assert "content-security-policy" not in reply.headers


@pytest.mark.parametrize("path", PATHS)
def test_a_page_states_the_same_headers_as_json_and_a_policy(site: int, path: str) -> None:
    plain = ask(site, f"/api/v4/{path}".replace("=api", "=json"))
    reply = ask(site, f"/api/v4/{path}", headers=HTML)
    for name in ("allow", "vary", "cache-control", "x-content-type-options"):
        assert reply.headers[name] == plain.headers[name]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "same-origin"
    directives = dict(
        part.split(" ", 1) for part in reply.headers["content-security-policy"].split("; ")
    )
    for name in ("default-src", "base-uri", "frame-ancestors"):
        assert directives.pop(name) == "'none'"
    assert directives.pop("img-src") == "data:"
    assert directives.pop("form-action") == "'self'"
    for name in ("style-src", "script-src"):
        assert directives.pop(name).startswith("'sha256-")
    assert directives == {}


def test_every_answer_says_that_its_type_is_no_guess(site: int) -> None:
    for path in ("packages", "packages/", "nothing/", "packages/999999/", "?format=x"):
        assert ask(site, f"/api/v4/{path}").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PATHS)
def test_head_and_validators_work_as_for_json(site: int, path: str) -> None:
    target = f"/api/v4/{path}"
    got = ask(site, target, headers=HTML)
    head = ask(site, target, "HEAD", HTML)
    assert head.body == b""
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert head.headers["content-length"] == str(len(got.body))
    known = ask(site, target, headers={**HTML, "If-None-Match": got.headers["etag"]})
    assert (known.status, known.body) == (304, b"")
    plain = ask(site, target.replace("=api", "=json"))
    assert plain.headers["etag"] != got.headers["etag"]
    assert ask(site, target, headers=HTML).body == got.body


def test_errors_are_not_to_be_kept(site: int) -> None:
    reply = ask(site, "/api/v4/packages/999999/", headers=HTML)
    document(reply, 404)
    assert reply.headers.keys().isdisjoint({"etag", "cache-control"})


def test_options_names_both_renderers_and_has_a_page(site: int) -> None:
    reply = ask(site, "/api/v4/grids/", "OPTIONS")
    assert reply.json["renders"] == ["application/json", "text/html"]
    found = page(site, "grids/", method="OPTIONS")
    assert '"name": "Grid List"' in found.block
    assert found.one("h1").text == "Grid List"


def test_a_page_that_would_be_too_large_is_cut_and_goes_on(site: int) -> None:
    with settings(max_response_bytes=60_000):
        path, seen, rounds = "packages/?limit=100000", 0, 0
        while path:
            reply = ask(site, f"/api/v4/{path}", headers=HTML)
            found = document(reply)
            assert len(reply.body) < 60_000 * 9 // 8
            rows = found.one("table").one("tbody").all("tr")
            seen += len(rows)
            rounds += 1
            links = found.one("nav", aria_label="Pages").all("a", rel="next")
            path = links[0].attributes["href"].removeprefix(ROOT) if links else ""
    assert seen == 67
    assert rounds > 2


@contextmanager
def _unreachable(operation: str) -> Iterator[None]:
    client: Any = models.get_connection().client
    send = client._make_api_call

    def refuse(name: str, arguments: Any) -> Any:
        if name != operation:
            return send(name, arguments)
        raise EndpointConnectionError(endpoint_url="http://secret.example")

    client._make_api_call = refuse
    try:
        yield
    finally:
        del client._make_api_call


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("packages/3708/", "GetItem"),
        ("packages/", "BatchGetItem"),
        ("grids/45/", "GetItem"),
        # The grid itself is there, the figures of its packages are not.
        ("grids/chat/", "BatchGetItem"),
    ],
)
def test_no_answer_of_the_storage_is_a_page_that_says_so(
    site: int, path: str, operation: str
) -> None:
    with _unreachable(operation):
        reply = ask(site, f"/api/v4/{path}", headers=HTML)
    found: Document = document(reply, 503)
    assert reply.headers["retry-after"] == "1"
    assert reply.headers.keys().isdisjoint({"etag", "cache-control"})
    assert found.block.startswith("HTTP 503 Service Unavailable\n")
    assert "secret" not in reply.body.decode()


def test_the_json_of_a_grid_needs_no_figures(site: int) -> None:
    with _unreachable("BatchGetItem"):
        assert ask(site, "/api/v4/grids/chat/").status == 200
