"""Wiring only: what API Gateway calls, and where it leads."""

from typing import Any

from chalice.app import Response

from chalicelib.api.application import METHODS, Application
from chalicelib.api.urls import RESOURCES

app = Application(app_name="packgrid")


def api_v4(**_path: Any) -> Response:
    """Every resource of the API; the path itself says which."""
    return app.answer()


for _resource in RESOURCES:
    app.route(_resource, methods=METHODS, content_types=["*/*"])(api_v4)
