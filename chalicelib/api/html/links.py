"""The page's own links. All start with the request's base; no more of a request goes into them
than its path and query, percent-encoded.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from chalicelib.api.renderers import Context
from chalicelib.api.request import ROOT

#: What the routes take for an id or slug.
_IDENT = re.compile(r"[^/.]+")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Links within the API that keep the format where it was asked for in the URL."""

    context: Context

    @property
    def root(self) -> str:
        """What the URL of every view starts with."""
        return f"{self.context.request.base}{ROOT}/"

    @property
    def asks_for_page(self) -> bool:
        """Whether the query itself asks for the page: ``?format=api``."""
        return self.context.request.parameter("format") == "api"

    def view(self, path: str) -> str:
        """A view by its path below the root: ``""``, ``grids``, ``grids/45``."""
        if self.context.match.format:
            return f"{self.root}{path}.{self.context.match.format}"
        slash = "/" if path else ""
        return f"{self.root}{path}{slash}" + ("?format=api" if self.asks_for_page else "")

    @property
    def search(self) -> str:
        """Where the search form goes; a form replaces the query of its address."""
        ending = f".{self.context.match.format}" if self.context.match.format else "/"
        return f"{self.root}search{ending}"

    def item(self, collection: str, slug: object) -> str | None:
        """The view of an item by its slug, or ``None`` for a slug that the API cannot take."""
        if not isinstance(slug, str) or slug.isdigit() or not _IDENT.fullmatch(slug):
            return None
        return self.view(f"{collection}/{quote(slug, safe='')}")

    def in_format(self, wanted: str) -> str:
        """The URL of the request itself, but in another format."""
        url, _, query = self.context.request.url.partition("?")
        if self.context.match.format:
            stem = url.removesuffix("/").removesuffix(f".{self.context.match.format}")
            return f"{stem}.{wanted}" + (f"?{query}" if query else "")
        kept = [
            pair
            for pair in query.split("&")
            if pair and unquote_plus(pair.partition("=")[0]) != "format"
        ]
        return f"{url}?" + "&".join([*kept, f"format={wanted}"])
