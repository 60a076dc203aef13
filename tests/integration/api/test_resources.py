"""Root, lists and details: what a path leads to."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.api_client import ROOT, ask

NO_PACKAGE = "No Package matches the given query."
COLLECTIONS = {
    "packages": "package.package",
    "grids": "grid.grid",
    "categories": "package.category",
}


def _records(sample: Path, model: str) -> list[dict[str, Any]]:
    return [record for record in json.loads(sample.read_text()) if record["model"] == model]


def test_the_root_links_every_collection(site: int) -> None:
    names = ["packages", "search", "grids", "categories"]
    expected = ",".join(f'"{name}":"{ROOT}{name}/"' for name in names)
    assert ask(site, "/api/v4/").body.decode() == f"{{{expected}}}"


def test_package_3708_is_answered_byte_for_byte(site: int, package_3708: bytes) -> None:
    assert ask(site, "/api/v4/packages/3708/").body == package_3708


def test_a_slug_answers_the_same_bytes_as_the_id(site: int, package_3708: bytes) -> None:
    assert ask(site, "/api/v4/packages/django-private-chat/").body == package_3708
    grid = ask(site, "/api/v4/grids/45/")
    assert grid.json["slug"] == "chat"
    assert ask(site, "/api/v4/grids/chat/").body == grid.body


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_list_holds_every_item_of_the_catalogue_highest_id_first(
    site: int, sample: Path, collection: str
) -> None:
    ids = sorted((r["pk"] for r in _records(sample, COLLECTIONS[collection])), reverse=True)
    page = ask(site, f"/api/v4/{collection}/?limit=1000").json
    assert list(page) == ["count", "next", "previous", "results"]
    assert page["count"] == len(ids) > 0
    assert page["next"] is page["previous"] is None
    assert [item["id"] for item in page["results"]] == ids


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_list_has_the_bytes_of_each_detail(site: int, collection: str) -> None:
    body = ask(site, f"/api/v4/{collection}/?limit=1000").body
    for item in json.loads(body)["results"]:
        detail = ask(site, f"/api/v4/{collection}/{item['id']}/")
        assert detail.status == 200
        assert detail.body in body


def test_every_link_of_the_catalogue_leads_to_an_item(site: int) -> None:
    links: set[str] = set()
    for collection in ("packages", "grids"):
        for item in ask(site, f"/api/v4/{collection}/?limit=1000").json["results"]:
            links.update(item.get("grids", []), item.get("packages", []))
            links.update([item["category"]] if "category" in item else [])
    assert len(links) > 50
    for link in links:
        assert link.startswith(ROOT)
        reply = ask(site, "/api/v4/" + link.removeprefix(ROOT))
        assert reply.json["id"] == int(link.removesuffix("/").rpartition("/")[2])


def test_a_category_has_no_slug_to_be_found_by(site: int) -> None:
    slug = ask(site, "/api/v4/categories/1/").json["slug"]
    assert ask(site, f"/api/v4/categories/{slug}/").detail == "Not found."


# int() decides what a number is, as in the original.
@pytest.mark.parametrize("number", ["3708", "0003708", "٣٧٠٨", "३७०८"])
def test_digits_of_any_script_are_an_id(site: int, package_3708: bytes, number: str) -> None:
    assert ask(site, f"/api/v4/packages/{quote(number)}/").body == package_3708


@pytest.mark.parametrize(
    "ident",
    [
        "4",
        "0",
        "9" * 20,
        "9" * 300,
        "-1",
        "+3708",
        "%203708",
        "3708%20",
        "3_708",
        "1e3",
        "no-such",
        "Django-Private-Chat",
        "%FF",
        "%00",
        "%C3%A9",
        "%E2%80%A8",
        "%F0%9F%90%8D",
        "%0A",
        "%0D%0A",
        "%22",
        "%5C",
        "%27",
        "%3Cscript%3E",
        "%01packages%02",
        "{ident}",
        "*",
        "%25",
        "%2525",
        "%zz",
        "%",
        "a;b",
        "a%3Fb",
        "a%23b",
        "x" * 5000,
        "%C3%A9" * 2000,
        "~",
    ],
)
def test_nothing_there_is_404(site: int, ident: str) -> None:
    reply = ask(site, f"/api/v4/packages/{ident}/")
    assert (reply.status, reply.detail) == (404, NO_PACKAGE)


# Digits that int() does not take: a superscript, and more than Python reads.
@pytest.mark.parametrize("ident", ["%C2%B2", "9" * 5000])
def test_digits_that_are_no_number_are_404(site: int, ident: str) -> None:
    reply = ask(site, f"/api/v4/packages/{ident}/")
    assert (reply.status, reply.detail) == (404, "Not found.")


@pytest.mark.parametrize(
    ("collection", "noun"), [("packages", "Package"), ("grids", "Grid"), ("categories", "Category")]
)
def test_each_collection_names_what_is_missing(site: int, collection: str, noun: str) -> None:
    reply = ask(site, f"/api/v4/{collection}/999999/")
    assert (reply.status, reply.detail) == (404, f"No {noun} matches the given query.")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/api/",
        "/api/v3/packages/",
        "/api/v4/nothing/",
        "//api/v4/packages/",
        "/api//v4/packages/",
        "/api/v4//packages/",
        "/api/v4/packages//",
        "/api/v4/packages/3708//",
        "/api/v4/packages/a%2Fb/",
        "/api/v4/packages/3708/extra/",
        "/api/v4/packages/../grids/",
        "/api/v4/packages/..%2Fgrids/",
        "/api/v4/packages/./",
        "/api/v4/packages/.../",
        "/api/v4/packages/a.b.c/",
        "/api/v4/packages/.json.json",
        "/API/V4/packages/",
        "/api/v4/Packages/",
        "/api/v4/packages%00/",
        "/x/api/v4/packages/",
        "/%2Fapi/v4/packages/",
        "/api/v4/packages\\",
        "/api/v4/packages;a=b/",
        "/.git/config",
    ],
)
def test_an_unrouted_path_is_404(site: int, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        reply = ask(site, path, method)
        assert (reply.status, reply.detail) == (404, "Not found.")


def test_a_path_is_decoded_once_before_it_is_routed(site: int, package_3708: bytes) -> None:
    for path in (
        "/api/v4/packages/370%38/",
        "/%61pi/v4/packages/3708/",
        "/api%2Fv4/packages/3708/",
    ):
        assert ask(site, path).body == package_3708
    assert ask(site, "/api/v4/packages/370%2538/").status == 404


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/v4", "/api/v4/"),
        ("/api/v4/packages", "/api/v4/packages/"),
        ("/api/v4/search", "/api/v4/search/"),
        ("/api/v4/grids/45", "/api/v4/grids/45/"),
        ("/api/v4/categories/no-such", "/api/v4/categories/no-such/"),
        (
            "/api/v4/packages?limit=2&x=%2B+y&limit=3&&=",
            "/api/v4/packages/?limit=2&x=%2B+y&limit=3&&=",
        ),
        ("/api/v4/packages?next=//evil.example/", "/api/v4/packages/?next=//evil.example/"),
        ("/api/v4/packages?", "/api/v4/packages/"),
        ("/api/v4/packages/%C3%A9%20%FF", "/api/v4/packages/%C3%A9%20%25FF/"),
        ("/api/v4/packages/%0D%0AX-Evil:%201", "/api/v4/packages/%0D%0AX-Evil:%201/"),
        ("/api/v4/packages?a=%0D%0AX-Evil:%201", "/api/v4/packages/?a=%0D%0AX-Evil:%201"),
    ],
)
def test_a_path_without_its_slash_is_redirected(site: int, path: str, location: str) -> None:
    for method in ("GET", "POST"):
        reply = ask(site, path, method)
        assert (reply.status, reply.body) == (301, b"")
        assert reply.headers["location"] == location
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert "x-evil" not in reply.headers
