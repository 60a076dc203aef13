"""Headers of requests and answers: validators, HEAD, hosts and schemes."""

import pytest

from tests.support.api_client import SITE, ask, exchange, replies, settings

PATHS = [
    "/api/v4/",
    "/api/v4/.json",
    "/api/v4/packages/",
    "/api/v4/packages.json?limit=3",
    "/api/v4/packages/3708/",
    "/api/v4/packages/django-private-chat/",
    "/api/v4/grids/",
    "/api/v4/grids/45/",
    "/api/v4/grids/chat/",
    "/api/v4/categories/",
    "/api/v4/categories/1/?format=json",
]
ERRORS = {
    "/api/v4/packages": 301,
    "/api/v4/packages/?" + "a=1&" * 1001: 400,
    "/nothing/": 404,
    "/api/v4/packages/999999/": 404,
    "/api/v4/packages/?format=xml": 404,
}


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_states_type_length_methods_and_validators(site: int, path: str) -> None:
    reply = ask(site, path)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"
    assert reply.headers["vary"] == "Accept"
    assert reply.headers["cache-control"] == "public, max-age=60"
    assert reply.headers["etag"].strip('"').isalnum()
    assert reply.headers["etag"][0] == reply.headers["etag"][-1] == '"'


def test_how_long_answers_may_be_kept_is_a_setting(site: int) -> None:
    with settings(cache_seconds=5):
        assert ask(site, "/api/v4/").headers["cache-control"] == "public, max-age=5"


@pytest.mark.parametrize("path", [*PATHS, *ERRORS])
def test_head_is_get_without_the_body(site: int, path: str) -> None:
    got, head = ask(site, path), ask(site, path, "HEAD")
    assert got.status == ERRORS.get(path, 200)
    assert head.body == b""
    assert head.status == got.status
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert head.headers["content-length"] == str(len(got.body))


@pytest.mark.parametrize(
    "headers", [{"Accept": "text/csv"}, {"Host": "a b"}, {"Accept": "application/json; indent=2"}]
)
def test_head_is_get_whatever_the_headers(site: int, headers: dict[str, str]) -> None:
    got = ask(site, "/api/v4/packages/3708/", headers=headers)
    head = ask(site, "/api/v4/packages/3708/", "HEAD", headers)
    assert head.body == b""
    assert head.status == got.status
    assert head.headers["content-length"] == str(len(got.body)) != "0"


@pytest.mark.parametrize("path", ERRORS)
def test_what_is_not_there_is_not_to_be_kept(site: int, path: str) -> None:
    reply = ask(site, path, headers={"If-None-Match": "*"})
    assert reply.status == ERRORS[path]
    assert "etag" not in reply.headers
    assert "cache-control" not in reply.headers


@pytest.mark.parametrize("known", ["{}", "W/{}", '"a", {}', '"a",W/{},"b"', ' "a" ,  {} '])
@pytest.mark.parametrize("path", ["/api/v4/packages/?limit=2", "/api/v4/grids/chat/"])
def test_a_client_that_has_the_answer_is_told_so(site: int, path: str, known: str) -> None:
    full = ask(site, path)
    headers = {"If-None-Match": known.format(full.headers["etag"])}
    for method in ("GET", "HEAD"):
        reply = ask(site, path, method, headers)
        assert (reply.status, reply.body) == (304, b"")
        for name in ("etag", "cache-control", "vary"):
            assert reply.headers[name] == full.headers[name]
        assert "content-type" not in reply.headers
        # If stated at all, it would have to be the length of the full answer.
        assert "content-length" not in reply.headers


@pytest.mark.parametrize("known", ['"a"', "", "*", '"*"', "{0}x", "W/", '"a", "b"', "w/{0}"])
def test_a_client_that_has_another_answer_gets_this_one(site: int, known: str) -> None:
    full = ask(site, "/api/v4/packages/3708/")
    headers = {"If-None-Match": known.format(full.headers["etag"].strip('"'))}
    assert ask(site, "/api/v4/packages/3708/", headers=headers).body == full.body


