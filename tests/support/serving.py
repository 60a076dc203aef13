"""The API over HTTP, as ``make run`` serves it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import app
from chalicelib.local.server import Gateway
from chalicelib.storage import models


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
    """The same on empty tables of the test's own, which are deleted at its end."""
    models.create_tables()
    with answering() as port:
        yield port
    for model in models.MODELS.values():
        model.delete_table()
