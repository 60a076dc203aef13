"""Before ``init``: an answer, and one that says to come back."""

import threading

from chalicelib.local.engine import Engine
from chalicelib.local.gateway import Gateway
from tests.api.client import ask


def test_tables_that_do_not_exist_are_503(engine: Engine) -> None:
    import app

    with Gateway(app.app, 0) as gateway:
        thread = threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        for path in ("packages/", "packages/1/", "grids/some-slug/"):
            reply = ask(gateway.port, f"/api/v4/{path}")
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
            assert reply.detail == "Service temporarily unavailable, try again later."
        gateway.shutdown()
        thread.join()
