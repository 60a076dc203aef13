"""Tables: the packages of a grid side by side, and the items of a page of a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.api.html.chart import build_sparkline, get_weeks
from chalicelib.api.html.links import Links
from chalicelib.api.html.summary import (
    MISSING,
    format_date,
    format_number,
    get_list,
    get_text,
    is_integer,
    truncate,
)

#: Longer tables help nobody; the JSON has all rows.
MAX_ROWS = 200
_MAX_CELL_TEXT = 240


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, and the ``value`` that its column is sorted by (``None``: always last)."""

    text: str
    value: str | int | None = None
    link: str | None = None
    spark: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``columns`` are titles and whether they hold numbers, ``left_out`` counts rows."""

    caption: str
    columns: tuple[tuple[str, bool], ...]
    rows: list[list[Cell]]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Kind:
    """The columns of a collection, and the function that turns an item into a row."""

    columns: tuple[tuple[str, bool], ...]
    build_row: Callable[[dict[str, Any], Links], list[Cell]]


def build_list_table(collection: str, results: Sequence[Any], links: Links) -> Table | None:
    """Return the table of a page of a list; ``None`` if it has no items."""
    if not results:
        return None
    return _build_table(f"{collection.title()} on this page", collection, results, 0, links)


def build_grid_table(packages: Sequence[Any], left_out: int, links: Links) -> Table:
    """Return the table of a grid's packages in the order given; ``left_out`` are not among them."""
    return _build_table(
        "Packages of this grid, side by side", "packages", packages, left_out, links
    )


def _build_table(
    caption: str, collection: str, items: Sequence[Any], left_out: int, links: Links
) -> Table:
    kind = _KINDS[collection]
    rows = [kind.build_row(item, links) for item in items[:MAX_ROWS] if isinstance(item, dict)]
    return Table(caption, kind.columns, rows, left_out + max(0, len(items) - MAX_ROWS))


def _build_package_row(data: dict[str, Any], links: Links) -> list[Cell]:
    last_commit = data.get("last_updated")
    version = get_text(data.get("pypi_version"))
    date = format_date(last_commit)
    return [
        _build_title_cell(data, "packages", links),
        Cell(version or MISSING, version or None),
        _build_number_cell(data.get("repo_watchers")),
        _build_number_cell(data.get("repo_forks")),
        _build_number_cell(len(get_list(data.get("participants")))),
        Cell(date, last_commit if date != MISSING else None),
        _build_weeks_cell(get_weeks(data.get("commits_over_52"))),
    ]


def _build_grid_row(data: dict[str, Any], links: Links) -> list[Cell]:
    return [
        _build_title_cell(data, "grids", links),
        _build_number_cell(len(get_list(data.get("packages")))),
        _build_text_cell(data.get("description")),
    ]


def _build_category_row(data: dict[str, Any], links: Links) -> list[Cell]:
    return [
        _build_title_cell(data, "categories", links),
        _build_text_cell(data.get("description")),
    ]


def _build_title_cell(data: dict[str, Any], collection: str, links: Links) -> Cell:
    """Return the title, linked to the item by its id, which every item has."""
    identifier = data.get("id")
    link = links.build_view_link(f"{collection}/{identifier}") if is_integer(identifier) else None
    title = get_text(data.get("title")) or get_text(data.get("slug")) or MISSING
    return Cell(title, title, link)


def _build_text_cell(value: Any) -> Cell:
    text = truncate(get_text(value), _MAX_CELL_TEXT)
    return Cell(text or MISSING, text or None)


def _build_number_cell(value: Any) -> Cell:
    return Cell(format_number(value), value if is_integer(value) else None)


def _build_weeks_cell(weeks: list[int]) -> Cell:
    """Return the number of commits, and their weeks as a small chart."""
    if not weeks:
        return Cell(MISSING)
    return Cell(format_number(sum(weeks)), sum(weeks), spark=build_sparkline(weeks) or None)


_KINDS = {
    "packages": _Kind(
        (
            ("Package", False),
            ("Version", False),
            ("Stars", True),
            ("Forks", True),
            ("Participants", True),
            ("Last commit", False),
            ("Commits, 52 weeks", True),
        ),
        _build_package_row,
    ),
    "grids": _Kind((("Grid", False), ("Packages", True), ("Description", False)), _build_grid_row),
    "categories": _Kind((("Category", False), ("Description", False)), _build_category_row),
}
