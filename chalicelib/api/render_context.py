"""The request, route and settings that a view and a renderer share."""

import json
from dataclasses import dataclass, field

from chalicelib.api.request import Request
from chalicelib.api.routes import Match
from chalicelib.catalog.json_body import to_json
from chalicelib.settings import Settings

MAX_INDENT = 8


@dataclass(frozen=True, slots=True)
class RenderContext:
    """A request, its route and the settings; ``params`` are those of the accepted media type."""

    request: Request
    match: Match
    settings: Settings
    params: dict[str, str] = field(default_factory=dict)

    def indent_json(self, content: str, default: int = 0) -> str:
        """Indent compact JSON as the media type asks (``indent=4``), by ``MAX_INDENT`` at most.

        An indent of 0 or less leaves it compact; one that is not a number means ``default``.
        """
        try:
            indent = max(min(int(self.params["indent"]), MAX_INDENT), 0)
        except (KeyError, ValueError):
            indent = default
        return to_json(json.loads(content), indent) if indent else content
