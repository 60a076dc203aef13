"""Routes: which path leads to which view, and the slash redirect (as in DRF's router)."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from chalicelib.api.request import ROOT

_PARAMETER = re.compile(r"\{(\w+)\}")
_FORMAT_SUFFIX = r"\.(?P<format>[a-z0-9]+)/?"


class Match(NamedTuple):
    """A matched path: the view's name, the ``ident`` in the path and the format suffix, if any."""

    view: str
    ident: str
    format: str | None


@dataclass(frozen=True)
class Route:
    """A path below ``/api/v4``, as API Gateway writes it (``{ident}``), and its view.

    The path is served with a slash at its end, or with a format suffix such as ``.json``.
    ``name`` and ``description`` are the original's, because clients may compare them.
    """

    view: str
    path: str
    name: str
    description: str = ""

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """The regular expressions of both forms of the path."""
        path = ROOT + _PARAMETER.sub(r"(?P<\1>[^/.]+)", self.path)
        before_suffix = path if self.path else f"{path}/"
        return re.compile(f"{path}/"), re.compile(before_suffix + _FORMAT_SUFFIX)


_PACKAGES = "API endpoint that allows packages to be viewed or edited."
_SEARCH = "Accepts a 'q' GET parameter.\n\nReturns SearchV3 (PostgreSQL FTS) results."
ROUTES = (
    Route("api-root", "", "Api Root", "The default basic root view for DefaultRouter"),
    Route("packages-list", "/packages", "Package List", _PACKAGES),
    Route("packages-detail", "/packages/{ident}", "Package Instance", _PACKAGES),
    Route("search", "/search", "Search V3 List", _SEARCH),
    Route("grids-list", "/grids", "Grid List"),
    Route("grids-detail", "/grids/{ident}", "Grid Instance"),
    Route("categories-list", "/categories", "Category List"),
    Route("categories-detail", "/categories/{ident}", "Category Instance"),
)
ROUTES_BY_VIEW = {route.view: route for route in ROUTES}

#: API Gateway's resources. It cannot tell ``/x`` from ``/x/``; ``match_path`` can.
RESOURCES = ("/", "/{proxy+}", *(ROOT + route.path for route in ROUTES))


def match_path(path: str) -> Match | None:
    """Return the match of a decoded path, or ``None``."""
    for route in ROUTES:
        for pattern in route.patterns:
            if match := pattern.fullmatch(path):
                groups = match.groupdict()
                return Match(route.view, groups.get("ident", ""), groups.get("format"))
    return None


def needs_slash(path: str) -> bool:
    """Return whether the path matches only with a slash at its end (APPEND_SLASH)."""
    return (
        not path.endswith("/") and match_path(path) is None and match_path(path + "/") is not None
    )
