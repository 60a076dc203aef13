"""When DynamoDB does not answer: 503, soon to be tried again; never a trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from chalicelib.storage import models
from tests.support.api_client import ask

PATHS = [
    "/api/v4/packages/",
    "/api/v4/packages/3708/",
    "/api/v4/packages/django-private-chat/",
    "/api/v4/packages/3708.json",
    "/api/v4/grids/?limit=1",
    "/api/v4/grids/chat/",
    "/api/v4/categories/1/",
]
REFUSED = "Service temporarily unavailable, try again later."


def _client_error(code: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": f"secret {code}"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(answer, "AnyOperation")


@contextmanager
def _storage_raises(error: Exception, only: str = "") -> Iterator[None]:
    """Every call to DynamoDB (or one kind of call) ends so, as botocore would say it."""
    client: Any = models.get_connection().client
    send = client._make_api_call

    def refuse(operation: str, arguments: Any) -> Any:
        if only and operation != only:
            return send(operation, arguments)
        raise error

    client._make_api_call = refuse
    try:
        yield
    finally:
        del client._make_api_call


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://secret.example"),
        ReadTimeoutError(endpoint_url="http://secret.example"),
        _client_error("ProvisionedThroughputExceededException"),
        _client_error("ThrottlingException"),
        _client_error("RequestLimitExceeded"),
        _client_error("InternalServerError"),
        _client_error("AccessDeniedException"),
        _client_error("ResourceNotFoundException"),
    ],
    ids=str,
)
def test_no_answer_of_the_storage_is_503(site: int, path: str, error: Exception) -> None:
    with _storage_raises(error):
        reply = ask(site, path)
        head = ask(site, path, "HEAD")
    assert (reply.status, reply.detail) == (503, REFUSED)
    assert reply.headers["retry-after"] == "1"
    assert "etag" not in reply.headers
    assert "cache-control" not in reply.headers
    assert (head.status, head.body) == (503, b"")
    assert ask(site, path).status == 200


@pytest.mark.parametrize("path", ["/api/v4/packages/", "/api/v4/packages/?limit=1&offset=60"])
def test_a_fault_half_way_through_a_page_is_503(site: int, path: str) -> None:
    with _storage_raises(_client_error("ThrottlingException"), only="BatchGetItem"):
        assert ask(site, path).detail == REFUSED


def test_what_needs_no_storage_is_answered_without(site: int) -> None:
    with _storage_raises(_client_error("ThrottlingException")):
        assert ask(site, "/api/v4/").status == 200
        assert ask(site, "/api/v4/packages/", "OPTIONS").status == 200
        assert ask(site, "/api/v4/packages/", "POST").status == 405
        assert ask(site, "/api/v4/packages").status == 301
        assert ask(site, "/nothing/").status == 404
        assert ask(site, "/api/v4/packages/" + "9" * 30 + "/").status == 404


@pytest.mark.parametrize("path", PATHS)
def test_what_nobody_foresaw_is_500_without_details(site: int, path: str) -> None:
    with _storage_raises(RuntimeError("secret")):
        reply = ask(site, path)
        head = ask(site, path, "HEAD")
    assert (reply.status, reply.detail) == (500, "A server error occurred.")
    assert (head.status, head.body) == (500, b"")
    assert head.headers["content-length"] == str(len(reply.body))
    assert ask(site, path).status == 200
