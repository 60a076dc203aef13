"""Where a page leads: breadcrumbs, formats, neighbours, search; and what a search found."""

import json

import pytest

from tests.support.api_client import ROOT, ask, settings
from tests.support.html_document import HTML, Document, Element, page

CRUMBS = {
    "": ["Api Root"],
    "packages/": ["Api Root", "Package List"],
    "packages/3708/": ["Api Root", "Package List", "django-private-chat"],
    "packages/no-such/": ["Api Root", "Package List", "Package Instance"],
    "grids/": ["Api Root", "Grid List"],
    "grids/chat/": ["Api Root", "Grid List", "Chat"],
    "categories/": ["Api Root", "Category List"],
    "categories/1/": ["Api Root", "Category List", "App"],
    "search/": ["Api Root", "Search"],
}


def _crumbs(found: Element) -> list[Element]:
    return found.one("nav", aria_label="Breadcrumbs").all("a")


@pytest.mark.parametrize("path", CRUMBS)
def test_breadcrumbs_lead_back_to_the_root(site: int, path: str) -> None:
    crumbs = _crumbs(page(site, path, 404 if "no-such" in path else 200))
    assert [crumb.text for crumb in crumbs] == CRUMBS[path]
    start = [ROOT, ROOT + path.partition("/")[0] + "/", ROOT + path]
    assert [crumb.attributes["href"] for crumb in crumbs] == start[: len(crumbs)]
    current = [crumb.attributes.get("aria-current") for crumb in crumbs]
    assert current == [None] * (len(crumbs) - 1) + ["page"]


@pytest.mark.parametrize(
    ("path", "json_path"),
    [
        ("packages/", "packages/?format=json"),
        ("packages/?limit=2&offset=3", "packages/?limit=2&offset=3&format=json"),
        ("packages/?format=api", "packages/?format=json"),
        ("packages/?format=xml&a=b&f%6Frmat=api", "packages/?a=b&format=json"),
        ("packages/?a=b%26format=api&&c", "packages/?a=b%26format=api&c&format=json"),
        ("packages.api", "packages.json"),
        ("packages.api/?limit=2", "packages.json?limit=2"),
        (".api", ".json"),
        ("grids/chat.api?format=xml", "grids/chat.json?format=xml"),
    ],
)
def test_the_json_button_leads_to_the_same_in_json(site: int, path: str, json_path: str) -> None:
    found = page(site, path)
    page_link, json_link = found.one("nav", aria_label="Formats").all("a")
    assert json_link.attributes["href"] == ROOT + json_path
    assert page_link.attributes["href"] == (ROOT + json_path).replace("json", "api")
    target = json_link.attributes["href"].removeprefix("https://djangopackages.org")
    reply = ask(site, target)
    assert reply.headers["content-type"] == "application/json"
    again = ask(
        site, page_link.attributes["href"].removeprefix("https://djangopackages.org"), headers=HTML
    )
    assert again.headers["content-type"].startswith("text/html")


def test_the_format_goes_along_where_it_was_asked_for(site: int) -> None:
    for path, ending in (("grids/chat/?format=api", "/?format=api"), ("grids/chat.api", ".api")):
        found = page(site, path)
        assert [crumb.attributes["href"] for crumb in _crumbs(found)][1:] == [
            f"{ROOT}grids{ending}",
            f"{ROOT}grids/chat{ending}",
        ]
        links = [each.attributes["href"] for each in found.one("tbody").all("a")]
        assert links
        for link in links:
            assert link.endswith(ending)


def test_an_item_that_is_not_shown_has_its_views_name(site: int) -> None:
    crumbs = _crumbs(page(site, "grids/chat/", method="OPTIONS"))
    assert [crumb.text for crumb in crumbs] == ["Api Root", "Grid List", "Grid Instance"]


@pytest.mark.parametrize("path", ["", ".api", "?format=api"])
def test_the_root_leads_to_the_collections_and_to_the_search(site: int, path: str) -> None:
    found = page(site, path)
    root = ask(site, f"/api/v4/{path}", headers=HTML)
    links = json.loads(Document(root.body.decode()).block.partition("\n\n")[2])
    cards = found.one("main").one("ul", class_="cards").all("li")
    assert [card.one("a").text for card in cards] == ["Packages", "Grids", "Categories"]
    for card, name in zip(cards, ["packages", "grids", "categories"], strict=True):
        assert card.one("a").attributes["href"] == links[name]
        assert card.one("p").text
    found.one("main").one("form", role="search").one("input", type="search")
    found.one("form")
    for other in ("packages/", "search/"):
        assert page(site, other).one("main").all("form") == []
    assert page(site, "", method="OPTIONS").all("ul", class_="cards") == []


def test_each_collection_says_to_people_what_it_is(site: int) -> None:
    told = []
    for path in ("", "packages/", "grids/", "categories/", "search/"):
        told.append(page(site, path).all("p", class_="about")[0].text)
        for jargon in ("PostgreSQL", "DefaultRouter", "endpoint", "GET"):
            assert jargon not in told[-1]
    assert len(set(told)) == len(told)
    description = ask(site, "/api/v4/search/", "OPTIONS").json["description"]
    assert description.endswith("Returns SearchV3 (PostgreSQL FTS) results.")


