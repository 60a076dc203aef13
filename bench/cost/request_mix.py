"""The kinds of requests in a month, with their shares and the reasons for them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

ROOT = "/api/v4"
HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


@dataclass(frozen=True, slots=True)
class RequestKind:
    """One kind of request; the shares of all kinds add up to 1."""

    name: str
    share: float
    reason: str


REQUEST_MIX: tuple[RequestKind, ...] = (
    RequestKind("package by slug", 0.42, "what a tool asks that knows a package's name"),
    RequestKind("package by id", 0.10, "links of lists and grids, followed"),
    RequestKind("packages, page of 20", 0.15, "crawlers that follow next, at any depth"),
    RequestKind("packages, page of 100", 0.02, "mirrors, which ask for large pages"),
    RequestKind("grid by slug", 0.06, "comparisons shown elsewhere"),
    RequestKind("grids, page of 20", 0.04, "the list that leads to them"),
    RequestKind("category by id", 0.03, "links of packages, followed"),
    RequestKind("categories", 0.03, "menus"),
    RequestKind("search", 0.10, "people who type"),
    RequestKind("page for people", 0.02, "developers who look at the API in a browser"),
    RequestKind("not found", 0.03, "renamed packages and bad links"),
)
_WORDS = ("auth", "cache forms", "django tags", "audit", "documentation", "way to do it")


def build_paths(kind: str, packages: Sequence[str], draw: random.Random, count: int) -> list[str]:
    """Return ``count`` paths of a kind for a catalogue with these slugs and ids from 1."""
    return [ROOT + _build_path(kind, packages, draw) for _ in range(count)]


def _build_path(kind: str, packages: Sequence[str], draw: random.Random) -> str:
    slug, number = draw.choice(packages), draw.randint(1, len(packages))
    paths = {
        "package by slug": f"/packages/{slug}/",
        "package by id": f"/packages/{number}/",
        "packages, page of 20": f"/packages/?limit=20&offset={number - 1}",
        "packages, page of 100": f"/packages/?limit=100&offset={number // 2}",
        "grid by slug": f"/grids/grid-{number % 20 + 1}/",
        "grids, page of 20": "/grids/",
        "category by id": f"/categories/{number % 5 + 1}/",
        "categories": "/categories/",
        "search": f"/search/?q={draw.choice(_WORDS).replace(' ', '+')}",
        "page for people": f"/packages/{slug}/",
        "not found": f"/packages/no-such-{number}/",
    }
    return paths[kind]
