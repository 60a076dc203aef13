"""The text of a page is the answer in JSON, and each URL in it is a link."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from chalicelib.api.html import highlight
from chalicelib.api.renderers import JSON, PAGE, Context
from chalicelib.api.request import Request
from chalicelib.api.routes import Match
from chalicelib.settings import Settings
from tests.support.api_client import ROOT, ask
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


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/?a=1&lt;=2&copy=3&amp;d",
        "http://example.org/it's/[x]{y}|z?q=`",
        "HTTPS://EXAMPLE.ORG",
        "https://user@example.org:1/é/漢字#x",
    ],
)
def test_a_url_is_linked_as_it_stands(url: str) -> None:
    found = Document(highlight.highlighted(json.dumps([url], ensure_ascii=False), ROOT))
    assert found.text == json.dumps([url], ensure_ascii=False)
    assert found.one("a").attributes == {"href": url, "rel": "noreferrer noopener"}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://",
            "https:/a",
            "ftp://a/",
            "//a/",
            " https://a/",
            "https://a/ b",
            "see http://a",
        ),
        *('https://a/"', "https://a/\\", "https://a/<b>", "https://a/\n", "https://a/\u202eb"),
        *("javascript://a/", "data:text/html,x", "xhttps://a/"),
    ],
)
def test_what_is_no_web_address_is_no_link(text: str) -> None:
    found = Document(highlight.highlighted(json.dumps([text]), ROOT))
    assert found.text == json.dumps([text])
    assert found.all("a") == []


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


letters = st.characters(exclude_categories=["Cs"])
texts = st.one_of(
    st.text(letters, max_size=12),
    st.sampled_from(["</pre><script>alert(1)</script>", "&lt;", "&amp;quot;", "\u2028", "<!--"]),
    st.sampled_from(["javascript:alert(1)", "https://a/?b=<c>", "http://x/\u202ey", "https://"]),
    st.text(letters, max_size=12).map("https://example.org/".__add__),
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    *("title", "slug", "id", "description", "repo_description", "repo_url", "pypi_url", "count"),
    *("documentation_url", "repo_watchers", "repo_forks", "pypi_version", "participants", "next"),
    *("commits_over_52", "last_updated", "modified", "grids", "is_locked", "previous", "detail"),
    *("results", "item_type", "category"),
]
objects = st.dictionaries(
    st.sampled_from(FIELDS), values | st.lists(st.integers(), max_size=60), max_size=12
)
nested = st.builds(
    lambda outer, inner: outer | {"results": inner}, objects, st.lists(objects | leaves, max_size=3)
)


@of_hypothesis(max_examples=300, deadline=None, derandomize=True)
@given(
    value=st.one_of(objects, nested),
    view=st.sampled_from(["packages-detail", "packages-list", "grids-list", "categories-detail"]),
)
def test_whatever_is_stored_the_page_is_safe_and_its_text_the_json(value: Any, view: str) -> None:
    _check(value, view)


@of_hypothesis(max_examples=100, deadline=None, derandomize=True)
@given(value=st.lists(objects | leaves, max_size=4))
def test_whatever_is_found_the_page_is_safe_and_its_text_the_json(value: Any) -> None:
    _check(value, "search")


def _check(value: Any, view: str) -> None:
    request = Request("GET", "/api/v4/x/", "", "", {"host": "example.org"})
    context = Context(request, Match(view, "x", None), Settings(), {"indent": "4"})
    content = json.dumps(value)
    found = Document(PAGE.render(200, content, context))
    found.assert_safe(PAGE.headers(context)["Content-Security-Policy"])
    assert found.block == HEAD.format("200 OK") + JSON.render(200, content, context)


def test_a_very_long_text_keeps_links_and_escapes_and_loses_its_colours() -> None:
    entry = {"url": "https://example.org/<", "link": "https://example.org/", "text": "<b>" * 9}
    text = json.dumps([entry] * 12_000, indent=4)
    assert len(text) > highlight.LONGEST_COLOURED
    found = Document(highlight.highlighted(text, "https://own/"))
    assert found.text == text
    assert len(found.all("a", href="https://example.org/")) == 12_000
    assert {element.tag for element in found.walk()} == {"", "a"}
