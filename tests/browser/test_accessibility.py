"""axe-core finds nothing serious on any page, in light, in dark, and on the narrowest screen."""

from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import install
from tests.browser.visiting import ROOT, missing, visiting

_Scheme = Literal["light", "dark"]
#: Color scheme and width: no color depends on the width, so two runs see all.
_WAYS: list[tuple[_Scheme, int]] = [("light", 1280), ("dark", 320)]
_RUN = """async () => (await axe.run({resultTypes: ["violations"]})).violations.flatMap(
    ({impact, id, help, nodes}) => nodes.map(node => [
        node.impact || impact, id, help, node.html.slice(0, 160), node.failureSummary
    ])
)"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    if not install.AXE.exists():
        missing(install.without_axe())
    return install.AXE.read_text(encoding="utf-8")


def _grave(page: Page) -> list[str]:
    """The violations that shut people out, for people to read."""
    found: list[list[Any]] = page.evaluate(_RUN)
    return ["\n  ".join(each) for each in found if each[0] in {"serious", "critical"}]


def _check(page: Page, axe: str) -> None:
    page.evaluate(axe)
    for element in page.locator("details").all():
        element.evaluate("(details) => { details.open = true }")
    found = []
    for scheme, width in _WAYS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"{scheme}, {width} px: {each}" for each in _grave(page)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "packages/?limit=2&offset=2&format=api",
        "packages/django-rest-framework/",
        "grids/?limit=2",
        "grids/authentication/",
        "categories/?limit=2",
        "categories/1/",
        "search/?q=chat",
        "search/?q=zxqzxq",
        "search/",
        "packages/no-such-package/",
    ],
)
def test_a_page_shuts_nobody_out(browser: Browser, site: int, axe: str, path: str) -> None:
    with visiting(browser, site, bypass_csp=True) as (page, _):
        page.goto(ROOT + path)
        _check(page, axe)


def test_nor_does_a_sorted_table(browser: Browser, site: int, axe: str) -> None:
    with visiting(browser, site, bypass_csp=True) as (page, _):
        page.goto(f"{ROOT}grids/chat/")
        page.get_by_role("button", name="Stars").click()
        _check(page, axe)


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("DELETE", 405)])
def test_nor_do_the_pages_of_other_methods(
    browser: Browser, site: int, axe: str, method: str, status: int
) -> None:
    with visiting(browser, site, bypass_csp=True) as (page, _):
        page.route("**/*", lambda route: route.continue_(method=method))
        response = page.goto(f"{ROOT}packages/?limit=2")
        assert response is not None
        assert response.status == status
        assert page.locator(".request b").inner_text() == method
        _check(page, axe)


def test_axe_sees_what_is_wrong(browser: Browser, site: int, axe: str) -> None:
    with visiting(browser, site, bypass_csp=True) as (page, _):
        page.goto(ROOT)
        page.evaluate(axe)
        page.evaluate(
            "() => { document.querySelector('label').remove();"
            " document.getElementById('q').placeholder = '';"
            " document.querySelector('h1').style.color = '#bbbbbb' }"
        )
        found = "\n".join(_grave(page))
        assert "label" in found
        assert "color-contrast" in found
