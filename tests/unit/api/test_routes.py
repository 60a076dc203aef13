"""A route has all that belongs to it, so that adding one cannot be left half done."""

import pytest

from chalicelib.api.html.page import SECTIONS
from chalicelib.api.routes import RESOURCES, ROUTES, Match, match_path, needs_slash
from chalicelib.api.views import VIEWS

NAMES = [route.view for route in ROUTES]


@pytest.mark.parametrize("table", [VIEWS, SECTIONS], ids=["views", "pages"])
def test_every_route_has_a_view_and_a_page(table: dict[str, object]) -> None:
    assert set(table) == set(NAMES)
    assert len(NAMES) == len(set(NAMES))


def test_every_route_is_a_resource_of_the_gateway() -> None:
    assert RESOURCES[:3] == ("/", "/{proxy+}", "/api/v4")
    assert {f"/api/v4{route.path}" for route in ROUTES} == set(RESOURCES[2:])


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("/api/v4/", Match("api-root", "", None)),
        ("/api/v4/.json", Match("api-root", "", "json")),
        ("/api/v4.json", None),
        ("/api/v4/grids/", Match("grids-list", "", None)),
        ("/api/v4/grids.json", Match("grids-list", "", "json")),
        ("/api/v4/grids.json/", Match("grids-list", "", "json")),
        ("/api/v4/grids/.json", None),
        ("/api/v4/packages/a-b/", Match("packages-detail", "a-b", None)),
        ("/api/v4/packages/45.api", Match("packages-detail", "45", "api")),
        ("/api/v4/packages/a.b/", Match("packages-detail", "a", "b")),
        ("/api/v4/packages/a.b.c/", None),
        ("/api/v4/search/x/", None),
    ],
)
def test_a_path_is_matched_with_a_slash_or_a_suffix(path: str, match: Match | None) -> None:
    assert match_path(path) == match


def test_only_a_path_that_a_slash_would_complete_needs_one() -> None:
    assert needs_slash("/api/v4/grids")
    assert not needs_slash("/api/v4/grids/")
    assert not needs_slash("/api/v4/grids.json")
    assert not needs_slash("/api/v4/no-such")
