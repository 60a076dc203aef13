"""The pages in a browser, as people use them: by mouse, by keyboard, with and without script."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visiting import ROOT, visiting

#: A page of each kind; the sample has them all.
PATHS = [
    "",
    "packages/",
    "packages/django-rest-framework/",
    "grids/",
    "grids/authentication/",
    "categories/1/",
    "search/?q=chat",
    "search/?q=zxqzxq",
    "search/",
    "packages/no-such-package/",
]


def _column(page: Page, number: int) -> list[str]:
    return page.locator(f"main tbody tr > :nth-child({number})").all_inner_texts()


def _as_number(shown: str) -> int:
    """What a cell shows of a count; an en dash is none, and goes last in either direction."""
    return int(shown.replace(",", ""))


def test_links_lead_from_the_root_to_a_package_and_back(page: Page) -> None:
    page.goto(ROOT)
    expect(page.get_by_role("heading", level=1)).to_have_text("Api Root")
    page.get_by_role("main").get_by_role("link", name="Packages", exact=True).click()
    expect(page).to_have_url(re.compile(r"/api/v4/packages/$"))
    page.go_back()
    page.get_by_role("region", name="Response").get_by_role("link", name="packages/").click()
    expect(page).to_have_url(re.compile(r"/api/v4/packages/$"))
    title = _column(page, 1)[2]
    page.locator("main table").get_by_role("link", name=title, exact=True).click()
    expect(page).to_have_url(re.compile(r"/api/v4/packages/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    crumbs = page.get_by_role("navigation", name="Breadcrumbs").get_by_role("link")
    expect(crumbs).to_have_text(["Api Root", "Package List", title])
    crumbs.nth(1).click()
    expect(page).to_have_url(re.compile(r"/api/v4/packages/$"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.get_by_role("link", name="Packgrid API v4").click()
    expect(page).to_have_url(re.compile(r"/api/v4/$"))


def test_a_package_has_a_chart_of_52_weeks_with_tooltips_and_a_table(page: Page) -> None:
    page.goto(f"{ROOT}packages/django-rest-framework/")
    chart = page.get_by_role("img", name="Commits in the last 52 weeks")
    expect(chart).to_be_visible()
    weeks = chart.locator("g")
    expect(weeks).to_have_count(52)
    counts = [
        int(label.split()[0].replace(",", ""))
        for label in weeks.locator("title").all_text_contents()
    ]
    shown = page.evaluate("JSON.parse(document.getElementById('json').textContent)")
    assert counts == shown["commits_over_52"]
    heights = [
        box["height"] if (box := week.locator(".bar").bounding_box()) else 0
        for week, count in zip(weeks.all(), counts, strict=True)
        if count
    ]
    assert max(heights) / min(heights) == pytest.approx(
        max(counts) / min(filter(None, counts)), rel=0.05
    )
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(53)


def test_a_grid_is_sorted_by_its_headings(page: Page) -> None:
    page.goto(f"{ROOT}grids/")
    page.locator("main table").get_by_role("link", name="Authentication").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Authentication")
    titles = _column(page, 1)
    stars = page.get_by_role("columnheader", name="Stars")
    stars.get_by_role("button").click()
    expect(stars).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("status")).to_have_text("Sorted by Stars, descending.")
    figures = [_as_number(shown) for shown in _column(page, 3)]
    assert figures == sorted(figures, reverse=True)
    assert [str(n) for n in figures] != sorted(map(str, figures), reverse=True), "as text the same"
    assert _column(page, 1) != titles
    assert sorted(_column(page, 1)) == sorted(titles)
    stars.get_by_role("button").click()
    expect(stars).to_have_attribute("aria-sort", "ascending")
    assert [_as_number(shown) for shown in _column(page, 3)] == figures[::-1]


def test_a_grid_is_sorted_by_keyboard(page: Page) -> None:
    page.goto(f"{ROOT}grids/authentication/")
    forks = page.get_by_role("columnheader", name="Forks")
    package = page.get_by_role("columnheader", name="Package")
    forks.get_by_role("button").press("Enter")
    expect(forks).to_have_attribute("aria-sort", "descending")
    figures = [_as_number(shown) for shown in _column(page, 4)]
    assert figures == sorted(figures, reverse=True)
    expect(forks.get_by_role("button")).to_be_focused()
    package.get_by_role("button").press("Space")
    expect(package).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("[aria-sort]")).to_have_count(1)
    assert _column(page, 1) == sorted(_column(page, 1), key=str.casefold)


def test_search_finds_and_leads_on(page: Page) -> None:
    page.goto(ROOT)
    page.get_by_role("searchbox", name="Search").fill("two factor")
    page.get_by_role("searchbox", name="Search").press("Enter")
    expect(page).to_have_url(re.compile(r"/api/v4/search/\?q=two\+factor$"))
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("two factor")
    hits = page.get_by_role("region", name=re.compile("results? for")).get_by_role("listitem")
    found = hits.filter(has_text="django-two-factor-auth")
    found.first.get_by_role("link", name="django-two-factor-auth").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("django-two-factor-auth")
    page.get_by_role("searchbox", name="Search").fill("zxqzxq")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("Nothing found")


def test_a_list_is_paged(page: Page) -> None:
    page.goto(f"{ROOT}packages/")
    paging = page.get_by_role("navigation", name="Pages", exact=True)
    expect(paging).to_contain_text("1\u201320 of 67")
    expect(paging.get_by_role("link", name="Previous page")).to_have_count(0)
    first = _column(page, 1)
    paging.get_by_role("link", name="Next page").click()
    expect(paging).to_contain_text("21\u201340 of 67")
    assert not set(first) & set(_column(page, 1))
    paging.get_by_role("link", name="Previous page").click()
    expect(paging).to_contain_text("1\u201320 of 67")
    assert _column(page, 1) == first
    page.goto(f"{ROOT}packages/?offset=60")
    expect(paging).to_contain_text("61\u201367 of 67")
    expect(paging.get_by_role("link", name="Next page")).to_have_count(0)


def test_formats_are_switched(page: Page) -> None:
    page.goto(f"{ROOT}grids/chat/")
    shown = page.evaluate("JSON.parse(document.getElementById('json').textContent)")
    formats = page.get_by_role("navigation", name="Formats")
    with page.expect_response(re.compile("format=json")) as answer:
        formats.get_by_role("link", name="JSON").click()
    assert answer.value.headers["content-type"] == "application/json"
    sent = answer.value.json()
    # Its links lead to more of the same format.
    assert [link.removesuffix("?format=json") for link in sent["packages"]] == shown["packages"]
    assert {**sent, "packages": None} == {**shown, "packages": None}
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Chat")
    formats.get_by_role("link", name="Page").click()
    expect(page).to_have_url(re.compile(r"\?format=api$"))
    page.get_by_role("navigation", name="Collections").get_by_role("link", name="Grids").click()
    expect(page).to_have_url(re.compile(r"/grids/\?format=api$"))


def test_without_script_all_is_there(browser: Browser, site: int) -> None:
    with (
        visiting(browser, site) as (scripted, _),
        visiting(browser, site, java_script_enabled=False) as (plain, _),
    ):
        for path in ("packages/?limit=3", "packages/daphne/", "grids/chat/", "search/?q=chat"):
            scripted.goto(ROOT + path)
            plain.goto(ROOT + path)
            for what in ("main h1", "main a", "main tbody > tr", "pre"):
                expected = scripted.locator(what).all_inner_texts()
                assert plain.locator(what).all_inner_texts() == expected, (path, what)
            expect(plain.get_by_role("button", name="Copy JSON")).to_have_count(0)
            expect(plain.locator("th button")).to_have_count(0)
        plain.get_by_role("searchbox").fill("chat")
        plain.get_by_role("searchbox").press("Enter")
        expect(plain.get_by_role("heading", level=2).first).to_contain_text("for chat")


def test_nothing_is_wider_than_a_narrow_screen(browser: Browser, site: int) -> None:
    with visiting(browser, site, viewport={"width": 320, "height": 640}) as (page, _):
        for path in PATHS:
            page.goto(ROOT + path)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 320, path


@pytest.mark.parametrize("width", [390, 700])
def test_a_wide_table_keeps_its_names_and_caption_in_view(
    browser: Browser, site: int, width: int
) -> None:
    with visiting(browser, site, viewport={"width": width, "height": 900}) as (page, _):
        page.goto(f"{ROOT}grids/authentication/")
        frame = page.locator("main .scroll")
        kept = [frame.locator("caption span"), frame.locator("thead th").first]
        kept += [frame.locator("tbody th").first, frame.locator("tbody th").last]
        before = [each.bounding_box() for each in kept]
        frame.evaluate("(each) => { each.scrollLeft = 10_000 }")
        assert frame.evaluate("(each) => each.scrollLeft") > 50
        assert [each.bounding_box() for each in kept] == before
        boxes = [box for box in before if box]
        assert len(boxes) == len(kept)
        for box in boxes:
            assert 0 <= box["x"] < box["x"] + box["width"] <= width
        # What is under the names does not show through, and the rest is to be seen.
        x, y = boxes[2]["x"] + 5, boxes[2]["y"] + 5
        top = page.evaluate(
            "([x, y]) => document.elementFromPoint(x, y).closest('th').scope", [x, y]
        )
        assert top == "row"
        last = frame.locator("tbody tr").first.locator("td").last.bounding_box()
        assert last
        assert boxes[2]["x"] + boxes[2]["width"] <= last["x"] + last["width"] <= width


def test_light_and_dark_follow_the_system(page: Page) -> None:
    page.goto(ROOT)
    brightness = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        color = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness[scheme] = sum(map(int, re.findall(r"\d+", color)[:3])) / 3
    assert brightness["light"] > 200
    assert brightness["dark"] < 60


def test_by_keyboard_the_first_stop_skips_to_the_content(page: Page) -> None:
    page.goto(f"{ROOT}grids/chat/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("path", ["grids/chat/", "packages/?limit=3&offset=3", "search/?q=chat"])
def test_by_keyboard_every_stop_shows_where_it_is(page: Page, path: str) -> None:
    page.goto(ROOT + path)
    stops = "a[href], button:not([hidden]), input:not([type=hidden]), summary, [tabindex='0']"
    for _ in range(page.locator(stops).count()):
        page.keyboard.press("Tab")
        name, style, width = page.evaluate(
            "[document.activeElement.outerHTML.slice(0, 80),"
            " getComputedStyle(document.activeElement).outlineStyle,"
            " getComputedStyle(document.activeElement).outlineWidth]"
        )
        assert style == "solid", name
        assert width == "3px", name
    # All have been visited: the next leaves the page, or goes round to its first.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('body, .skip')")


def test_the_json_is_copied(browser: Browser, site: int) -> None:
    with visiting(browser, site, permissions=["clipboard-read", "clipboard-write"]) as (page, _):
        page.goto(f"{ROOT}categories/1/")
        page.get_by_role("button", name="Copy JSON").click()
        expect(page.get_by_role("status")).to_have_text("JSON copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("#json").text_content()


def test_the_policy_stops_what_is_not_ours_and_the_watch_notes_it(
    browser: Browser, site: int
) -> None:
    with visiting(browser, site) as (page, watch):
        page.goto(ROOT)
        page.evaluate(
            "() => { const script = document.createElement('script');"
            " script.textContent = 'window.pwned = 1'; document.body.append(script);"
            " const image = new Image(); image.src = 'https://elsewhere.example/x.png'; }"
        )
        with page.expect_console_message():
            page.evaluate("console.error('the last')")
        assert page.evaluate("window.pwned") is None
        assert [what for what in watch.complaints if "script-src" in what]
        assert [what for what in watch.complaints if "img-src" in what]
        watch.complaints.clear()
