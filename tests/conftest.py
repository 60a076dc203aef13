"""Fixtures: one engine for the session, fresh tables for each test, the API over them."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.local.engine import Engine
from chalicelib.storage import models


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The embedded engine, for all tests of the session."""
    with Engine(tmp_path_factory.mktemp("engine"), persist=False) as running:
        os.environ.update(running.environment)
        models.bind({name: f"test-{name}" for name in settings.TABLES})
        yield running


@pytest.fixture
def tables(engine: Engine) -> Iterator[None]:
    """Empty tables of the test's own."""
    models.create_tables()
    yield
    for model in models.MODELS.values():
        model.delete_table()


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample catalogue of the repository."""
    return Path(__file__).resolve().parent.parent / "sample" / "catalogue.json"


@pytest.fixture
def port(tables: None) -> Iterator[int]:
    """The API over HTTP, as ``make run`` serves it; the port on loopback."""
    import app
    from chalicelib.local.gateway import Gateway

    with Gateway(app.app, 0) as gateway:
        thread = threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield gateway.port
        gateway.shutdown()
        thread.join()
