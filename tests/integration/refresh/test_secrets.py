"""Tokens are sent to their host and to nobody else, and stand in no log, table, answer or error."""

import logging
from collections.abc import Callable

import pytest

from chalicelib.catalog import changes
from chalicelib.cli.__main__ import main
from tests.support import state
from tests.support.api_client import ask
from tests.support.entities import category, package
from tests.support.serving import answering
from tools.fakehosts.replay import Replay, ResponseParts
from tools.fakehosts.server import Request, Response, Server

SECRETS = {host: f"{host}-secret-0123456789" for host in ("github", "gitlab", "bitbucket")}
ADDRESSES = {
    "github": "https://github.com/owner/name",
    "gitlab": "https://gitlab.com/owner/name",
    "bitbucket": "https://bitbucket.org/owner/name",
}
#: What is asked first of each host.
FIRST = {
    "github": "POST /graphql",
    "gitlab": "POST /api/graphql",
    "bitbucket": "GET /2.0/repositories/owner/name",
}
Answering = Callable[[Request], ResponseParts]


@pytest.fixture(autouse=True)
def tokens(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokens in the environment, and a package at each host."""
    for host, secret in SECRETS.items():
        monkeypatch.setenv(f"{host.upper()}_TOKEN", secret)
    changes.create(category())
    for identifier, address in enumerate(ADDRESSES.values(), 1):
        changes.create(package(identifier, repo_url=address, pypi_url=""))


def refresh(monkeypatch: pytest.MonkeyPatch, host: str, answer: Answering) -> list[Request]:
    """Refresh one host that answers everything alike; what it was asked."""
    asked: list[Request] = []

    def answered(request: Request) -> Response:
        asked.append(request)
        return Response(*answer(request))

    with Server(answered) as server:
        monkeypatch.setenv(f"{host.upper()}_API_URL", server.url)
        assert main(["refresh", "--host", host]) in {0, 1}
    return asked


def echo(request: Request) -> str:
    """What a careless host repeats."""
    return f"not allowed: {request.headers['Authorization']}"


def unauthorised(request: Request) -> ResponseParts:
    return 401, {"WWW-Authenticate": echo(request)}, {"message": echo(request)}


def forbidden(request: Request) -> ResponseParts:
    said = {"message": echo(request), "error": {"message": echo(request)}, "type": "error"}
    return 403, {}, said


def erroneous(request: Request) -> ResponseParts:
    error = {"type": "FORBIDDEN", "path": ["r0"], "message": echo(request)}
    return 200, {}, {"data": {"r0": None, "projects": None}, "errors": [error]}


def wrong(request: Request) -> ResponseParts:
    """Texts where other things belong, and what is no figure at all."""
    return 200, {}, {"id": echo(request), "message": echo(request), "data": echo(request)}


def garbled(request: Request) -> ResponseParts:
    return 404, {"ETag": f'"{echo(request)}"'}, f"<h1>{echo(request)}</h1>"


@pytest.mark.parametrize("host", list(SECRETS))
@pytest.mark.parametrize("answer", [unauthorised, forbidden, erroneous, wrong, garbled])
def test_a_host_that_repeats_its_token_makes_nobody_else_learn_it(
    host: str,
    answer: Answering,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with caplog.at_level(logging.DEBUG):
        asked = refresh(monkeypatch, host, answer)
        main(["status"])
    assert asked
    assert {request.headers["Authorization"] for request in asked} == {f"Bearer {SECRETS[host]}"}
    with answering() as port:
        shown = ask(port, "/api/v4/packages/").body.decode()
    said = "".join(capsys.readouterr())
    assert host in said
    records = "".join(repr(record.__dict__) for record in caplog.records)
    assert "urllib3" in records
    places = {"output": said, "API": shown, "log": records + caplog.text, "tables": state.rows()}
    assert [place for place, text in places.items() if SECRETS[host] in str(text)] == []


def test_a_description_that_repeats_the_token_is_stored_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(request: Request) -> ResponseParts:
        found = {
            "databaseId": 1,
            "nameWithOwner": "owner/name",
            "description": echo(request),
            "stargazerCount": 7,
            "forkCount": 1,
            "isArchived": False,
            "archivedAt": None,
            "defaultBranchRef": None,
        }
        return 200, {}, {"data": {"r0": found}}

    refresh(monkeypatch, "github", answer)
    with answering() as port:
        shown = ask(port, "/api/v4/packages/1/").json
    assert shown["repo_watchers"] == 7
    assert shown["repo_description"] == "not allowed: Bearer [token]"


@pytest.mark.parametrize("host", list(SECRETS))
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_takes_no_token_along(
    host: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Replay.from_routes({}) as elsewhere:
        asked = refresh(
            monkeypatch, host, lambda request: (status, {"Location": f"{elsewhere.url}/a"}, b"")
        )
        assert f"{asked[0].method} {asked[0].path}" == FIRST[host]
        assert elsewhere.requests == []


def test_each_host_gets_its_own_token_and_the_others_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SELF_HOSTED", "git.example.org=forgejo@http://127.0.0.1:1")
    for host, secret in SECRETS.items():
        asked = refresh(monkeypatch, host, lambda request: (404, {}, b""))
        assert asked
        for request in asked:
            sent = " ".join(request.headers.values())
            assert secret in sent
            assert not [other for name, other in SECRETS.items() if name != host and other in sent]
    changes.create(package(9, repo_url="https://codeberg.org/owner/name", pypi_url="name"))
    for host, variable in (("codeberg", "CODEBERG_API_URL"), ("index", "PACKAGE_INDEX_URL")):
        with Replay.from_routes({}) as replay:
            monkeypatch.setenv(variable, replay.url)
            assert main(["refresh", "--host", host]) == 0
        assert replay.requests
        for request in replay.requests:
            assert "Authorization" not in request.headers
            assert "secret" not in " ".join(request.headers.values())
