"""Links and escaping in the JSON block of a page, without any storage."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from chalicelib.api.html import highlight
from chalicelib.api.render_context import RenderContext
from chalicelib.api.renderers import JSON, PAGE
from chalicelib.api.request import Request
from chalicelib.api.routes import Match
from chalicelib.settings import Settings
from tests.support.api_client import ROOT
from tests.support.html_document import Document

HEAD = "HTTP {}\nAllow: GET, HEAD, OPTIONS\nContent-Type: application/json\nVary: Accept\n\n"


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
    found = Document(highlight.highlight_json(json.dumps([url], ensure_ascii=False), ROOT))
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
    found = Document(highlight.highlight_json(json.dumps([text]), ROOT))
    assert found.text == json.dumps([text])
    assert found.all("a") == []


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
    context = RenderContext(request, Match(view, "x", None), Settings(), {"indent": "4"})
    content = json.dumps(value)
    found = Document(PAGE.render(200, content, context))
    found.assert_safe(PAGE.get_headers(context)["Content-Security-Policy"])
    assert found.block == HEAD.format("200 OK") + JSON.render(200, content, context)


def test_a_very_long_text_keeps_links_and_escapes_and_loses_its_colours() -> None:
    entry = {"url": "https://example.org/<", "link": "https://example.org/", "text": "<b>" * 9}
    text = json.dumps([entry] * 12_000, indent=4)
    assert len(text) > highlight.MAX_COLOURED_LENGTH
    found = Document(highlight.highlight_json(text, "https://own/"))
    assert found.text == text
    assert len(found.all("a", href="https://example.org/")) == 12_000
    assert {element.tag for element in found.walk()} == {"", "a"}
