"""The sample catalogue over HTTP, loaded once for all tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.importer.loader import load
from chalicelib.importer.report import LoadReport
from chalicelib.local.engine import Engine
from chalicelib.search.publisher import publish
from chalicelib.storage import objects
from tests.support.api_client import settings
from tests.support.serving import serving


@pytest.fixture(scope="module")
def bare(engine: Engine) -> Iterator[int]:
    """The API over HTTP with empty tables, for all tests of a module; the port on loopback."""
    with serving() as port:
        yield port


@pytest.fixture(scope="module")
def site(bare: int, sample: Path) -> int:
    """The API over HTTP with the sample catalogue; the port on loopback."""
    with LoadReport() as outcome:
        load(sample, outcome, lambda stage, done, total: None)
    assert outcome.finished
    assert not outcome.refused
    return bare


@pytest.fixture(scope="module")
def searchable(site: int) -> Iterator[int]:
    """The same with its search index, looked after at every search; the port on loopback."""
    publish()
    with settings(search_seconds=0):
        yield site
    for key, _ in objects.iter_keys(""):
        objects.delete(key)


@pytest.fixture(scope="session")
def package_3708() -> bytes:
    """The answer for package 3708 at https://djangopackages.org, as the original sends it."""
    return Path(__file__).with_name("package_3708.json").read_bytes().rstrip(b"\n")
