"""The JSON body of an entity, which is stored with its item and served by the API.

An item is rendered once when it is written, and served many times, for any host and format. So
the stored body has ``LINK_START path LINK_END`` for each link: two control characters, which
JSON never has unescaped. ``resolve_links`` puts the request's base URL and ending in their place.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.catalog.entities import Category, Grid, Package

#: Raise it with every change of ``render_body``: ``rerender_bodies`` finds older bodies by it.
RENDER_VERSION = 1
LINK_START = "\x01"
LINK_END = "\x02"
TIME_ZONE = ZoneInfo("America/New_York")


def to_json(value: Any, indent: int | None = None) -> str:
    """Return ``value`` as the original's JSON renderer writes it.

    Non-ASCII characters are not escaped, except U+2028 and U+2029, which are line ends in
    JavaScript. Without ``indent`` the JSON is compact; with it, there is one item a line.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def to_local_time(instant: datetime | None) -> str | None:
    """Return an instant as the original does: in New York time, microseconds unless zero."""
    return None if instant is None else instant.astimezone(TIME_ZONE).isoformat()


def split_participants(text: str | None) -> list[str]:
    """Split a text of participants at commas, and return the names that are not blank."""
    return [name for part in (text or "").split(",") if (name := part.strip())]


def resolve_links(body: str, base: str, ending: str) -> str:
    """Return the body with each link made absolute: ``base`` + path + ``ending``.

    ``base`` ends in ``/api/v4/``; ``ending`` is ``/``, or the suffix of the request's format.
    """
    return body.replace(LINK_START, base).replace(LINK_END, ending)


def is_renderable(instant: datetime) -> bool:
    """Return False for the first and last hours of the calendar, which have no New York time."""
    try:
        to_local_time(instant)
    except OverflowError:
        return False
    return True


@singledispatch
def render_body(entity: Any) -> str:
    """Return the compact JSON of an entity, with marked links and the original's order of keys."""
    raise TypeError(f"cannot render {type(entity).__name__}")


@render_body.register
def _(package: Package) -> str:
    return _object(
        category=_link("categories", package.category_id),
        grids=_links("grids", (grid for _, grid in package.memberships)),
        id=to_json(package.id),
        title=to_json(package.title),
        slug=to_json(package.slug),
        last_updated=to_json(to_local_time(package.last_commit_date)),
        last_fetched=to_json(to_local_time(package.last_fetched)),
        repo_url=to_json(package.repo_url),
        pypi_version=to_json(package.pypi_version),
        created=to_json(to_local_time(package.created)),
        modified=to_json(to_local_time(package.modified)),
        repo_forks=to_json(package.repo_forks),
        repo_description=to_json(package.repo_description),
        pypi_url=to_json(package.pypi_url),
        documentation_url=to_json(package.documentation_url),
        repo_watchers=to_json(package.repo_watchers),
        commits_over_52=to_json(list(package.commits_over_52w)),
        participants=to_json(split_participants(package.participants)),
    )


@render_body.register
def _(grid: Grid) -> str:
    return _object(
        id=to_json(grid.id),
        title=to_json(grid.title),
        slug=to_json(grid.slug),
        description=to_json(grid.description),
        is_locked=to_json(grid.is_locked),
        packages=_links("packages", (package for _, package in grid.members)),
        header=to_json(grid.header),
        created=to_json(to_local_time(grid.created)),
        modified=to_json(to_local_time(grid.modified)),
    )


@render_body.register
def _(category: Category) -> str:
    return _object(
        id=to_json(category.id),
        title=to_json(category.title),
        slug=to_json(category.slug),
        description=to_json(category.description),
        title_plural=to_json(category.title_plural),
        show_pypi=to_json(category.show_pypi),
        created=to_json(to_local_time(category.created)),
        modified=to_json(to_local_time(category.modified)),
    )


def _object(**members: str) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


def _link(collection: str, identifier: int) -> str:
    return f'"{LINK_START}{collection}/{identifier}{LINK_END}"'


def _links(collection: str, identifiers: Iterable[int]) -> str:
    return "[" + ",".join(_link(collection, identifier) for identifier in identifiers) + "]"
