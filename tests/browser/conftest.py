"""A headless Chromium, and the sample catalogue to browse with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from chalicelib.local.engine import Engine
from chalicelib.search.publisher import publish
from chalicelib.storage import objects
from tests.browser import install
from tests.browser.visiting import WAIT_MS, missing, visiting
from tests.support import fixtures
from tests.support.api_client import settings
from tests.support.serving import serving

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Should a page lead elsewhere, the test fails, and nobody elsewhere hears of it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    executable = install.chromium()
    if executable is None:
        missing(install.without_chromium())
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=executable, args=_FLAGS, timeout=60_000
        )
        yield running
        running.close()


@pytest.fixture(scope="module")
def bare(browser: Browser, engine: Engine) -> Iterator[int]:
    """The API with empty tables and no search index; the port on loopback."""
    with serving() as port, settings(search_seconds=0):
        yield port
    for key, _ in objects.iter_keys(""):
        objects.delete(key)


@pytest.fixture(scope="module")
def site(bare: int, sample: Path) -> int:
    """The API with the sample catalogue and its search index; the port on loopback."""
    assert not fixtures.load_file(sample).refusals
    publish()
    return bare


@pytest.fixture
def page(browser: Browser, site: int) -> Iterator[Page]:
    """A blank page; the test fails if anything goes wrong on any page that it visits."""
    with visiting(browser, site) as (blank, _):
        yield blank