def test_the_search_form_asks_our_search(searchable: int) -> None:
    form = page(searchable, "packages/?q=x").one("form", role="search")
    assert form.attributes == {"role": "search", "action": f"{ROOT}search/", "method": "get"}
    term = form.one("input", type="search")
    assert (term.attributes["name"], term.attributes["value"]) == ("q", "")
    assert form.one("label").attributes["for"] == term.attributes["id"]
    assert form.all("input", type="hidden") == []
    form = page(searchable, "search/?q=%22a%22+%3Cb%3E&format=api").one("form")
    assert form.one("input", type="search").attributes["value"] == '"a" <b>'
    assert form.one("input", type="hidden").attributes["name"] == "format"
    assert page(searchable, "packages.api").one("form").attributes["action"] == f"{ROOT}search.api"


@pytest.mark.parametrize(
    ("query", "position", "previous", "following"),
    [
        ("", "1\u201320 of 67", None, "?limit=20&offset=20"),
        ("?offset=20", "21\u201340 of 67", "?limit=20", "?limit=20&offset=40"),
        ("?limit=7&offset=63", "64\u201367 of 67", "?limit=7&offset=56", None),
        ("?limit=100", "1\u201367 of 67", None, None),
        ("?offset=1000", "None of 67", "?limit=20&offset=980", None),
    ],
)
def test_a_list_leads_to_its_neighbours(
    site: int, query: str, position: str, previous: str | None, following: str | None
) -> None:
    found = page(site, "packages/" + query)
    for name in ("Pages", "Pages, again"):
        nav = found.one("nav", aria_label=name)
        assert nav.one("span", class_="position").text == position
        links = {each.attributes["rel"]: each for each in nav.all("a")}
        expected = {"prev": previous, "next": following}
        for rel, target in expected.items():
            if target is None:
                assert rel not in links
            else:
                assert links[rel].attributes["href"] == f"{ROOT}packages/{target}"
                assert links[rel].attributes["aria-label"].endswith(" page")


def test_what_is_no_list_has_no_neighbours(site: int) -> None:
    for path in ("", "packages/3708/", "search/"):
        assert page(site, path).all("nav", class_="paging") == []
    assert page(site, "packages/", method="OPTIONS").all("nav", class_="paging") == []


def test_what_a_search_found_leads_to_the_api(searchable: int) -> None:
    found = page(searchable, "search/?q=chat")
    entries = ask(searchable, "/api/v4/search/?q=chat").json
    hits = found.one("ol", class_="hits").all("li")
    assert [hit.one("h3").text for hit in hits] == [entry["title"] for entry in entries]
    assert {entry["item_type"] for entry in entries} == {"package", "grid"}
    for hit, entry in zip(hits, entries, strict=True):
        link = hit.one("a").attributes["href"]
        assert link == f"{ROOT}{entry['item_type']}s/{entry['slug']}/"
        target = link.removeprefix("https://djangopackages.org")
        assert ask(searchable, target).json["title"] == entry["title"]
    assert found.one("h2", id="found").text == f"{len(hits)} results for chat"


def test_a_search_that_finds_nothing_says_so(searchable: int) -> None:
    assert page(searchable, "search/?q=qqzzxx").one("h2", id="found").text == (
        "Nothing found for qqzzxx"
    )
    assert page(searchable, "search/").all("ol", class_="hits") == []


def test_the_form_may_be_sent_to_the_base_url_of_the_settings(site: int) -> None:
    policies = []
    for base in (None, "https://mirror.example:8443/a;b", "http://[::1]:80", "https://a;b.org"):
        with settings(base_url=base):
            policies.append(ask(site, "/api/v4/", headers=HTML).headers["content-security-policy"])
    assert [policy.rpartition("; ")[2] for policy in policies] == [
        "form-action 'self'",
        "form-action 'self' https://mirror.example:8443",
        "form-action 'self'",
        "form-action 'self'",
    ]


def test_a_page_has_landmarks_and_one_heading(site: int) -> None:
    for path in ("", "packages/", "packages/3708/", "grids/chat/", "packages/nope/"):
        found: Document = page(site, path, 404 if "nope" in path else 200)
        assert found.one("html").attributes["lang"] == "en"
        for tag in ("h1", "main", "footer"):
            found.one(tag)
        assert found.one("body").all("header")
        assert found.all("a")[0].attributes["href"] == f"#{found.one('main').attributes['id']}"
        ids = [each.attributes["id"] for each in found.walk() if "id" in each.attributes]
        assert len(ids) == len(set(ids))
        for region in found.all("div", class_="scroll") + found.all("pre"):
            assert region.attributes["tabindex"] == "0"
            assert region.attributes["role"] == "region"
            assert region.attributes["aria-label"]
        names = [nav.attributes["aria-label"] for nav in found.all("nav")]
        assert len(names) == len(set(names))
