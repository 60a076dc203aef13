"""What a person wants to know of a package, grid or category at a glance, out of its JSON.

Nothing is taken on trust: whatever a value is, there is something to show or nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.api.html.chart import Chart, chart_of, weeks_of
from chalicelib.api.html.highlight import is_web_address

#: Where there is nothing to show: an en dash.
NONE = "\u2013"
_NAMES_SHOWN = 12
_ADDRESSES = (
    ("Repository", "repo_url"),
    ("Package index", "pypi_url"),
    ("Documentation", "documentation_url"),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The head of an item's page; ``figures`` are labels and values, ``links`` labels and URLs."""

    title: str = ""
    description: str = ""
    figures: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    participants: list[str] = field(default_factory=list)
    unnamed: int = 0
    has_weeks: bool = False
    chart: Chart | None = None


def text(value: Any) -> str:
    """A text without the white space around it; empty if it is none."""
    return value.strip() if isinstance(value, str) else ""


def number(value: Any) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}" if is_number(value) else NONE


def is_number(value: Any) -> bool:
    """Whether it is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def date(value: Any) -> str:
    """The day of an instant: ``21 Mar 2021``."""
    try:
        return f"{datetime.fromisoformat(value):%-d %b %Y}"
    except (TypeError, ValueError):
        return NONE


def items(value: Any) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []


def of_package(data: dict[str, Any]) -> Facts:
    """A package: figures, links to where it lives, who takes part, a year of commits."""
    names = [name for name in map(text, items(data.get("participants"))) if name]
    addresses = [(label, data.get(key)) for label, key in _ADDRESSES]
    return Facts(
        title=text(data.get("title")),
        description=text(data.get("repo_description")),
        figures=[
            ("Stars", number(data.get("repo_watchers"))),
            ("Forks", number(data.get("repo_forks"))),
            ("Version", text(data.get("pypi_version")) or NONE),
            ("Participants", number(len(names))),
            ("Last commit", date(data.get("last_updated"))),
            ("Grids", number(len(items(data.get("grids"))))),
        ],
        links=[(label, url) for label, url in addresses if url and is_web_address(url)],
        participants=names[:_NAMES_SHOWN],
        unnamed=max(0, len(names) - _NAMES_SHOWN),
        has_weeks=True,
        chart=chart_of(weeks_of(data.get("commits_over_52"))),
    )


def of_grid(data: dict[str, Any]) -> Facts:
    """A grid: what it compares, and how many."""
    return Facts(
        title=text(data.get("title")),
        description=text(data.get("description")),
        figures=[
            ("Packages", number(len(items(data.get("packages"))))),
            ("Locked", "yes" if data.get("is_locked") is True else "no"),
            ("Modified", date(data.get("modified"))),
        ],
    )


def of_category(data: dict[str, Any]) -> Facts:
    """A category: its name and description say all."""
    return Facts(title=text(data.get("title")), description=text(data.get("description")))


OF = {
    "packages-detail": of_package,
    "grids-detail": of_grid,
    "categories-detail": of_category,
}
