"""The page's links within the API.

All start with the request's base URL. Of the request, only its path and query get into them,
percent-encoded.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from chalicelib.api.render_context import RenderContext
from chalicelib.api.request import ROOT

#: What the routes accept as an id or slug.
_IDENT = re.compile(r"[^/.]+")


@dataclass(frozen=True, slots=True)
class Links:
    """Builds links that keep the page's format if the URL asked for it."""

    context: RenderContext

    @property
    def root(self) -> str:
        """The prefix of every view's URL."""
        return f"{self.context.request.base}{ROOT}/"

    @property
    def has_format_parameter(self) -> bool:
        """True if the query asks for the page: ``?format=api``."""
        return self.context.request.parameter("format") == "api"

    @property
    def search(self) -> str:
        """The search form's action; a form replaces the query of its URL."""
        suffix = self.context.match.format
        return f"{self.root}search" + (f".{suffix}" if suffix else "/")

    def build_view_link(self, path: str) -> str:
        """Return the URL of a view by its path below the root: ``""``, ``grids``, ``grids/45``."""
        if suffix := self.context.match.format:
            return f"{self.root}{path}.{suffix}"
        slash = "/" if path else ""
        return f"{self.root}{path}{slash}" + ("?format=api" if self.has_format_parameter else "")

    def build_item_link(self, collection: str, slug: object) -> str | None:
        """Return the URL of an item by its slug; ``None`` for a slug that no route accepts."""
        if not isinstance(slug, str) or slug.isdigit() or not _IDENT.fullmatch(slug):
            return None
        return self.build_view_link(f"{collection}/{quote(slug, safe='')}")

    def build_format_link(self, format_name: str) -> str:
        """Return the URL of the request in another format."""
        url, _, query = self.context.request.url.partition("?")
        if suffix := self.context.match.format:
            stem = url.removesuffix("/").removesuffix(f".{suffix}")
            return f"{stem}.{format_name}" + (f"?{query}" if query else "")
        parameters = [
            parameter
            for parameter in query.split("&")
            if parameter and unquote_plus(parameter.partition("=")[0]) != "format"
        ]
        return f"{url}?" + "&".join([*parameters, f"format={format_name}"])
