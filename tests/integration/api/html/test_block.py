"""The text of a page is the answer in JSON, and each URL in it is a link."""

import json
from typing import Any

import pytest

from tests.support.api_client import ask
from tests.support.html_document import HTML, Document, page

HEAD = "HTTP {}\nAllow: GET, HEAD, OPTIONS\nContent-Type: application/json\nVary: Accept\n\n"
PATHS = {
    "": "200 OK",
    "packages/": "200 OK",
    "packages/?limit=67": "200 OK",
    "packages/?limit=3&offset=9999": "200 OK",
    "packages/3708/": "200 OK",
    "packages/django-private-chat/": "200 OK",
    "grids/": "200 OK",
    "grids/chat/": "200 OK",
    "categories/": "200 OK",
    "categories/1/": "200 OK",
    "search/?q=rest": "200 OK",
    "search/": "200 OK",
    "packages/999999/": "404 Not Found",
    "grids/no-such/": "404 Not Found",
    "categories/x/": "404 Not Found",
}


@pytest.mark.parametrize("path", PATHS)
def test_the_block_is_the_indented_json_under_status_and_headers(
    searchable: int, path: str
) -> None:
    plain = ask(searchable, f"/api/v4/{path}", headers={"Accept": "application/json; indent=4"})
    block = page(searchable, path, plain.status).block
    assert block == HEAD.format(PATHS[path]) + plain.body.decode()


@pytest.mark.parametrize(("method", "first"), [("OPTIONS", "200 OK"), ("POST", "405 Method Not")])
@pytest.mark.parametrize("path", ["", "packages/", "grids/chat/", "search/?q=a"])
def test_other_methods_have_a_page_too(site: int, method: str, first: str, path: str) -> None:
    plain = ask(site, f"/api/v4/{path}", method, {"Accept": "application/json; indent=4"})
    found = page(site, path, plain.status, method=method)
    assert found.block.startswith(f"HTTP {first}")
    assert found.block.endswith("\n\n" + plain.body.decode())
    assert found.one("p", class_="request").text == f"{method} /api/v4/{path}"


@pytest.mark.parametrize("path", PATHS)
def test_each_url_of_the_json_is_a_link(searchable: int, path: str) -> None:
    found = page(searchable, path, int(PATHS[path][:3]))
    json_text = found.block.partition("\n\n")[2]
    urls = [text for text in _texts(json.loads(json_text)) if text.startswith("http")]
    anchors = found.one("pre").all("a")
    assert [anchor.attributes["href"] for anchor in anchors] == urls
    assert [anchor.text for anchor in anchors] == urls
    for anchor in anchors:
        ours = anchor.attributes["href"].startswith("https://djangopackages.org/api/v4/")
        assert anchor.attributes.get("rel") == (None if ours else "noreferrer noopener")


def test_the_request_line_is_the_request(site: int) -> None:
    for path in ("/api/v4/", "/api/v4/packages/?limit=2", "/api/v4/grids/?x=%22%3Cb%3E&y=é"):
        sent = path.encode().decode("latin-1")
        found = Document(ask(site, sent, headers=HTML).body.decode())
        assert found.one("p", class_="request").text == "GET " + path.replace("é", "%C3%A9")


@pytest.mark.parametrize(("params", "indent"), [("; indent=2", "2"), ("; indent=0", "0")])
def test_the_json_is_indented_as_asked_for(searchable: int, params: str, indent: str) -> None:
    for path in ("packages/?limit=2", "grids/chat/", "search/?q=chat", "packages/no-such/"):
        accept = {"Accept": f"application/json; indent={indent}"}
        plain = ask(searchable, f"/api/v4/{path}", headers=accept)
        found = page(searchable, path, plain.status, {"Accept": f"text/html{params}"})
        assert found.block.partition("\n\n")[2] == plain.body.decode()


def test_it_is_in_colours(site: int) -> None:
    pre = page(site, "packages/3708/").one("pre")
    keys = [element.text for element in pre.all("span", class_="k")]
    assert keys[0] == '"category"'
    assert len(keys) == 18
    assert '"0.3.0"' in [element.text for element in pre.all("span", class_="s")]
    numbers = [element.text for element in pre.all("span", class_="n")]
    assert numbers[0] == "3708"
    assert numbers[-1].split(",")[0] == "0"
    grid = page(site, "grids/chat/").one("pre")
    assert [element.text for element in grid.all("span", class_="w")] == ["false", "false"]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return (
        [text for part in parts for text in _texts(part)]
        if isinstance(parts, list) or (isinstance(value, dict))
        else []
    )
