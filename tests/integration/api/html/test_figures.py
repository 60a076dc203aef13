"""What a page shows at a glance and side by side, of the sample."""

import json
from pathlib import Path

import pytest

from tests.support.api_client import ROOT, ask
from tests.support.html_document import Document, page


def _figures(found: Document) -> dict[str, str]:
    return {each.one("dt").text: each.one("dd").text for each in found.one("dl").all("div")}


def test_a_package_shows_its_figures_and_links(site: int) -> None:
    found = page(site, "packages/3708/")
    assert found.one("h1").text == "django-private-chat"
    assert _figures(found) == {
        "Stars": "419",
        "Forks": "131",
        "Version": "0.3.0",
        "Participants": "15",
        "Last commit": "21 Mar 2021",
        "Grids": "3",
    }
    links = {
        each.text: each.attributes["href"] for each in found.one("ul", class_="links").all("a")
    }
    package = ask(site, "/api/v4/packages/3708/").json
    assert links == {
        "Repository": package["repo_url"],
        "Package index": package["pypi_url"],
        "Documentation": package["documentation_url"],
    }
    people = found.one("p", class_="people").text
    assert "delneg" in people
    assert people.endswith(" and 3 more")
    assert found.one("p", class_="lead").text == package["repo_description"]


def test_a_grid_shows_its_packages_side_by_side_in_its_order(site: int) -> None:
    found = page(site, "grids/chat/")
    table = found.one("table", class_="sortable")
    heads = table.one("thead").all("th", scope="col")
    assert [head.text for head in heads] == [
        "Package",
        "Version",
        "Stars",
        "Forks",
        "Participants",
        "Last commit",
        "Commits, 52 weeks",
    ]
    grid = ask(site, "/api/v4/grids/chat/").json
    rows = table.one("tbody").all("tr")
    assert len(rows) == len(grid["packages"]) > 2
    for row, link in zip(rows, grid["packages"], strict=True):
        package = ask(site, link.removeprefix("https://djangopackages.org")).json
        head = row.one("th", scope="row")
        assert head.text == package["title"]
        assert head.one("a").attributes["href"] == link
        cells = [cell.text.strip() for cell in row.all("td")]
        assert cells[0] == (package["pypi_version"] or "\u2013")
        assert cells[1:4] == [
            f"{package['repo_watchers']:,}",
            f"{package['repo_forks']:,}",
            str(len(package["participants"])),
        ]
        assert cells[5] == f"{sum(package['commits_over_52']):,}"
        values = [cell.attributes.get("data-value") for cell in row.all("td")]
        assert values[1] == str(package["repo_watchers"])
        assert values[5] == str(sum(package["commits_over_52"]))
    assert table.one("caption").text == "Packages of this grid, side by side"


@pytest.mark.parametrize("collection", ["packages", "grids", "categories"])
def test_a_list_leads_to_each_of_its_items(site: int, collection: str) -> None:
    rows = page(site, f"{collection}/").one("table").one("tbody").all("tr")
    results = ask(site, f"/api/v4/{collection}/").json["results"]
    assert [row.one("a").text for row in rows] == [each["title"] for each in results]
    links = [row.one("a").attributes["href"] for row in rows]
    assert links == [f"{ROOT}{collection}/{each['id']}/" for each in results]


def test_errors_and_options_have_neither_figures_nor_tables(site: int) -> None:
    for found in (page(site, "packages/1/", 404), page(site, "grids/chat/", method="OPTIONS")):
        for tag in ("dl", "table", "figure"):
            assert found.all(tag) == []
    assert "No Package matches" in page(site, "packages/1/", 404).one("p", class_="error").text


def test_a_package_of_the_sample_agrees_with_its_json(site: int, sample: Path) -> None:
    records = json.loads(sample.read_text())
    busy = next(r for r in records if r["fields"].get("title") == "Django REST Framework")
    weeks = busy["fields"]["commits_over_52w"]
    rows = page(site, f"packages/{busy['pk']}/").one("details").one("tbody").all("tr")
    assert [int(row.one("td").text) for row in rows] == weeks[::-1]
