"""Where a page of a list stands in the whole, and what a search found."""

from dataclasses import dataclass
from typing import Any

from chalicelib.api import pagination
from chalicelib.api.html.highlight import is_web_address
from chalicelib.api.html.links import Addresses
from chalicelib.api.html.summary import is_number, items, number, text
from chalicelib.api.renderers import Context

_COLLECTIONS = {"package": "packages", "grid": "grids"}
_LONGEST_TEXT = 320


@dataclass(frozen=True, slots=True)
class Paging:
    """``position`` for people: ``21-40 of 600``, with a dash; the links may be missing."""

    position: str
    previous: str | None
    following: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a search found; ``link`` is its view in the API."""

    title: str
    kind: str
    link: str | None
    description: str
    notes: list[str]


def paging_of(data: dict[str, Any], context: Context) -> Paging:
    """The position and neighbours of a page of a list."""
    count, results = data.get("count"), items(data.get("results"))
    offset = pagination.offset_of(context.request)
    first, last = number(offset + 1), number(offset + len(results))
    position = f"{first}\u2013{last} of {number(count)}" if results else f"None of {number(count)}"
    return Paging(position, _link(data.get("previous")), _link(data.get("next")))


def hits_of(found: list[Any], addresses: Addresses) -> list[Hit]:
    """What a search answered, in its order."""
    return [_hit(entry, addresses) for entry in found if isinstance(entry, dict)]


def _hit(entry: dict[str, Any], addresses: Addresses) -> Hit:
    """The ``absolute_url`` of an entry is a page of the original's site, so it is no link here."""
    kind = text(entry.get("item_type"))
    collection = _COLLECTIONS.get(kind)
    link = addresses.item(collection, entry.get("slug")) if collection else None
    description = text(entry.get("description"))
    if len(description) > _LONGEST_TEXT:
        description = description[:_LONGEST_TEXT].rstrip() + "…"
    notes = [text(entry.get("category"))]
    for label, key in (("stars", "repo_watchers"), ("forks", "repo_forks")):
        value = entry.get(key)
        if kind == "package" and is_number(value):
            notes.append(f"{number(value)} {label}")
    title = text(entry.get("title")) or text(entry.get("slug")) or "Without a title"
    return Hit(title, kind, link, description, [note for note in notes if note])


def _link(value: Any) -> str | None:
    return value if isinstance(value, str) and is_web_address(value) else None
