"""Renderers turn a response's JSON into its body, and name the headers that go with it.

To add a format, write a class with the members of ``Renderer`` and put an instance in
``RENDERERS``. Negotiation, OPTIONS and ``?format=`` follow.
"""

from typing import Protocol

from chalicelib.api.render_context import RenderContext


class Renderer(Protocol):
    """A format of responses; negotiation selects it by ``media_type`` or ``format``."""

    media_type: str
    format: str

    def render(self, status: int, content: str, context: RenderContext) -> str:
        """Return the body for ``content``, which is compact JSON."""
        ...

    def get_headers(self, context: RenderContext) -> dict[str, str]:
        """Return the Content-Type and the other headers of this format."""
        ...


class JSONRenderer:
    """JSON as it is stored, or indented: ``Accept: application/json; indent=4`` (8 at most)."""

    media_type = "application/json"
    format = "json"

    def render(self, status: int, content: str, context: RenderContext) -> str:
        """Return the JSON, indented as the context says."""
        return context.indent_json(content)

    def get_headers(self, context: RenderContext) -> dict[str, str]:
        """Return the Content-Type."""
        return {"Content-Type": self.media_type}


class PageRenderer:
    """The HTML page for people; its modules are imported when the first page is rendered."""

    media_type = "text/html"
    format = "api"

    def render(self, status: int, content: str, context: RenderContext) -> str:
        """Return the page; for a grid, this reads the figures of its packages from the storage."""
        from chalicelib.api.html import page

        return page.render_page(status, content, context)

    def get_headers(self, context: RenderContext) -> dict[str, str]:
        """Return the Content-Type and the headers that restrict what a browser may load."""
        from chalicelib.api.html import assets

        return {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": assets.build_policy(context.settings.base_url),
            "Referrer-Policy": "same-origin",
        }


JSON = JSONRenderer()
PAGE = PageRenderer()
#: In the order of preference, as in the original's settings.
RENDERERS: tuple[Renderer, ...] = (JSON, PAGE)