def test_each_form_of_an_answer_has_a_validator_of_its_own(site: int) -> None:
    path = "/api/v4/packages/3708/"
    forms = [
        ask(site, path),
        ask(site, path, headers={"Host": "example.org"}),
        ask(site, path, headers={"X-Forwarded-Proto": "http"}),
        ask(site, path, headers={"Accept": "application/json; indent=4"}),
        ask(site, path + "?format=json"),
    ]
    assert len({form.headers["etag"] for form in forms}) == len(forms)
    assert (
        ask(site, "/api/v4/packages/django-private-chat/").headers["etag"]
        == (forms[0].headers["etag"])
    )


@pytest.mark.parametrize(
    "host",
    [
        "djangopackages.org",
        "DjangoPackages.ORG",
        "example.org:8443",
        "127.0.0.1",
        "[::1]:8000",
        "[2001:DB8::1]",
        "example.org.",
        "localhost",
        "xn--e1afmkfd.example",
        "[::ffff:1.2.3.4]",
    ],
)
def test_links_carry_the_host_as_sent(site: int, host: str) -> None:
    page = ask(site, "/api/v4/packages/?limit=1", headers={"Host": host}).json
    root = f"https://{host}/api/v4/"
    assert page["next"] == f"{root}packages/?limit=1&offset=1"
    assert page["results"][0]["category"].startswith(root)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "exa_mple.org",
        "a/b",
        "a@b",
        "a,b",
        "example.org:abc",
        "example.org:",
        "[::1",
        ".",
        ".:80",
        "[:::]",
        "[1:2]",
        "[::1.1]",
        "[fe80::1%25eth0]",
        "\xe9.org",
        "a:80:80",
        ":80",
        "evil.example/x?",
        "<script>",
        '"',
        "\\",
        "a\tb",
        "a\r\n b",
        "example.org#",
        "[::1]x",
        "٣",
    ],
)
def test_a_malformed_host_is_refused_everywhere(site: int, host: str) -> None:
    latin = host.encode().decode("latin-1")
    for path in ("/api/v4/packages/", "/api/v4/packages", "/nothing/"):
        for method in ("GET", "OPTIONS", "POST"):
            reply = ask(site, path, method, {"Host": latin})
            assert (reply.status, reply.detail) == (400, "Invalid Host header.")


def test_two_hosts_are_none(site: int) -> None:
    raw = b"GET /api/v4/ HTTP/1.1\r\nHost: a.org\r\nHost: b.org\r\nConnection: close\r\n\r\n"
    (reply,) = replies(exchange(site, raw))
    assert (reply.status, reply.detail) == (400, "Invalid Host header.")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_without_a_host_links_carry_the_servers_address(site: int, version: str) -> None:
    raw = f"GET /api/v4/ HTTP/{version}\r\n\r\n".encode()
    (reply,) = replies(exchange(site, raw))
    assert reply.json["grids"] == f"http://127.0.0.1:{site}/api/v4/grids/"


@pytest.mark.parametrize(
    ("forwarded", "scheme"),
    [
        ("https", "https"),
        ("https, http", "https"),
        (" https ,http", "https"),
        ("http, https", "http"),
        ("HTTPS", "http"),
        ("", "http"),
        (",https", "http"),
        ("httpsx", "http"),
        ("javascript", "http"),
        ('https"', "http"),
    ],
)
def test_links_are_https_only_if_the_first_proxy_says_exactly_so(
    site: int, forwarded: str, scheme: str
) -> None:
    reply = ask(site, "/api/v4/", headers={"X-Forwarded-Proto": forwarded})
    assert reply.json["packages"] == f"{scheme}://djangopackages.org/api/v4/packages/"


def test_no_other_forwarded_header_leads_links_elsewhere(site: int) -> None:
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Original-URL": "/evil",
        "Forwarded": "host=evil.example",
        "X-HTTP-Method-Override": "DELETE",
    }
    assert ask(site, "/api/v4/", headers=headers).body == ask(site, "/api/v4/").body


def test_a_base_url_of_the_settings_goes_before_the_request(site: int) -> None:
    with settings(base_url="https://example.org/mirror"):
        page = ask(site, "/api/v4/grids/?limit=1").json
        assert page["next"] == "https://example.org/mirror/api/v4/grids/?limit=1&offset=1"
        location = ask(site, "/api/v4/grids").headers["location"]
        assert location == "/mirror/api/v4/grids/"
        assert ask(site, "/api/v4/", headers={**SITE, "Host": "a b"}).status == 400


def test_nothing_tells_what_the_server_is_made_of(site: int) -> None:
    assert ask(site, "/api/v4/").headers["server"].strip() == "packgrid"
