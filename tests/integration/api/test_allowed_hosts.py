"""Which hosts are answered, and that links lead to no other."""

from typing import Any

import pytest

import app
from chalicelib.settings import from_environment
from tests.support.api_client import ROOT, ask, settings

FORGED = [
    "evil.example",
    "djangopackages.org.evil.example",
    "evil.example:443",
    "xdjangopackages.org",
    "djangopackages.org@evil.example",
    "evil.example/djangopackages.org",
    "evil.example#djangopackages.org",
    "djangopackages.org evil.example",
    "djangopackages.org,evil.example",
    "[::1]",
    "127.0.0.1",
    "localhost",
    "",
    "*",
    ".djangopackages.org",
]


@pytest.mark.parametrize("host", FORGED)
@pytest.mark.parametrize("path", ["/api/v4/packages/", "/api/v4/packages", "/api/v4/nothing"])
def test_a_host_that_is_not_allowed_is_a_bad_request(site: int, host: str, path: str) -> None:
    with settings(allowed_hosts=("djangopackages.org",)):
        reply = ask(site, path, headers={"Host": host})
    assert reply.status == 400
    assert reply.detail == "Invalid Host header."
    assert "location" not in reply.headers


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("example.org", "example.org"),
        ("example.org", "EXAMPLE.org:8443"),
        ("Example.ORG", "example.org."),
        (".example.org", "example.org"),
        (".example.org", "a.b.example.org:80"),
        ("other.net, example.org", "example.org"),
        ("[::1]", "[::1]:8000"),
        ("127.0.0.1", "127.0.0.1:8000"),
        ("*", "whatever.example"),
    ],
)
def test_an_allowed_host_gets_links_to_itself(site: int, allowed: str, host: str) -> None:
    with settings(allowed_hosts=from_environment({"ALLOWED_HOSTS": allowed}).allowed_hosts):
        reply = ask(site, "/api/v4/", headers={"Host": host})
    assert reply.status == 200
    assert reply.json["packages"] == f"https://{host}/api/v4/packages/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Host", "evil.example"),
        ("Forwarded", "host=evil.example"),
        ("X-Original-Host", "evil.example"),
    ],
)
def test_no_other_header_names_the_host(site: int, name: str, value: str) -> None:
    reply = ask(site, "/api/v4/", headers={name: value})
    assert reply.status == 200
    assert reply.json["packages"] == f"{ROOT}packages/"


@pytest.mark.parametrize(
    ("host", "base_url", "status"),
    [
        ("abc.execute-api.eu-west-1.amazonaws.com", None, 200),
        ("evil.example", None, 400),
        ("evil.example", "https://packages.example", 400),
        ("packages.example", "https://packages.example", 200),
    ],
)
def test_when_deployed_the_gateway_says_which_host_it_is(
    bare: int, monkeypatch: pytest.MonkeyPatch, host: str, base_url: str | None, status: int
) -> None:
    """As in the event of a REST API, whose context tells the domain that was asked."""
    monkeypatch.setattr(
        app.app,
        "settings",
        from_environment(
            {"AWS_LAMBDA_FUNCTION_NAME": "api"}
            | ({"PACKGRID_BASE_URL": base_url} if base_url else {})
        ),
    )
    event: dict[str, Any] = {
        "resource": "/api/v4",
        "path": "/api/v4/",
        "httpMethod": "GET",
        "multiValueHeaders": {"Host": [host]},
        "headers": {"Host": host},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": "/api/v4",
            "path": "/prod/api/v4/",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }
    assert app.app(event, None)["statusCode"] == status
