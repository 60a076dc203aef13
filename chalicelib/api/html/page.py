"""An answer's JSON as a page: what stands on it, put together for the templates."""

import json
import re
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from chalicelib.api.html import assets, captions, chart, highlight, listings, summary, tables
from chalicelib.api.html.links import Addresses
from chalicelib.api.renderers import Context, indented
from chalicelib.catalog import queries
from chalicelib.catalog.json_body import resolve_links

#: The headers that the original shows with the JSON, whatever else is sent.
_HEADERS = (
    ("Allow", "GET, HEAD, OPTIONS"),
    ("Content-Type", "application/json"),
    ("Vary", "Accept"),
)


def page(status: int, content: str, context: Context) -> str:
    """The page of an answer; ``content`` is its JSON, compact.

    For a grid, one read of the storage finds the figures of its packages; raises what that may.
    """
    data = json.loads(content)
    addresses = Addresses(context)
    view = context.match.view
    # A HEAD is to be answered with what GET would have sent, so it is not told apart.
    method = "GET" if context.request.method == "HEAD" else context.request.method
    values: dict[str, Any] = {
        "status": status,
        "phrase": HTTPStatus(status).phrase,
        "headers": _HEADERS,
        "block": highlight.highlighted(indented(content, context.params, 4), addresses.root),
        "method": method,
        "target": _target(context),
        "addresses": addresses,
        "own": addresses.root,
        "view": view,
        "name": captions.name_of(view),
        "about": captions.about(view),
        "collections": captions.COLLECTIONS,
        "term": (context.request.parameter("q") or "") if view == "search" else "",
        "spark": (chart.SPARK_WIDTH, chart.SPARK_HEIGHT),
        "error": str(data.get("detail", "")) if status >= 400 else "",
    }
    is_shown = status == 200 and method == "GET"
    values |= _contents(data, context, addresses) if is_shown else _contents(None, context)
    values["crumbs"] = _crumbs(context, addresses, values["facts"].title)
    return assets.ENVIRONMENT.get_template("page.html").render(values)


def _contents(data: Any, context: Context, addresses: Addresses | None = None) -> dict[str, Any]:
    """What the page shows beside the JSON; nothing of it for errors and OPTIONS."""
    view = context.match.view
    values: dict[str, Any] = {"facts": summary.Facts(), "doors": []}
    values |= {"table": None, "paging": None, "hits": None}
    if addresses is None:
        return values
    if view == "api-root":
        values["doors"] = [(name, data[key], what) for key, name, what in captions.COLLECTIONS]
    elif view == "search":
        values["hits"] = listings.hits_of(summary.items(data), addresses)
    elif view in summary.OF:
        values["facts"] = summary.OF[view](data)
        if view == "grids-detail":
            values["table"] = _compared(summary.items(data.get("packages")), addresses)
    else:
        values["paging"] = listings.paging_of(data, context)
        values["table"] = tables.of_list(view, summary.items(data.get("results")), addresses)
    return values


def _compared(links: list[Any], addresses: Addresses) -> tables.Table | None:
    """The table of a grid's packages, in its order; the links to them say their ids."""
    start = re.compile(re.escape(f"{addresses.root}packages/") + r"([0-9]+)")
    found = [start.match(link) for link in links if isinstance(link, str)]
    ids = list(dict.fromkeys(int(each[1]) for each in found if each))
    if not ids:
        return None
    bodies = queries.get_bodies("packages", ids[: tables.MOST_ROWS])
    # The links in the bodies are not shown.
    packages = [json.loads(resolve_links(body, "", "")) for body in bodies]
    left_out = max(0, len(ids) - tables.MOST_ROWS)
    return tables.of_packages("Packages of this grid, side by side", packages, left_out, addresses)


def _target(context: Context) -> str:
    """Path and query of the request, for its first line."""
    request = context.request
    return request.quoted_path + (f"?{request.quoted_query}" if request.query else "")


def _crumbs(context: Context, addresses: Addresses, title: str) -> list[tuple[str, str]]:
    """Names and links of the views above this one, and of this one (its title, if it has one)."""
    view, ident = context.match.view, context.match.ident
    crumbs = [(captions.name_of("api-root"), addresses.view(""))]
    collection, _, kind = view.partition("-")
    if view == "api-root":
        return crumbs
    listing = "search" if view == "search" else f"{collection}-list"
    crumbs.append((captions.name_of(listing), addresses.view(collection)))
    if kind == "detail":
        item = addresses.view(f"{collection}/{quote(ident, safe='')}")
        crumbs.append((title or captions.name_of(view), item))
    return crumbs
