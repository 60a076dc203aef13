"""The chart of a package's weeks, and tables of more packages than they show."""

import pytest

from tests.support import fixtures
from tests.support.html_document import page

WEEKS = [place % 7 for place in range(52)]


@pytest.fixture(scope="module")
def charts(bare: int, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Packages with weeks of all kinds, and a grid of more than a table shows; the port."""
    weeks = {1: WEEKS, 2: [], 3: [5, 0, 1], 4: [0] * 52, 5: [9] * 60, 6: [1], 7: None}
    numbers = range(1, 204)
    loaded = fixtures.load_records(
        tmp_path_factory.mktemp("charts"),
        fixtures.category(),
        *(fixtures.package(pk, commits_over_52w=weeks.get(pk)) for pk in numbers),
        fixtures.grid(1),
        fixtures.grid(2),
        *(fixtures.row(pk, 1, pk) for pk in numbers),
    )
    assert not loaded.refusals
    return bare


def test_the_year_is_drawn_as_bars(charts: int) -> None:
    found = page(charts, "packages/1/")
    drawn = found.one("figure").one("svg")
    assert drawn.attributes["role"] == "img"
    total = f"{sum(WEEKS)} in all, 6 in the busiest week"
    assert drawn.attributes["aria-label"] == f"Commits in the last 52 weeks: {total}"
    titles = [each.text for each in drawn.all("title")]
    assert titles[0] == "Commits in the last 52 weeks"
    assert titles[1:4] == [
        "0 commits, 51 weeks before",
        "1 commit, 50 weeks before",
        "2 commits, 49 weeks before",
    ]
    assert titles[-2:] == ["1 commit, 1 week before", "2 commits, the latest week"]
    assert len(titles) == 53
    assert total in drawn.one("desc").text
    heights = [float(bar.attributes["height"]) for bar in drawn.all("rect", class_="bar")]
    counts = [count for count in WEEKS if count]
    unit = heights[0] / counts[0]
    assert heights == pytest.approx([unit * count for count in counts], abs=0.05)
    labels = [text.text for text in drawn.all("text")]
    assert labels == [
        "0",
        "2",
        "4",
        "6",
        "51 weeks before",
        "\u221239",
        "\u221226",
        "\u221213",
        "latest week",
    ]


def test_the_chart_is_there_as_a_table_too(charts: int) -> None:
    rows = page(charts, "packages/1/").one("details").one("tbody").all("tr")
    assert [int(row.one("td").text) for row in rows] == WEEKS[::-1]
    assert rows[0].one("th").text == "the latest week"


@pytest.mark.parametrize(
    ("pk", "drawn", "bars", "total"),
    [
        (3, 3, 2, "3 weeks: 6 in all"),
        (5, 52, 52, "52 weeks: 468 in all"),
        (6, 1, 1, "week: 1 in all"),
    ],
)
def test_other_numbers_of_weeks_are_drawn_as_they_are(
    charts: int, pk: int, drawn: int, bars: int, total: str
) -> None:
    figure = page(charts, f"packages/{pk}/").one("figure")
    assert len(figure.all("rect", class_="week")) == drawn
    assert len(figure.all("rect", class_="bar")) == bars
    assert f"Commits in the last {total}" in figure.one("svg").attributes["aria-label"]


@pytest.mark.parametrize("pk", [2, 7])
def test_without_weeks_there_is_no_chart(charts: int, pk: int) -> None:
    figure = page(charts, f"packages/{pk}/").one("figure")
    assert figure.all("svg") == []
    assert "No figures yet." in figure.text


def test_a_year_without_commits_is_a_sentence_and_no_empty_frame(charts: int) -> None:
    figure = page(charts, "packages/4/").one("figure")
    assert figure.text.strip() == "Commits by week No commits in the last 52 weeks."
    for tag in ("svg", "details"):
        assert figure.all(tag) == []
    row = page(charts, "packages/?offset=199&limit=1").one("tbody").one("tr")
    assert row.all("td")[-1].text == "0"
    assert row.all("svg") == []


def test_a_table_is_bounded_and_says_so(charts: int) -> None:
    table = page(charts, "grids/1/").one("table")
    assert len(table.one("tbody").all("tr")) == 200
    assert "(the first 200; 3 more are in the JSON below)" in table.one("caption").text
    table = page(charts, "packages/?limit=203").one("table")
    assert len(table.one("tbody").all("tr")) == 200
    assert "3 more" in table.one("caption").text


def test_an_empty_grid_has_no_table(charts: int) -> None:
    assert page(charts, "grids/2/").all("table") == []
