"""Renderers: what turns an answer's JSON into what is sent, and the headers that go with it."""

import json
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.api.request import Request
from chalicelib.api.routes import Match
from chalicelib.catalog.json_body import to_json
from chalicelib.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer is rendered for; ``params`` are those of the accepted media type."""

    request: Request
    match: Match
    settings: Settings
    params: dict[str, str] = field(default_factory=dict)


class Renderer(Protocol):
    """``media_type`` and ``format`` are what negotiation chooses by."""

    media_type: str
    format: str

    def render(self, status: int, content: str, context: Context) -> str:
        """``content`` is compact JSON."""
        ...

    def headers(self, context: Context) -> dict[str, str]:
        """Content-Type, and what else belongs to this kind of answer."""
        ...


def indented(content: str, params: dict[str, str], default: int = 0) -> str:
    """Compact JSON, indented as the accepted media type asks for: ``indent=4``, 8 at most.

    An indentation of 0 or less means none; one that is no number means ``default``.
    """
    try:
        indent = max(min(int(params["indent"]), 8), 0)
    except (KeyError, ValueError):
        indent = default
    return to_json(json.loads(content), indent) if indent else content


class JSONRenderer:
    """JSON as it is stored, or indented: ``Accept: application/json; indent=4`` (8 at most)."""

    media_type = "application/json"
    format = "json"

    def render(self, status: int, content: str, context: Context) -> str:
        """The context says how far to indent."""
        return indented(content, context.params)

    def headers(self, context: Context) -> dict[str, str]:
        """Nothing but the type."""
        return {"Content-Type": self.media_type}


class PageRenderer:
    """The page for people. What it is made with is imported only where a page is asked for."""

    media_type = "text/html"
    format = "api"

    def render(self, status: int, content: str, context: Context) -> str:
        """The page; for a grid, the figures of its packages are read from the storage."""
        from chalicelib.api.html import page

        return page.page(status, content, context)

    def headers(self, context: Context) -> dict[str, str]:
        """The type, and what a browser may do with the page: hardly anything."""
        from chalicelib.api.html import assets

        return {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": assets.policy(context.settings.base_url),
            "Referrer-Policy": "same-origin",
        }


JSON = JSONRenderer()
PAGE = PageRenderer()
RENDERERS: tuple[Renderer, ...] = (JSON, PAGE)
