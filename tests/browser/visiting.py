"""A page in a browser, under watch: whatever goes wrong on it fails the test."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
)

from tests.browser import install

ROOT = "/api/v4/"
#: How long to wait for anything; a busy machine has its time.
WAIT_MS = 30_000
#: What Chromium notes of a page whose status is an error.
_ERROR_STATUS = re.compile(r"Failed to load resource: .* status of 4\d\d ")


def missing(reason: str) -> NoReturn:
    """Skip, but not where all can be installed and nothing may be left out."""
    if install.in_ci() and install.apt() is not None:
        pytest.fail(reason)
    pytest.skip(reason)


class Watch:
    """Notes what a browser complains of, and where it goes."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.origin = origin
        self.complaints: list[str] = []
        self._pages: set[str] = set()
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.on("dialog", self._dialog)

    def _request(self, request: Request) -> None:
        if request.is_navigation_request():
            self._pages.add(request.url)
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin and parts.scheme != "data":
            self.complaints.append(f"a request outside the origin: {request.url}")

    def _failed(self, request: Request) -> None:
        self.complaints.append(f"a request failed: {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        headers = response.headers
        is_page = headers.get("content-type", "").startswith("text/html")
        if is_page and "default-src 'none'" not in headers.get("content-security-policy", ""):
            self.complaints.append(f"a page without a policy: {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        # A violation of the policy is an error here too. That a page is a 404 is none, and JSON
        # cannot say that it has no icon.
        place = message.location["url"]
        is_known = place in {*self._pages, f"{self.origin}/favicon.ico"}
        if is_known and _ERROR_STATUS.match(message.text):
            return
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console: {message.type}: {message.text} ({place})")

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def visiting(browser: Browser, port: int, **options: Any) -> Iterator[tuple[Page, Watch]]:
    """A blank page of a fresh context (``options`` as Playwright has them) and its watch.

    Paths lead into the site at ``port``. Fails at its end if the watch noted a complaint.
    """
    origin = f"http://127.0.0.1:{port}"
    context = browser.new_context(base_url=origin, **options)
    context.set_default_timeout(WAIT_MS)
    try:
        watch = Watch(context, origin)
        yield context.new_page(), watch
        assert not watch.complaints, "\n".join(watch.complaints)
    finally:
        context.close()
