"""Fixtures: one engine for the session, empty tables for each test, the API over them."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from chalicelib import settings
from chalicelib.local.engine import Engine
from chalicelib.storage import models, objects
from tests.support.serving import answering
from tests.support.tables import empty, watch

pytest_plugins = ["tools.iamcheck.plugin"]

# Timings never fail a test.
hypothesis.settings.register_profile("packgrid", deadline=None)
hypothesis.settings.load_profile("packgrid")
watch()


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option of tests/contract/recordings; only a conftest up here can add it."""
    parser.addoption("--recordings", type=Path, help="folder of HAR files, to test against")


class FastEngine(Engine):
    """The same engine behind a server that takes less time."""

    module = "tests.support.engine_server"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The embedded engine, for all tests of the session."""
    with FastEngine(tmp_path_factory.mktemp("engine"), persist=False) as running:
        os.environ.update(running.environment)
        models.bind_tables({name: f"test-{name}" for name in settings.TABLES})
        objects.create_bucket()
        yield running


@pytest.fixture
def tables(engine: Engine) -> Iterator[None]:
    """Empty tables."""
    with empty():
        yield


@pytest.fixture
def bucket(engine: Engine) -> Iterator[None]:
    """An empty bucket of the test's own."""
    # Tests that load and do not look at the bucket leave an index behind.
    _empty_bucket()
    yield
    _empty_bucket()


def _empty_bucket() -> None:
    for key, _ in objects.iter_keys(""):
        objects.delete(key)


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample catalogue of the repository."""
    return Path(__file__).resolve().parent.parent / "sample" / "catalogue.json"


@pytest.fixture
def port(tables: None) -> Iterator[int]:
    """The API over HTTP, as ``make run`` serves it; the port on loopback."""
    with answering() as port:
        yield port
