"""The API over HTTP, as ``make run`` serves it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import app
from chalicelib.local.server import Gateway
from tests.support.tables import empty


@contextmanager
def answering(raw_query: bool = True) -> Iterator[int]:
    """Serve within the block, whatever the tables are; the port on loopback."""
    with Gateway(app.app, 0, raw_query=raw_query) as gateway:
        thread = threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield gateway.port
        gateway.shutdown()
        thread.join()


@contextmanager
def serving() -> Iterator[int]:
    """The same on tables that are empty at the beginning and at the end."""
    with empty(), answering() as port:
        yield port
