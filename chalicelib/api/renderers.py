"""Renderers: what turns an answer's JSON into the bytes that are sent.

The browsable page will be the second of ``RENDERERS``, with format ``api``.
"""

import json
from typing import Protocol

from chalicelib.catalog.rendering import to_json


class Renderer(Protocol):
    """``media_type`` and ``format`` are what negotiation chooses by."""

    media_type: str
    format: str
    content_type: str

    def render(self, content: str, params: dict[str, str]) -> str:
        """``content`` is compact JSON; ``params`` are those of the accepted media type."""
        ...


class JSONRenderer:
    """JSON as it is stored, or indented: ``Accept: application/json; indent=4`` (8 at most)."""

    media_type = "application/json"
    format = "json"
    content_type = "application/json"

    def render(self, content: str, params: dict[str, str]) -> str:
        """Indentation of 0 or less, or that is no number, means none."""
        try:
            indent = max(min(int(params["indent"]), 8), 0)
        except (KeyError, ValueError):
            indent = 0
        return to_json(json.loads(content), indent) if indent else content


JSON = JSONRenderer()
RENDERERS: tuple[Renderer, ...] = (JSON,)
