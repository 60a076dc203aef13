"""The sample catalogue over HTTP, loaded once for all tests of a module."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import app
from chalicelib.catalog.loading.load import load
from chalicelib.catalog.loading.outcome import Outcome
from chalicelib.local.engine import Engine
from chalicelib.local.gateway import Gateway
from chalicelib.storage import models


@contextmanager
def _serving() -> Iterator[int]:
    models.create_tables()
    with Gateway(app.app, 0) as gateway:
        thread = threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield gateway.port
        gateway.shutdown()
        thread.join()
    for model in models.MODELS.values():
        model.delete_table()


@pytest.fixture(scope="module")
def bare(engine: Engine) -> Iterator[int]:
    """The API over HTTP with empty tables, for all tests of a module; the port on loopback."""
    with _serving() as port:
        yield port


@pytest.fixture(scope="module")
def site(bare: int, sample: Path) -> int:
    """The API over HTTP with the sample catalogue; the port on loopback."""
    with Outcome() as outcome:
        load(sample, outcome, lambda stage, done, total: None)
    assert outcome.finished
    assert not outcome.refused
    return bare


@pytest.fixture(scope="session")
def package_3708() -> bytes:
    """The answer for package 3708 at https://djangopackages.org, as the original sends it."""
    return Path(__file__).with_name("package_3708.json").read_bytes().rstrip(b"\n")
