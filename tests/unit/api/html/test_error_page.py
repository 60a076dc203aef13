"""Hostile methods and error details are shown as text."""

import json

from chalicelib.api.render_context import RenderContext
from chalicelib.api.renderers import PAGE
from chalicelib.api.request import Request
from chalicelib.api.routes import Match
from chalicelib.settings import Settings
from tests.support.html_document import Document

SCRIPT = "</pre></style></script><script>alert(1)</script><img src=x onerror=alert(2)>"
QUOTES = '"\' onmouseover="alert(3)" `{{ 7*7 }}{% raw %}\r\n\u2028\u2029\u202e\x7f&lt;'


def test_a_hostile_method_and_error_are_text() -> None:
    request = Request(SCRIPT, "/api/v4/", "", "", {"host": "example.org"})
    context = RenderContext(request, Match("api-root", "", None), Settings())
    found = Document(PAGE.render(405, json.dumps({"detail": QUOTES + SCRIPT}), context))
    found.assert_safe(PAGE.get_headers(context)["Content-Security-Policy"])
    assert found.one("p", class_="request").text == f"{SCRIPT} /api/v4/"
    assert QUOTES + SCRIPT in found.one("p", class_="error").text
