"""What no honest client sends: an answer in JSON or none, and the server goes on."""

import socket
import string

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from tests.support.api_client import Reply, ask, exchange, replies

LIST = "/api/v4/packages/"


def _get(target: str, *lines: str, version: str = "HTTP/1.1") -> bytes:
    head = [f"GET {target} {version}", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


def _only(port: int, raw: bytes) -> Reply:
    (reply,) = replies(exchange(port, raw))
    return reply


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (_get(LIST + "?a=" + "x" * (1 << 20)), 414),
        (_get("/" + "x" * (1 << 20)), 414),
        (_get(LIST, "X: " + "x" * 100_000), 431),
        (_get(LIST, *("X: y" for _ in range(200))), 431),
        (_get(LIST + "?" + "a&" * 1001), 400),
        (_get(LIST, "Content-Length: -1"), 400),
        (_get(LIST, "Content-Length: +1"), 400),
        (_get(LIST, "Content-Length: x"), 400),
        (_get(LIST, "Content-Length: 1,1"), 400),
        (_get(LIST, "Content-Length: "), 400),
        (_get(LIST, "Content-Length: \xb2"), 400),
        (_get(LIST, "Content-Length: 0", "Content-Length: 5"), 400),
        (_get(LIST, "Content-Length: 100") + b"too short", 400),
        (_get(LIST, "Content-Length: 99999999"), 413),
        (_get(LIST, "Content-Length: " + "9" * 5000), 413),
        (_get(LIST, "Transfer-Encoding: chunked") + b"0\r\n\r\n", 411),
        (_get(LIST, "Transfer-Encoding: gzip"), 411),
        (_get(LIST, "no header"), 400),
        (_get(LIST, "Host : example.org"), 400),
        (_get(LIST, " Host: example.org"), 400),
        (_get(LIST, version="HTTP/2.0"), 505),
        (_get(LIST, version="HTTP/x"), 400),
        (_get(LIST, version="HTTP/1"), 400),
        (_get(LIST, version="HTTP/1.1 HTTP/1.1"), 400),
        (_get("http://[bad/"), 400),
        # HTTP/0.9 has no headers, and its client could not tell an error from a page.
        (b"GET /api/v4/\r\n", 400),
        (b"GET /api/v4/", 400),
        (b"GET", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST /api/v4/\r\n\r\n", 400),
    ],
)
def test_what_is_no_proper_request_is_refused_in_json(site: int, raw: bytes, status: int) -> None:
    reply = _only(site, raw)
    assert reply.status == status
    assert reply.detail


