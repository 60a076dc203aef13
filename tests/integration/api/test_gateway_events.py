"""What API Gateway passes to the app, where it differs from plain HTTP."""

import json

import pytest
from chalice.test import Client

import app
from tests.support.api_client import SITE, ask, settings
from tests.support.gateway_events import CATCH_ALL, ITEM, answer_to


@pytest.mark.parametrize(
    "path",
    [
        "/api/v4",
        "/api/v4/",
        "/api/v4/packages/",
        "/api/v4/packages/3708/",
        "/api/v4/packages",
        "/api/v4/grids/chat/",
        "/api/v4/categories/1/",
        "/api/v4/packages/?limit=2&limit=3&a=b+c",
        "/api/v4/packages/3708/?format=json",
        "/api/v4/packages/999999/",
        "/nothing",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_client_of_chalice_gets_what_http_gets(site: int, path: str, method: str) -> None:
    over_http = ask(site, path, method)
    with Client(app.app) as client:
        # Chalice's client knows routes without a slash at their end only, as its own server.
        reply = client.http.request(method, path, headers=dict(SITE))
    assert reply.status_code == over_http.status
    assert reply.body == over_http.body
    for name in ("content-type", "allow", "vary", "etag", "location"):
        assert {k.lower(): v for k, v in reply.headers.items()}.get(name) == (
            over_http.headers.get(name)
        )


@pytest.mark.parametrize(
    ("prefix", "stage"),
    [
        ("", "prod"),
        ("/prod", "prod"),
        # Chalice calls its stage so unless told otherwise.
        ("", "api"),
        ("/api", "api"),
        # A custom domain with a base path, whatever the stage.
        ("/v1", "prod"),
        ("/v1", "api"),
        ("/a/b", "prod"),
        ("/api/v1", "api"),
        ("/api/v3", "prod"),
    ],
)
def test_links_and_redirects_carry_what_stands_before_the_path(
    site: int, prefix: str, stage: str
) -> None:
    root = f"https://djangopackages.org{prefix}/api/v4/"
    item = answer_to(f"{prefix}/api/v4/packages/3708/", ITEM, stage)
    assert json.loads(item["body"])["category"] == f"{root}categories/1/"
    query = {"limit": ["1"]}
    page = answer_to(f"{prefix}/api/v4/grids/", "/api/v4/grids", stage, query)
    assert json.loads(page["body"])["next"] == f"{root}grids/?limit=1&offset=1"
    index = answer_to(f"{prefix}/api/v4/", "/api/v4", stage)
    assert json.loads(index["body"])["search"] == f"{root}search/"
    moved = answer_to(f"{prefix}/api/v4/grids", "/api/v4/grids", stage, query)
    assert moved["statusCode"] == 301
    assert moved["headers"]["Location"] == f"{prefix}/api/v4/grids/?limit=1"
    # A format suffix is no resource of the gateway: it comes as the one that catches all.
    caught = {"proxy": "api/v4/packages/3708.json"}
    path = f"{prefix}/api/v4/packages/3708.json"
    suffixed = answer_to(path, CATCH_ALL, stage, pathParameters=caught)
    assert json.loads(suffixed["body"])["category"] == f"{root}categories/1.json"


@pytest.mark.parametrize(
    ("path", "proxy"),
    [
        ("/prod/nothing/", "nothing"),
        ("/nothing/", "nothing"),
        ("/prod/x/api/v4/packages/", "x/api/v4/packages"),
        ("/prod/api/v4/packages/1/2/", "api/v4/packages/1/2"),
        ("//evil.example/api/v4/packages", "/evil.example/api/v4/packages"),
    ],
)
def test_what_no_route_has_is_404_under_a_stage_too(site: int, path: str, proxy: str) -> None:
    answer = answer_to(path, CATCH_ALL, pathParameters={"proxy": proxy})
    assert (answer["statusCode"], answer["body"]) == (404, '{"detail":"Not found."}')


def test_a_redirect_never_leads_to_another_host(site: int) -> None:
    moved = answer_to("//evil.example/api/v4/packages", "/api/v4/packages")
    assert moved["statusCode"] == 301
    assert moved["headers"]["Location"] == "/evil.example/api/v4/packages/"
    moved = answer_to("//api/v4/packages", "/api/v4/packages")
    assert moved["headers"]["Location"] == "/api/v4/packages/"


def test_a_base_url_of_the_settings_goes_before_stage_and_host(site: int) -> None:
    with settings(base_url="https://example.org"):
        item = answer_to("/prod/api/v4/packages/3708/", ITEM)
        moved = answer_to("/prod/api/v4/packages/3708", ITEM)
    assert json.loads(item["body"])["category"] == "https://example.org/api/v4/categories/1/"
    # Whoever comes by that URL does not see the stage.
    assert moved["headers"]["Location"] == "/api/v4/packages/3708/"


def test_decoded_parameters_are_put_together_again(site: int) -> None:
    query = {"limit": ["5", "2"], "é &=+": ["a b", "%41"], "empty": [""]}
    page = json.loads(answer_to("/prod/api/v4/grids/", "/api/v4/grids", query=query)["body"])
    assert len(page["results"]) == 2
    assert page["next"] == (
        "https://djangopackages.org/prod/api/v4/grids/"
        "?empty=&limit=2&offset=2&%C3%A9+%26%3D%2B=a+b&%C3%A9+%26%3D%2B=%2541"
    )
    many = {f"p{number}": ["1"] for number in range(1001)}
    assert answer_to("/api/v4/grids/", "/api/v4/grids", query=many)["statusCode"] == 400


def test_a_raw_query_string_is_taken_where_there_is_one(site: int) -> None:
    context = {
        "resourcePath": "/api/v4/grids",
        "httpMethod": "GET",
        "path": "/api/v4/grids",
        "rawQueryString": "b=%2f&a=+",
    }
    moved = answer_to("/api/v4/grids", "/api/v4/grids", requestContext=context)
    assert moved["headers"]["Location"] == "/api/v4/grids/?b=%2f&a=+"


def test_an_event_without_headers_has_no_host(site: int) -> None:
    answer = answer_to("/api/v4/", "/api/v4", headers=None, multiValueHeaders=None)
    assert (answer["statusCode"], answer["body"]) == (400, '{"detail":"Invalid Host header."}')


def test_header_names_are_read_in_any_case(site: int) -> None:
    headers = {"HOST": "example.org", "x-FORWARDED-proto": "https"}
    answer = answer_to("/api/v4/", "/api/v4", headers=headers)
    assert json.loads(answer["body"])["grids"] == "https://example.org/api/v4/grids/"


def test_an_encoded_path_is_decoded_like_over_http(site: int) -> None:
    assert answer_to("/prod/api/v4/packages/370%38/", ITEM)["statusCode"] == 200
    assert answer_to("/prod/api/v4/packages/%FF/", ITEM)["statusCode"] == 404
    assert answer_to("/prod/api/v4/packages/%E3%81%82/", ITEM)["statusCode"] == 404
    assert answer_to("/prod/api/v4/packages/あ/", ITEM)["statusCode"] == 404


@pytest.mark.parametrize(
    ("values", "status", "content_type"),
    [
        (["application/xml", "application/json"], 200, "application/json"),
        (["application/json", "application/xml"], 200, "application/json"),
        (["application/xml", "text/html"], 200, "text/html; charset=utf-8"),
        (["application/xml", "image/png"], 406, "application/json"),
    ],
)
def test_a_header_that_is_sent_twice_counts_twice(
    site: int, values: list[str], status: int, content_type: str
) -> None:
    several = {name: [value] for name, value in SITE.items()} | {"Accept": values}
    last = SITE | {"Accept": values[-1]}
    answer = answer_to("/api/v4/grids/", "/api/v4/grids", headers=last, multiValueHeaders=several)
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == content_type


def test_two_hosts_are_none(site: int) -> None:
    several = {name: [value] for name, value in SITE.items()}
    several["Host"] = ["djangopackages.org", "evil.example"]
    answer = answer_to("/api/v4/grids/", "/api/v4/grids", multiValueHeaders=several)
    assert answer["statusCode"] == 400


@pytest.mark.parametrize("caught", [None, {}, {"proxy": None}, {"proxy": ""}])
@pytest.mark.parametrize("resource", [CATCH_ALL, ITEM, "/"])
def test_an_event_that_tells_too_little_is_no_fault_of_ours(
    site: int, caught: dict[str, None] | None, resource: str
) -> None:
    answer = answer_to("/nothing/", resource, pathParameters=caught)
    assert (answer["statusCode"], answer["body"]) == (404, '{"detail":"Not found."}')
    event = {"requestContext": {"resourcePath": resource, "path": "/", "httpMethod": "GET"}}
    answer = app.app(event | {"headers": SITE}, None)
    assert (answer["statusCode"], answer["body"]) == (404, '{"detail":"Not found."}')


def test_an_event_without_accept_takes_anything(site: int) -> None:
    assert "accept" not in {name.lower() for name in SITE}
    assert answer_to("/api/v4/", "/api/v4")["headers"]["Content-Type"] == "application/json"
