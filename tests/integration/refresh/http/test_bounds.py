"""What one exchange may take at most, whatever the other side sends: time and bytes."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import PROJECT, Failed, Figures
from chalicelib.refresh.hosts.index.package_index import PackageIndex
from chalicelib.refresh.http import client as asking
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RequestRejected, Unreachable, WorkerTimeout
from tests.support.index_documents import document
from tests.support.toy_host import COST, Toy
from tests.support.upstream.asking import FakeTime, asked, source
from tools.fakehosts.replay import Replay

pytestmark = pytest.mark.usefixtures("tables")

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIPPED = OK + b"Content-Encoding: gzip\r\n\r\n"
#: What an answer begins with, and what follows for as long as it is listened to.
HEADERS = (OK, b"X: 1\r\n")
TRAILERS = (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: 1\r\n")
ENDLESS = {
    "headers": HEADERS,
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "body of no known length": (OK + b"\r\n{}", b" "),
    "redirect": (
        b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 100000\r\n\r\n",
        b" ",
    ),
    "chunk extension": (CHUNKED + b"2;", b"a"),
    "trailers": TRAILERS,
    "name in gzip's header": (GZIPPED + b"\x1f\x8b\x08\x08\0\0\0\0\0\xff", b"a" * 60_000),
    "empty blocks": (
        GZIPPED + b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        b"\0\0\0\xff\xff" * 12_000,
    ),
}
#: So often is the second part sent, with so many seconds between: without a bound, an answer
#: ends after some seconds all the same, and a test fails instead of hanging.
TIMES, BETWEEN = 150, 0.02


def session(url: str, seconds: float | None = None) -> Session:
    return Session(Toy(url), SharedBudget(), FakeTime().context(seconds), "packgrid/test")


class Talker:
    """A server that leaves every connection to a function."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.is_over = threading.Event()
        self.is_heard_out = False

    @contextmanager
    def talking(self, talk: Callable[[socket.socket], None]) -> Iterator["Talker"]:
        threads: list[threading.Thread] = []

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                self.connections += 1
                threads.append(threading.Thread(target=one, args=[connection], daemon=True))
                threads[-1].start()

        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self.is_over.set()
                listening.shutdown(socket.SHUT_RDWR)
                thread.join()
        for thread in threads:
            thread.join(2)

    def drip(self, connection: socket.socket, first: bytes, rest: bytes) -> None:
        """Send ``first``, and ``rest`` many times with pauses."""
        connection.sendall(first)
        for _ in range(TIMES):
            if self.is_over.wait(BETWEEN):
                return
            connection.sendall(rest)
        self.is_heard_out = True


@contextmanager
def dripping(first: bytes, rest: bytes, scheme: str = "http") -> Iterator[str]:
    """The URL of a server that drips, and is left before it ends."""
    talker = Talker()

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        talker.drip(connection, first, rest)

    with talker.talking(talk):
        yield f"{scheme}://127.0.0.1:{talker.port}"
    assert not talker.is_heard_out


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_is_ended(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TOTAL_SECONDS", 0.1)
    with dripping(*ENDLESS[kind]) as url:
        with pytest.raises(Unreachable, match="longer than"):
            session(url).get("/a", cost=COST)


def test_a_handshake_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for certificates to be read first, on a busy machine too: Python 3.11 leaves a
    # TLS socket unclosed that is shut before its handshake begins.
    monkeypatch.setattr(asking, "TOTAL_SECONDS", 0.8)
    # A TLS record of 16 KB, a byte at a time.
    with dripping(b"\x16\x03\x03\x40\x00", b"\x02", "https") as url:
        with pytest.raises(Unreachable, match="longer than"):
            session(url).get("/a", cost=COST)


@pytest.mark.parametrize(("first", "rest"), [HEADERS, TRAILERS])
def test_a_stream_that_never_ends_is_ended(first: bytes, rest: bytes) -> None:
    with dripping(first, rest) as url:
        one = session(url)
        with pytest.raises(Unreachable, match="longer than"):
            with one.stream("/a", cost=COST, headers={}, max_bytes=1000, seconds=0.1) as (_, body):
                list(body)


def test_an_answer_is_not_waited_for_beyond_the_workers_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "SPARE_SECONDS", 13.9)
    with dripping(*TRAILERS) as url:
        with pytest.raises(WorkerTimeout):
            session(url, seconds=14).get("/a", cost=COST)


def test_a_connection_that_is_used_again_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker()

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")
        if connection.recv(65536):
            talker.drip(connection, *TRAILERS)

    # Enough for a good exchange on a busy machine; the drip lasts for three seconds.
    monkeypatch.setattr(asking, "TOTAL_SECONDS", 1.5)
    with talker.talking(talk):
        one = session(f"http://127.0.0.1:{talker.port}")
        one.get("/a", cost=COST)
        assert talker.connections == 1
        # The second answer on the connection never ends; it is had on a new one.
        one.get("/a", cost=COST)
        one.close()
        assert talker.connections == 2
    assert not talker.is_heard_out


def test_no_timer_is_left_behind() -> None:
    with Replay.from_routes({"GET /a": [(200, {}, {}), (500, {}, b"")]}) as replay:
        one = session(replay.url)
        one.get("/a", cost=COST)
        with pytest.raises(Unreachable):
            one.get("/a", cost=COST)
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert all(timer.finished.is_set() for timer in timers)


@pytest.mark.parametrize("status", [200, 302])
def test_a_body_too_large_is_not_read_to_its_end(status: int) -> None:
    answer = (status, {"Location": "/b"}, b" " * 300_000)
    with Replay.from_routes({"GET /a": [answer]}) as replay:
        with pytest.raises(RequestRejected, match="exceeds 100000 bytes"):
            session(replay.url).get("/a", cost=COST, max_bytes=100_000)
    assert len(replay.requests) == 1


@pytest.mark.parametrize("status", [200, 302])
def test_a_gzip_bomb_is_not_unpacked(status: int) -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    answer = (status, {"Content-Encoding": "gzip", "Location": "/b"}, bomb)
    with Replay.from_routes({"GET /a": [answer]}) as replay:
        with pytest.raises(RequestRejected, match="exceeds 1000000 bytes"):
            session(replay.url).get("/a", cost=COST, max_bytes=1_000_000)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_json_that_takes_too_much_memory_is_not_read(method: str) -> None:
    lists = b"[" + b"[]," * (3 << 20) + b"[]]"
    with Replay.from_routes({f"{method} /a": [(200, {}, lists)]}) as replay:
        one = session(replay.url)
        with pytest.raises(RequestRejected, match="exceeds 6291456 bytes"):
            one.get("/a", cost=COST) if method == "GET" else one.post("/a", {}, cost=COST)


@pytest.mark.parametrize(("megabytes", "kind"), [(8, Figures), (33, Failed)])
def test_a_document_of_the_index_may_be_larger(megabytes: int, kind: type[object]) -> None:
    body = document() | {"padding": " " * (megabytes << 20)}
    with Replay.from_routes({"GET /pypi/tool/json": [(200, {}, body)]}) as replay:
        index = PackageIndex(replay.url, None)
        assert isinstance(asked(index, [source("tool", "index", kind=PROJECT)]).only, kind)
