"""Summaries of packages, grids, categories and search hits for people, made from their JSON.

No value is trusted: each is shown if it has the expected type, and replaced by a dash if not.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.api.html.chart import Chart, build_chart, get_weeks
from chalicelib.api.html.highlight import is_web_url
from chalicelib.api.html.links import Links

#: Shown in place of a missing value: an en dash.
MISSING = "\u2013"
_MAX_NAMES = 12
_MAX_HIT_TEXT = 320
_PACKAGE_URLS = (
    ("Repository", "repo_url"),
    ("Package index", "pypi_url"),
    ("Documentation", "documentation_url"),
)
_HIT_COLLECTIONS = {"package": "packages", "grid": "grids"}


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of an item's page; ``figures`` are labels and values, ``links`` labels and URLs."""

    title: str = ""
    description: str = ""
    figures: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    participants: list[str] = field(default_factory=list)
    participants_left_out: int = 0
    has_weeks: bool = False
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of a search; ``link`` is its view in the API."""

    title: str
    kind: str
    link: str | None
    description: str
    notes: list[str]


def get_text(value: Any) -> str:
    """Return a text without surrounding white space; empty if the value is not a text."""
    return value.strip() if isinstance(value, str) else ""


def get_list(value: Any) -> list[Any]:
    """Return a list; empty if the value is not a list."""
    return value if isinstance(value, list) else []


def is_integer(value: Any) -> bool:
    """Return whether a value is a whole number; JSON's true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def format_number(value: Any) -> str:
    """Format a whole number with separators of thousands."""
    return f"{value:,}" if is_integer(value) else MISSING


def format_date(value: Any) -> str:
    """Format the day of an ISO 8601 instant: ``21 Mar 2021``."""
    try:
        return f"{datetime.fromisoformat(value):%-d %b %Y}"
    except (TypeError, ValueError):
        return MISSING


def truncate(text: str, max_length: int) -> str:
    """Shorten a text to ``max_length`` characters and an ellipsis."""
    return text if len(text) <= max_length else text[:max_length].rstrip() + "…"


def summarize_package(data: dict[str, Any]) -> Summary:
    """Summarize a package: figures, external links, participants, commits by week."""
    names = [name for name in map(get_text, get_list(data.get("participants"))) if name]
    urls = [(label, data.get(key)) for label, key in _PACKAGE_URLS]
    return Summary(
        title=get_text(data.get("title")),
        description=get_text(data.get("repo_description")),
        figures=[
            ("Stars", format_number(data.get("repo_watchers"))),
            ("Forks", format_number(data.get("repo_forks"))),
            ("Version", get_text(data.get("pypi_version")) or MISSING),
            ("Participants", format_number(len(names))),
            ("Last commit", format_date(data.get("last_updated"))),
            ("Grids", format_number(len(get_list(data.get("grids"))))),
        ],
        links=[(label, url) for label, url in urls if url and is_web_url(url)],
        participants=names[:_MAX_NAMES],
        participants_left_out=max(0, len(names) - _MAX_NAMES),
        has_weeks=True,
        chart=build_chart(get_weeks(data.get("commits_over_52"))),
    )


def summarize_grid(data: dict[str, Any]) -> Summary:
    """Summarize a grid: its description and the number of its packages."""
    return Summary(
        title=get_text(data.get("title")),
        description=get_text(data.get("description")),
        figures=[
            ("Packages", format_number(len(get_list(data.get("packages"))))),
            ("Locked", "yes" if data.get("is_locked") is True else "no"),
            ("Modified", format_date(data.get("modified"))),
        ],
    )


def summarize_category(data: dict[str, Any]) -> Summary:
    """Summarize a category: its title and description."""
    return Summary(title=get_text(data.get("title")), description=get_text(data.get("description")))


def build_hits(results: list[Any], links: Links) -> list[Hit]:
    """Return the hits of a search, in its order."""
    return [_build_hit(result, links) for result in results if isinstance(result, dict)]


def _build_hit(result: dict[str, Any], links: Links) -> Hit:
    # A result's absolute_url is a page of the original's site, so it does not become a link.
    kind = get_text(result.get("item_type"))
    collection = _HIT_COLLECTIONS.get(kind)
    link = links.build_item_link(collection, result.get("slug")) if collection else None
    notes = [get_text(result.get("category"))]
    for label, key in (("stars", "repo_watchers"), ("forks", "repo_forks")):
        value = result.get(key)
        if kind == "package" and is_integer(value):
            notes.append(f"{format_number(value)} {label}")
    return Hit(
        title=get_text(result.get("title")) or get_text(result.get("slug")) or "Without a title",
        kind=kind,
        link=link,
        description=truncate(get_text(result.get("description")), _MAX_HIT_TEXT),
        notes=[note for note in notes if note],
    )
