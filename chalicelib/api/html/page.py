"""The HTML page of a response: its JSON, and above it what a person wants to see first.

To add a page for a view, write a function with the signature of ``Section`` and put it in
``SECTIONS`` under the name of the route. It returns variables of ``templates/page.html``.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from chalicelib.api import pagination
from chalicelib.api.html import assets, chart, highlight, summary, tables
from chalicelib.api.html.links import Links
from chalicelib.api.render_context import RenderContext
from chalicelib.api.routes import ROUTES_BY_VIEW
from chalicelib.catalog import queries
from chalicelib.catalog.json_body import resolve_links

#: The headers that the original shows with the JSON, whatever else is sent.
_SHOWN_HEADERS = (
    ("Allow", "GET, HEAD, OPTIONS"),
    ("Content-Type", "application/json"),
    ("Vary", "Accept"),
)
#: A sentence about each view that needs one.
_INTRODUCTIONS = {
    "api-root": "Reusable packages and their figures, by category and compared in grids.",
    "packages-list": "Reusable packages, newest first.",
    "grids-list": "A grid compares packages that do the same job, side by side.",
    "categories-list": "Every package is in one category.",
    "search": "The best 20 packages and grids by title and description, best first.",
}
#: The collections on the start page and in the navigation: path, title and description.
_COLLECTIONS = (
    ("packages", "Packages", "Stars, forks, participants, releases and a year of commits of each."),
    ("grids", "Grids", "Packages that do the same job, in a table that can be sorted."),
    ("categories", "Categories", "What kinds of packages there are."),
)


@dataclass(frozen=True, slots=True)
class Paging:
    """The position in a list (``21-40 of 600``, with an en dash) and links to its neighbours."""

    position: str
    previous: str | None
    next: str | None


Section = Callable[[Any, RenderContext, Links], dict[str, Any]]


def render_page(status: int, content: str, context: RenderContext) -> str:
    """Return the page of a response; ``content`` is its JSON, compact.

    For a grid this reads the figures of its packages, and may raise an error of the storage.
    """
    data = json.loads(content)
    links = Links(context)
    request, view = context.request, context.match.view
    # A HEAD request gets the headers of GET, so the page is that of GET.
    method = "GET" if request.method == "HEAD" else request.method
    values: dict[str, Any] = {
        "status": status,
        "phrase": HTTPStatus(status).phrase,
        "headers": _SHOWN_HEADERS,
        "block": highlight.highlight_json(context.indent_json(content, default=4), links.root),
        "method": method,
        "target": request.quoted_path + (f"?{request.quoted_query}" if request.query else ""),
        "links": links,
        "view": view,
        "name": get_title(view),
        "introduction": _INTRODUCTIONS.get(view, ""),
        "collections": _COLLECTIONS,
        "term": (request.parameter("q") or "") if view == "search" else "",
        "spark": (chart.SPARK_WIDTH, chart.SPARK_HEIGHT),
        "error": str(data.get("detail", "")) if status >= 400 else "",
        "summary": summary.Summary(),
        "cards": [],
        "table": None,
        "paging": None,
        "hits": None,
    }
    if status == 200 and method == "GET":
        values |= SECTIONS[view](data, context, links)
    values["crumbs"] = _build_crumbs(context, links, values["summary"].title)
    return assets.ENVIRONMENT.get_template("page.html").render(values)


def get_title(view: str) -> str:
    """Return a view's title: its name in OPTIONS, except for the search."""
    return "Search" if view == "search" else ROUTES_BY_VIEW[view].name


def _build_root_section(data: Any, context: RenderContext, links: Links) -> dict[str, Any]:
    return {"cards": [(title, data[path], text) for path, title, text in _COLLECTIONS]}


def _build_search_section(data: Any, context: RenderContext, links: Links) -> dict[str, Any]:
    return {"hits": summary.build_hits(summary.get_list(data), links)}


def _build_list_section(data: Any, context: RenderContext, links: Links) -> dict[str, Any]:
    collection = context.match.view.partition("-")[0]
    results = summary.get_list(data.get("results"))
    return {
        "paging": _build_paging(data, context),
        "table": tables.build_list_table(collection, results, links),
    }


def _build_package_section(data: Any, context: RenderContext, links: Links) -> dict[str, Any]:
    return {"summary": summary.summarize_package(data)}


def _build_category_section(data: Any, context: RenderContext, links: Links) -> dict[str, Any]:
    return {"summary": summary.summarize_category(data)}


def _build_grid_section(data: Any, context: RenderContext, links: Links) -> dict[str, Any]:
    """Return the summary and the table of the grid's packages, in its order."""
    # The grid's JSON has links to its packages, which end in their ids.
    package_link = re.compile(re.escape(f"{links.root}packages/") + r"([0-9]+)")
    urls = [url for url in summary.get_list(data.get("packages")) if isinstance(url, str)]
    ids = list(dict.fromkeys(int(match[1]) for url in urls if (match := package_link.match(url))))
    values: dict[str, Any] = {"summary": summary.summarize_grid(data)}
    if ids:
        bodies = queries.get_bodies("packages", ids[: tables.MAX_ROWS])
        # The table shows no links of the bodies, so they are dropped.
        packages = [json.loads(resolve_links(body, "", "")) for body in bodies]
        left_out = max(0, len(ids) - tables.MAX_ROWS)
        values["table"] = tables.build_grid_table(packages, left_out, links)
    return values


SECTIONS: dict[str, Section] = {
    "api-root": _build_root_section,
    "packages-list": _build_list_section,
    "packages-detail": _build_package_section,
    "search": _build_search_section,
    "grids-list": _build_list_section,
    "grids-detail": _build_grid_section,
    "categories-list": _build_list_section,
    "categories-detail": _build_category_section,
}


def _build_paging(data: dict[str, Any], context: RenderContext) -> Paging:
    results = summary.get_list(data.get("results"))
    count = summary.format_number(data.get("count"))
    offset = pagination.get_offset(context.request)
    first = summary.format_number(offset + 1)
    last = summary.format_number(offset + len(results))
    position = f"{first}\u2013{last} of {count}" if results else f"None of {count}"
    return Paging(position, _get_url(data.get("previous")), _get_url(data.get("next")))


def _get_url(value: Any) -> str | None:
    return value if isinstance(value, str) and highlight.is_web_url(value) else None


def _build_crumbs(context: RenderContext, links: Links, title: str) -> list[tuple[str, str]]:
    """Return names and links of the views above this one, and its own (its item's title)."""
    view, ident = context.match.view, context.match.ident
    crumbs = [(get_title("api-root"), links.build_view_link(""))]
    if view == "api-root":
        return crumbs
    collection, _, kind = view.partition("-")
    parent = "search" if view == "search" else f"{collection}-list"
    crumbs.append((get_title(parent), links.build_view_link(collection)))
    if kind == "detail":
        link = links.build_view_link(f"{collection}/{quote(ident, safe='')}")
        crumbs.append((title or get_title(view), link))
    return crumbs