@pytest.mark.parametrize(
    "raw",
    [
        _get("http://example.org/api/v4/?a=b"),
        _get("HTTPS://user@example.org:1/api/v4/"),
        _get("/api/v4/", version="HTTP/1.0"),
        _get("/api/v4/", version="HTTP/1.9"),
        b"GET \t /api/v4/ \t HTTP/1.1\r\n\r\n",
        b"GET /api/v4/ HTTP/1.1\nHost: example.org\n\n",
        _get("/api/v4/", "Content-Length: 5") + b"hello",
        _get("/api/v4/", "Content-Type: multipart/form-data; boundary=x"),
        _get("/api/v4/", "Cookie: " + "x" * 60_000),
        _get("/api/v4/", "Authorization: Bearer nonsense"),
        _get("/api/v4/", "Range: bytes=0-1"),
        _get("/api/v4/", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT"),
    ],
)
def test_what_is_only_unusual_is_answered(site: int, raw: bytes) -> None:
    reply = _only(site, raw)
    assert reply.status == 200
    assert reply.json["packages"].endswith("/api/v4/packages/")


def test_a_client_is_told_to_go_on_when_it_asks(site: int) -> None:
    raw = _get("/api/v4/", "Expect: 100-continue", "Content-Length: 2", "Connection: close")
    first, second = replies(exchange(site, raw + b"{}"))
    assert (first.status, second.status) == (100, 200)


def test_requests_in_a_row_are_answered_in_their_order(site: int) -> None:
    paths = ["/api/v4/", LIST + "3708/", "/nothing/", LIST, "/api/v4/grids/chat/"]
    raw = b"".join(_get(path, "Host: djangopackages.org") for path in paths)
    found = list(replies(exchange(site, raw)))
    assert [reply.status for reply in found] == [200, 200, 404, 200, 200]
    for path, reply in zip(paths, found, strict=True):
        alone = ask(site, path, headers={"X-Forwarded-Proto": "http"})
        assert reply.body == alone.body


def test_nothing_after_a_refused_request_is_read(site: int) -> None:
    hidden = _get("/api/v4/", "Host: hidden.example")
    for line in ("Transfer-Encoding: chunked", "Content-Length: x", "no header"):
        assert _only(site, _get(LIST, line) + hidden).status in {400, 411}


def test_bytes_beyond_ascii_are_taken_for_the_utf_8_that_they_are(site: int) -> None:
    raw = b"GET /api/v4/packages?q=\xc3\xa9 HTTP/1.1\r\nHost: example.org\r\n\r\n"
    assert _only(site, raw).headers["location"] == "/api/v4/packages/?q=%C3%A9"


def test_a_client_that_sends_far_too_much_can_still_read_why_not(site: int) -> None:
    # More than sockets buffer: were the rest not read, the connection would be reset.
    reply = _only(site, _get(LIST, "Content-Length: 20000000") + b"x" * 20_000_000)
    assert (reply.status, reply.detail) == (413, "The body is too large.")


def test_a_client_that_hangs_up_harms_nobody(site: int) -> None:
    for raw in (b"", b"GET", b"GET /api/v4/ HTTP/1.1\r\nHost", _get(LIST + "?limit=100")):
        with socket.create_connection(("127.0.0.1", site), timeout=20) as connection:
            connection.sendall(raw)
    assert ask(site, "/api/v4/").status == 200


TOKENS = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
anything = st.binary(max_size=12)
in_line = anything.map(lambda raw: raw.translate(None, b"\r\n"))
methods = st.one_of(
    st.sampled_from([b"GET"] * 8 + [b"OPTIONS", b"POST", b"DELETE", b"TRACE", b"get"]),
    st.text(TOKENS, min_size=1, max_size=8).map(str.encode).filter(lambda name: name != b"HEAD"),
)
pieces = st.one_of(
    st.sampled_from([b"/", b"//", b"/api/v4/", b"packages", b"grids/", b"3708", b"chat", b".json"]),
    st.sampled_from(
        [b"..", b"?", b"&", b"limit=", b"offset=", b"format=", b"%", b"%0d%0a", b"%00"]
    ),
    st.sampled_from([b"http://", b"*", b"[", b"@", b"%FF", b"-1", b"9" * 30, b";", b"=", b"#"]),
    st.binary(max_size=5).map(lambda raw: b"".join(b"%%%02x" % byte for byte in raw)),
    in_line.map(lambda raw: raw.translate(None, b" \t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0")),
)
starts = st.sampled_from([b"/api/v4/packages", b"/api/v4/grids/", b"/api/v4/", b"/", b""])
targets = st.tuples(starts, st.lists(pieces, max_size=6).map(b"".join)).map(b"".join)
versions = st.sampled_from([b"HTTP/1.1"] * 12 + [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/3.0", b"", b"x"])
names = st.sampled_from(
    [
        b"Host",
        b"Accept",
        b"Accept",
        b"If-None-Match",
        b"X-Forwarded-Proto",
        b"Connection",
        b"Expect",
        b"Content-Type",
        b"Content-Length",
        b"Transfer-Encoding",
        b"X",
    ]
)
values = st.one_of(
    st.sampled_from(
        [b"example.org", b"[::1]", b"[::", b"*/*", b"a/b;c=d", b"keep-alive", b"close"]
    ),
    st.sampled_from(
        [b"application/json; indent=4", b"chunked", b"5", b"-5", b'"', b"W/", b"\r\n x"]
    ),
    st.sampled_from([b"application/json;indent*=utf-16''%FF", b"a/b; x*1*=%", b"100-continue"]),
    in_line,
    anything,
)
headers = st.lists(st.tuples(names, values), max_size=3).map(
    lambda pairs: b"".join(b"%s: %s\r\n" % pair for pair in pairs)
)
requests = st.tuples(methods, targets, versions, headers, anything).map(
    lambda parts: b"%s %s %s\r\n%s\r\n%s" % parts
)
ALLOWED = {"server", "date", "content-type", "content-length", "allow", "vary", "etag"}
ALLOWED |= {"x-content-type-options"}


@of_hypothesis(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    raw=st.one_of(requests, requests, requests, requests, anything),
    cut=st.sampled_from([None] * 9 + [5, 20, 40]),
)
def test_whatever_is_sent_the_answer_is_whole_and_no_fault_of_ours(
    site: int, raw: bytes, cut: int | None
) -> None:
    found = list(replies(exchange(site, raw[:cut])))
    # A first line of nothing but white space is no request; anything else has an answer.
    assert found or not raw[:cut].split(b"\n")[0].decode("latin-1").split()
    for reply in found:
        assert reply.status < 500 or reply.status in {501, 505}
        if reply.status >= 400:
            assert reply.detail
        if reply.status == 301:
            location = reply.headers["location"]
            assert location.startswith("/api/v4")
            assert location.isascii()
            assert location.isprintable()
        assert reply.headers.keys() <= ALLOWED | {"cache-control", "location", "connection"}
    assert ask(site, "/api/v4/").status == 200
