"""Items side by side: the packages of a grid, and the items of a page of a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.api.html.chart import sparkline, weeks_of
from chalicelib.api.html.links import Addresses
from chalicelib.api.html.summary import NONE, date, is_number, items, number, text

#: A table of more rows helps nobody; the JSON has them all.
MOST_ROWS = 200
_LONGEST_TEXT = 240


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows, and ``value``, by which its column is sorted (``None``: always last)."""

    shown: str
    value: str | int | None = None
    link: str | None = None
    spark: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` are titles, and whether there are numbers below; ``left_out`` counts rows."""

    caption: str
    columns: tuple[tuple[str, bool], ...]
    rows: list[list[Cell]]
    left_out: int = 0


def of_packages(
    caption: str, packages: Sequence[Any], left_out: int, addresses: Addresses
) -> Table:
    """Packages by their JSON, in the order given."""
    columns = (
        ("Package", False),
        ("Version", False),
        ("Stars", True),
        ("Forks", True),
        ("Participants", True),
        ("Last commit", False),
        ("Commits, 52 weeks", True),
    )
    return _table(caption, columns, packages, left_out, lambda each: _package(each, addresses))


def of_list(view: str, results: Sequence[Any], addresses: Addresses) -> Table | None:
    """The items of a page of a list; none for a list that has no items."""
    if not results:
        return None
    if view == "packages-list":
        return of_packages("Packages on this page", results, 0, addresses)
    if view == "grids-list":
        columns: tuple[tuple[str, bool], ...] = (
            ("Grid", False),
            ("Packages", True),
            ("Description", False),
        )
        return _table(
            "Grids on this page", columns, results, 0, lambda each: _grid(each, addresses)
        )
    columns = (("Category", False), ("Description", False))
    return _table(
        "Categories on this page", columns, results, 0, lambda each: _category(each, addresses)
    )


def _table(
    caption: str,
    columns: tuple[tuple[str, bool], ...],
    entries: Sequence[Any],
    left_out: int,
    row: Callable[[dict[str, Any]], list[Cell]],
) -> Table:
    shown = [row(entry) for entry in entries[:MOST_ROWS] if isinstance(entry, dict)]
    return Table(caption, columns, shown, left_out + max(0, len(entries) - MOST_ROWS))


def _package(data: dict[str, Any], addresses: Addresses) -> list[Cell]:
    names = items(data.get("participants"))
    last = data.get("last_updated")
    version = text(data.get("pypi_version"))
    return [
        _head(data, "packages", addresses),
        Cell(version or NONE, version or None),
        _count(data.get("repo_watchers")),
        _count(data.get("repo_forks")),
        _count(len(names)),
        Cell(date(last), last if date(last) != NONE else None),
        _year(weeks_of(data.get("commits_over_52"))),
    ]


def _year(weeks: list[int]) -> Cell:
    """How many commits there were, and when."""
    if not weeks:
        return Cell(NONE)
    return Cell(number(sum(weeks)), sum(weeks), spark=sparkline(weeks) or None)


def _grid(data: dict[str, Any], addresses: Addresses) -> list[Cell]:
    description = _brief(data.get("description"))
    return [
        _head(data, "grids", addresses),
        _count(len(items(data.get("packages")))),
        Cell(description or NONE, description or None),
    ]


def _category(data: dict[str, Any], addresses: Addresses) -> list[Cell]:
    description = _brief(data.get("description"))
    return [
        _head(data, "categories", addresses),
        Cell(description or NONE, description or None),
    ]


def _head(data: dict[str, Any], collection: str, addresses: Addresses) -> Cell:
    """The title, leading to the item by its id, which every item has."""
    identifier = data.get("id")
    link = addresses.view(f"{collection}/{identifier}") if is_number(identifier) else None
    title = text(data.get("title")) or text(data.get("slug")) or NONE
    return Cell(title, title, link)


def _count(value: Any) -> Cell:
    return Cell(number(value), value if is_number(value) else None)


def _brief(value: Any) -> str:
    """The beginning of a text."""
    whole = text(value)
    return whole if len(whole) <= _LONGEST_TEXT else whole[:_LONGEST_TEXT].rstrip() + "…"
