"""Responses to OPTIONS: a view's name, description and media types (DRF's ``SimpleMetadata``)."""

from chalicelib.api.renderers import RENDERERS
from chalicelib.api.routes import ROUTES_BY_VIEW
from chalicelib.catalog.json_body import to_json

#: The original's parsers. Nothing is parsed here, because the API is read-only.
_PARSED_MEDIA_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
)


def build_metadata(view: str) -> str:
    """Return the JSON of an OPTIONS response."""
    route = ROUTES_BY_VIEW[view]
    return to_json(
        {
            "name": route.name,
            "description": route.description,
            "renders": [renderer.media_type for renderer in RENDERERS],
            "parses": list(_PARSED_MEDIA_TYPES),
        }
    )
