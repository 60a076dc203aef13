"""What means harm, in what is stored and in what is asked, stays text in a browser."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from chalicelib.search.publisher import publish
from tests.browser.visiting import ROOT, visiting
from tests.support import fixtures

SCRIPT = "</pre></style></title></script><script>pwned=1</script>"
IMAGE = '"\'><img src=x onerror="pwned=1"><svg onload=alert(1)> {{ 7*7 }} harmful'
PACKAGES, SEARCH = "Package List", "Search"
URL = "javascript:pwned=1//https://example.org/"


@pytest.fixture(scope="module")
def hostile(bare: int, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The API with data that mean harm, and its search index; the port."""
    loaded = fixtures.load_records(
        tmp_path_factory.mktemp("hostile"),
        fixtures.category(1, title=SCRIPT, description=IMAGE),
        fixtures.package(
            1,
            title=SCRIPT,
            slug="harmful",
            repo_url=URL,
            repo_description=IMAGE,
            pypi_url=f'http://example.org/"{IMAGE}',
            documentation_url=URL,
            participants=f"{SCRIPT},{IMAGE}",
        ),
        fixtures.package(2, title=IMAGE, slug=f"{IMAGE}{SCRIPT}", repo_description=SCRIPT),
        fixtures.grid(1, title=IMAGE, slug="harm", description=SCRIPT),
        *(fixtures.row(number, 1, number) for number in (1, 2)),
    )
    assert not loaded.refusals
    publish()
    return bare


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("packages/", PACKAGES),
        ("packages/1/", SCRIPT),
        ("packages/2/", IMAGE),
        ("grids/", "Grid List"),
        ("grids/1/", IMAGE),
        ("categories/1/", SCRIPT),
        ("search/?q=harmful", SEARCH),
        (f"search/?q={quote(SCRIPT)}", SEARCH),
        (f"search/?q={quote(IMAGE)}&{quote(SCRIPT)}", SEARCH),
        (f"packages/?{quote(SCRIPT)}=1&limit=1", PACKAGES),
        (f"packages/{quote(IMAGE, safe='')}/", "Package Instance"),
    ],
)
def test_it_is_shown_and_not_run(browser: Browser, hostile: int, path: str, title: str) -> None:
    with visiting(browser, hostile) as (page, _):
        page.goto(ROOT + path)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_be_visible()
        assert heading.text_content() == title
        for button in page.locator("th button").all():
            button.click()
        assert page.evaluate("window.pwned") is None
        assert page.locator("img, svg[onload], script:not(body > :last-child)").count() == 0
        schemes = page.evaluate("Array.from(document.querySelectorAll('a'), a => a.protocol)")
        assert set(schemes) <= {"http:", "https:"}


def test_it_is_found_and_its_link_is_followed(browser: Browser, hostile: int) -> None:
    with visiting(browser, hostile) as (page, _):
        page.goto(f"{ROOT}search/?q=harmful")
        page.locator(".hits").get_by_role("link", name=SCRIPT).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
        assert page.evaluate("window.pwned") is None
