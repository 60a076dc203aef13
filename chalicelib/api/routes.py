"""Which path is which view, and the slash redirect; the shapes are those of DRF's router."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.api.request import ROOT

_FORMAT = r"\.(?P<format>[a-z0-9]+)/?"


class Match(NamedTuple):
    """A view by name, what the path says (``ident``), and the format suffix if it has one."""

    view: str
    ident: str
    format: str | None


@dataclass(frozen=True, slots=True)
class _Route:
    view: str
    pattern: re.Pattern[str]


def _routes(view: str, path: str, stem: str | None = None) -> list[_Route]:
    """A path that ends in a slash, and the same with a format suffix in its place."""
    stem = path.removesuffix("/") if stem is None else stem
    return [
        _Route(view, re.compile(f"{ROOT}/{path}")),
        _Route(view, re.compile(f"{ROOT}/{stem}{_FORMAT}")),
    ]


_IDENT = r"(?P<ident>[^/.]+)"
_ROUTES = [
    *_routes("packages-list", "packages/"),
    *_routes("packages-detail", f"packages/{_IDENT}/"),
    *_routes("search", "search/"),
    *_routes("grids-list", "grids/"),
    *_routes("grids-detail", f"grids/{_IDENT}/"),
    *_routes("categories-list", "categories/"),
    *_routes("categories-detail", f"categories/{_IDENT}/"),
    *_routes("api-root", "", stem=""),
]

#: The resources that API Gateway is told of. It cannot tell ``/x`` from ``/x/``; ``match`` can.
RESOURCES = (
    "/",
    "/{proxy+}",
    ROOT,
    f"{ROOT}/packages",
    f"{ROOT}/packages/{{ident}}",
    f"{ROOT}/search",
    f"{ROOT}/grids",
    f"{ROOT}/grids/{{ident}}",
    f"{ROOT}/categories",
    f"{ROOT}/categories/{{ident}}",
)


def match(path: str) -> Match | None:
    """The view of a decoded path, or ``None``."""
    for route in _ROUTES:
        found = route.pattern.fullmatch(path)
        if found:
            groups = found.groupdict()
            return Match(route.view, groups.get("ident", ""), groups.get("format"))
    return None


def needs_slash(path: str) -> bool:
    """Whether the path leads nowhere but would with a slash at its end (APPEND_SLASH)."""
    return not path.endswith("/") and match(path) is None and match(path + "/") is not None
