"""Before ``init``: an answer, and one that says to come back."""

from chalicelib.local.engine import Engine
from tests.support import tables
from tests.support.api_client import ask
from tests.support.serving import answering


def test_tables_that_do_not_exist_are_503(engine: Engine) -> None:
    with tables.missing(), answering() as port:
        for path in ("packages/", "packages/1/", "grids/some-slug/"):
            reply = ask(port, f"/api/v4/{path}")
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
            assert reply.detail == "Service temporarily unavailable, try again later."
