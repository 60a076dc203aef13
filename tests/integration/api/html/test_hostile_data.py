"""What is stored, or asked for, is shown as text and never becomes part of the page."""

from urllib.parse import quote

import pytest

from tests.support import fixtures
from tests.support.api_client import ask, settings
from tests.support.html_document import HTML, Document, document, page

SCRIPT = "</pre></style></script><script>alert(1)</script><img src=x onerror=alert(2)>"
QUOTES = '"\' onmouseover="alert(3)" `{{ 7*7 }}{% raw %}\r\n\u2028\u2029\u202e\x7f&lt;'
BAD_URL = "javascript:alert(1)//https://example.org/"
NUMBER = 2**63 - 1


@pytest.fixture(scope="module")
def hostile(bare: int, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The API over HTTP with data that mean harm; the port."""
    loaded = fixtures.load_records(
        tmp_path_factory.mktemp("hostile"),
        fixtures.category(1, title=SCRIPT, description=QUOTES),
        fixtures.package(
            1,
            title=SCRIPT,
            slug=SCRIPT,
            repo_url=BAD_URL,
            repo_description=QUOTES + SCRIPT,
            pypi_url='http://example.org/"><script>alert(4)</script>',
            documentation_url="JaVaScRiPt:alert(5)",
            participants=f"{SCRIPT},{QUOTES}",
            repo_watchers=NUMBER,
            repo_forks=-NUMBER,
            commits_over_52w=[NUMBER, -1, 0],
        ),
        fixtures.package(2, title="", repo_description=None, participants=None, repo_url=""),
        fixtures.package(3, title="x" * 5000, repo_description="y" * 20_000),
        fixtures.grid(1, title=QUOTES, slug=QUOTES, description=SCRIPT),
        *(fixtures.row(number, 1, number) for number in (1, 2, 3)),
    )
    assert not loaded.refusals
    return bare


def test_a_hostile_package_is_text(hostile: int) -> None:
    found = page(hostile, "packages/1/")
    assert found.one("h1").text == SCRIPT
    assert found.one("p", class_="lead").text == (QUOTES + SCRIPT)
    assert found.one("head").one("title").text.startswith(SCRIPT)
    assert SCRIPT in found.one("p", class_="people").text
    assert found.all("ul", class_="links") == []
    assert found.one("pre").all("a", rel="noreferrer noopener") == []
    figures = found.one("dl").text
    assert f"{NUMBER:,}" in figures
    assert f"{-NUMBER:,}" in figures


@pytest.mark.parametrize(
    "path", ["packages/", "packages/2/", "packages/3/", "grids/", "grids/1/", "categories/1/"]
)
def test_every_page_of_hostile_data_is_safe(hostile: int, path: str) -> None:
    found = page(hostile, path)
    plain = ask(hostile, f"/api/v4/{path}", headers={"Accept": "application/json; indent=4"})
    assert found.block.endswith("\n\n" + plain.body.decode())
    assert found.one("h1").text.strip()


def test_a_hostile_grid_shows_hostile_packages_as_text(hostile: int) -> None:
    found = page(hostile, "grids/1/")
    heads = [head.text for head in found.one("tbody").all("th")]
    assert sorted(heads) == sorted(["x" * 5000, "package-2", SCRIPT])


@pytest.mark.parametrize("raw", [SCRIPT, QUOTES, '"><script>', "'", "a&b=<c>", "{{ 7*7 }}", "\0"])
def test_a_hostile_query_is_text(hostile: int, raw: str) -> None:
    term = quote(raw, safe="")
    for path in (f"packages/?x={term}&limit=1", f"?{term}={term}", f"grids/1/?format=api&q={term}"):
        found = page(hostile, path)
        shown = found.one("p", class_="request").text
        assert shown == f"GET /api/v4/{path}"
    unfound = page(hostile, f"packages/{term.replace('%2F', '')}x%22onclick=/", 404)
    assert unfound.one("nav", aria_label="Breadcrumbs").all("a")[-1].attributes["href"].isascii()


def test_a_query_sent_unquoted_is_text(hostile: int) -> None:
    reply = ask(hostile, "/api/v4/packages/?limit=1&<script>\"'=<x>\"'", headers=HTML)
    line = document(reply).one("p", class_="request").text
    assert line == "GET /api/v4/packages/?limit=1&%3Cscript%3E%22'=%3Cx%3E%22'"


def test_links_of_the_page_start_with_the_base_and_nothing_else_of_a_request(hostile: int) -> None:
    headers = {
        **HTML,
        "X-Forwarded-Host": "evil.example",
        "Referer": "https://evil.example/",
        "Origin": "https://evil.example",
    }
    assert (
        ask(hostile, "/api/v4/", headers=headers).body
        == ask(hostile, "/api/v4/", headers=HTML).body
    )
    with settings(base_url="https://mirror.example:8443/stage"):
        found = Document(ask(hostile, "/api/v4/grids/1/", headers=HTML).body.decode())
    for name, tag in (("href", "a"), ("action", "form")):
        for element in found.all(tag):
            address = element.attributes[name]
            if address != "#content":
                assert address.startswith("https://mirror.example:8443/stage/api/v4/")


def test_the_templates_are_not_data(hostile: int) -> None:
    # "{{ 7*7 }}" is stored in titles: nothing of it may be worked out.
    assert "{{ 7*7 }}" in page(hostile, "grids/1/").one("h1").text
