"""What OPTIONS answers: a view's name, description, and media types (``SimpleMetadata``).

Names and descriptions are the original's, for consumers may compare them.
"""

from chalicelib.api.renderers import RENDERERS
from chalicelib.catalog.json_body import to_json

_PACKAGES = "API endpoint that allows packages to be viewed or edited."
_VIEWS = {
    "api-root": ("Api Root", "The default basic root view for DefaultRouter"),
    "packages-list": ("Package List", _PACKAGES),
    "packages-detail": ("Package Instance", _PACKAGES),
    "grids-list": ("Grid List", ""),
    "grids-detail": ("Grid Instance", ""),
    "categories-list": ("Category List", ""),
    "categories-detail": ("Category Instance", ""),
    "search": (
        "Search V3 List",
        "Accepts a 'q' GET parameter.\n\nReturns SearchV3 (PostgreSQL FTS) results.",
    ),
}
_PARSES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


def name_of(view: str) -> str:
    """The name of a view."""
    return _VIEWS[view][0]


def metadata(view: str) -> str:
    """The JSON of an OPTIONS answer."""
    renders = [renderer.media_type for renderer in RENDERERS]
    return to_json(
        {
            "name": name_of(view),
            "description": _VIEWS[view][1],
            "renders": renders,
            "parses": list(_PARSES),
        }
    )
