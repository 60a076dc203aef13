"""Answers larger than AWS Lambda returns: whole where the client takes gzip, else cut."""

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha512
from typing import Any

import pytest

from chalicelib.catalog import changes
from tests.support.api_client import ROOT, SITE, Reply, ask, settings
from tests.support.entities import category, package
from tests.support.gateway_events import answer_to
from tests.support.html_document import HTML, Document

LIST = "/api/v4/packages/?limit=100"
GZIP = {"Accept-Encoding": "br;q=0.9, gzip;q=0.5"}
#: Neither all alike nor without escapes, and smaller together than Lambda's bound.
COUNT = 90


@pytest.fixture(scope="module")
def many(bare: int) -> int:
    """The API with many packages; the port."""
    changes.create(category())
    for number in range(1, COUNT + 1):
        noise = sha512(str(number).encode()).hexdigest()
        text = f'{number} "é\u2028🐍" {noise} ' + "and so on " * (number % 11)
        changes.create(package(number, repo_description=text))
    return bare


def _counted(body: str) -> int:
    """As Lambda counts what it returns: as a string of JSON."""
    return len(json.dumps(body))


def _event(headers: dict[str, str], method: str = "GET") -> dict[str, Any]:
    sent = SITE | headers
    context = {
        "resourcePath": "/api/v4/packages",
        "path": "/api/v4/packages/",
        "httpMethod": method,
        "domainName": "djangopackages.org",
    }
    return answer_to(
        "/api/v4/packages/",
        "/api/v4/packages",
        query={"limit": ["100"]},
        headers=sent,
        multiValueHeaders={name: [value] for name, value in sent.items()},
        httpMethod=method,
        requestContext=context,
    )


def _pages(port: int, headers: dict[str, str]) -> Iterator[Reply]:
    """Each page of the list of all, following ``next``."""
    path: str | None = LIST
    while path:
        reply = ask(port, path, headers=headers)
        yield reply
        text = gzip.decompress(reply.body) if _is_packed(reply) else reply.body
        link = json.loads(text)["next"]
        path = link and "/api/v4/" + link.removeprefix(ROOT)


def _is_packed(reply: Reply) -> bool:
    return reply.headers.get("content-encoding") == "gzip"


@pytest.mark.parametrize("accept", ["*/*", "application/json; indent=8", "text/html"])
def test_elsewhere_than_on_lambda_nothing_is_cut_and_nothing_gzipped(
    many: int, accept: str
) -> None:
    for headers in ({"Accept": accept}, {"Accept": accept} | GZIP):
        reply = ask(many, LIST, headers=headers)
        assert reply.headers["vary"] == "Accept"
        assert not _is_packed(reply)
        text = reply.body.decode()
        if accept == "text/html":
            text = Document(text).block.partition("\n\n")[2]
        found = json.loads(text)
        assert len(found["results"]) == found["count"] == COUNT
        assert found["next"] is None


@pytest.mark.parametrize("accept", ["*/*", "application/json; indent=4", "text/html"])
def test_a_client_that_takes_gzip_gets_the_whole_list(many: int, accept: str) -> None:
    whole = _event({"Accept": accept} | GZIP)
    most = _counted(whole["body"]) // 2
    with settings(max_response_bytes=most):
        packed = _event({"Accept": accept} | GZIP)
    assert packed["isBase64Encoded"] is True
    assert _counted(packed["body"]) <= most
    assert gzip.decompress(b64decode(packed["body"])).decode() == whole["body"]
    assert packed["headers"]["Content-Encoding"] == "gzip"
    assert packed["headers"]["Vary"] == "Accept, Accept-Encoding"
    assert packed["headers"]["Content-Type"] == whole["headers"]["Content-Type"]
    assert packed["headers"]["ETag"] != whole["headers"]["ETag"]


@pytest.mark.parametrize("coding", ["gzip;q=0", "identity", "br", ""])
def test_a_client_that_does_not_gets_as_much_as_fits(many: int, coding: str) -> None:
    whole = _event({})
    most = _counted(whole["body"]) // 2
    with settings(max_response_bytes=most):
        cut = _event({"Accept-Encoding": coding})
    assert not cut.get("isBase64Encoded")
    assert "Content-Encoding" not in cut["headers"]
    assert cut["headers"]["Vary"] == "Accept, Accept-Encoding"
    found = json.loads(cut["body"])
    read = len(found["results"])
    assert found["count"] == COUNT
    assert found["next"] == f"{ROOT}packages/?limit=100&offset={read}"
    assert found["results"] == json.loads(whole["body"])["results"][:read]


@pytest.mark.parametrize("indent", [0, 1, 8])
@pytest.mark.parametrize("part", [2, 3, 7])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_cut_page_uses_most_of_what_is_allowed(
    many: int, indent: int, part: int, coding: str
) -> None:
    headers = {"Accept": f"application/json; indent={indent}", "Accept-Encoding": coding}
    whole = ask(many, LIST, headers=headers).body
    size = _counted(whole.decode())
    if coding == "gzip":
        size = len(b64encode(gzip.compress(whole))) + 2
    most = size // part
    with settings(max_response_bytes=most):
        replies = list(_pages(many, headers))
        counted = _counted(_event(headers)["body"])
    assert most * 0.8 < counted <= most
    found = []
    for reply in replies:
        assert len(reply.body) <= most
        text = gzip.decompress(reply.body) if _is_packed(reply) else reply.body
        found += [item["id"] for item in json.loads(text)["results"]]
    assert found == list(range(COUNT, 0, -1))


@pytest.mark.parametrize("headers", [{}, GZIP, HTML, {**HTML, **GZIP}])
@pytest.mark.parametrize("part", [2, 100])
def test_head_and_validators_are_those_of_what_is_sent(
    many: int, headers: dict[str, str], part: int
) -> None:
    most = _counted(ask(many, LIST, headers=headers).body.decode()) // part
    with settings(max_response_bytes=most):
        got = ask(many, LIST, headers=headers)
        head = ask(many, LIST, "HEAD", headers)
        known = {"If-None-Match": got.headers["etag"]}
        again = ask(many, LIST, headers=headers | known)
        other = ask(many, LIST, headers=headers | known | {"Accept-Encoding": "identity"})
        event = _event(headers, "HEAD")
    assert _is_packed(got) == ("Accept-Encoding" in headers)
    assert head.body == b""
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert head.headers["content-length"] == str(len(got.body))
    assert event["headers"]["Content-Length"] == str(len(got.body))
    assert (event["body"], event.get("isBase64Encoded")) == ("", None)
    assert (again.status, again.body) == (304, b"")
    assert again.headers.keys().isdisjoint({"content-encoding", "content-type"})
    for name in ("etag", "vary", "cache-control"):
        assert again.headers[name] == got.headers[name]
    assert other.status == (200 if _is_packed(got) else 304)


def test_what_fits_is_sent_as_it_is_to_everyone(many: int) -> None:
    whole = _event({})
    with settings(max_response_bytes=_counted(whole["body"])):
        for headers in ({}, GZIP):
            answer = _event(headers)
            assert answer["body"] == whole["body"]
            assert answer["headers"] == whole["headers"]
