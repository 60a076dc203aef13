"""What stands between deployed functions and the engine, and writes down who calls what."""

import http.client
import threading
from collections.abc import Iterable, Iterator
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from chalicelib.local.request_handler import AnyMethodHandler
from tools.iamcheck.permissions import (
    LOCAL,
    ArnContext,
    Call,
    Permission,
    UnknownCall,
    get_disclosure_permissions,
    get_required_permissions,
)
from tools.iamcheck.request_parser import has_json_body, parse_request

_CHUNK_BYTES = 1 << 16
#: Of the connection, not of the message (RFC 9110, 7.6.1); each side has its own.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "proxy-connection"}
#: A function may run for a quarter of an hour, but no call of its takes so long.
_SECONDS = 60


class Proxy:
    """A listener on loopback for each function, which forwards requests to the engine unchanged.

    ``calls`` are the permissions that requests needed so far, in order; each is added before its
    response is returned. ``disclosure_calls`` are permissions that a response needed on top: S3
    reveals that an object is missing only to callers that may list the bucket; others get a 403,
    which may do as well. A request that cannot be parsed gets a 501, and raises UnknownCall at the
    end of the block.
    """

    def __init__(self, engine_url: str, names: Iterable[str], place: ArnContext = LOCAL) -> None:
        self.calls: list[Call] = []
        self.disclosure_calls: list[Call] = []
        self.unknown: list[str] = []
        self.place = place
        self.engine = urlsplit(engine_url)
        self._servers = {name: _Server(self, name) for name in names}
        self._threads: list[threading.Thread] = []

    def get_url(self, name: str) -> str:
        """Where the engine is for this function."""
        return f"http://127.0.0.1:{self._servers[name].server_address[1]}"

    def __enter__(self) -> Self:
        for server in self._servers.values():
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()
        if self.unknown and kind is None:
            raise UnknownCall("; ".join(self.unknown))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: Connections that clients keep open must not keep the block from ending.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: Proxy, name: str) -> None:
        self.proxy = proxy
        self.name = name
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that time out or end go away in the middle; that is theirs to tell."""


class _Handler(AnyMethodHandler):
    server: _Server

    def handle_request(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        # In self.path leading slashes are folded, and a target is signed as it stands.
        target = self.requestline.split(" ")[1]
        received = self._received(headers)
        text = b"".join(received) if has_json_body(headers) else b""
        try:
            call = parse_request(self.command, target, headers, text)
            permissions = get_required_permissions(*call, self.server.proxy.place)
        except UnknownCall as error:
            self.server.proxy.unknown.append(f"{self.server.name}: {error}")
            self.close_connection = True
            self.send_error(501, str(error))
            return
        self._record(self.server.proxy.calls, permissions)
        is_chunked = "chunked" in headers.get("transfer-encoding", "")
        self._forward(call, target, text or received, is_chunked)

    def _record(self, calls: list[Call], permissions: Iterable[Permission]) -> None:
        calls.extend(Call(self.server.name, *permission) for permission in permissions)

    def _forward(
        self,
        call: tuple[str, str, Any],
        target: str,
        body: bytes | Iterator[bytes],
        is_chunked: bool,
    ) -> None:
        proxy = self.server.proxy
        engine = http.client.HTTPConnection(
            str(proxy.engine.hostname), proxy.engine.port, timeout=_SECONDS
        )
        try:
            engine.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    engine.putheader(name, value.encode("latin-1"))
            if is_chunked:
                engine.putheader("Transfer-Encoding", "chunked")
            engine.endheaders(body, encode_chunked=is_chunked)
            answer = engine.getresponse()
            self._record(
                proxy.disclosure_calls,
                get_disclosure_permissions(*call, answer.status, proxy.place),
            )
            self._answer(answer)
        finally:
            engine.close()

    def _received(self, headers: dict[str, str]) -> Iterator[bytes]:
        """The body as it comes."""
        if "chunked" in headers.get("transfer-encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return
        left = int(headers.get("content-length", 0))
        while left:
            data = self.rfile.read(min(left, _CHUNK_BYTES))
            if not data:
                raise ConnectionResetError
            left -= len(data)
            yield data

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        bodiless = self.command == "HEAD" or answer.status in {204, 304}
        in_chunks = not bodiless and answer.getheader("Content-Length") is None
        if in_chunks:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while data := b"" if bodiless else answer.read(_CHUNK_BYTES):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if in_chunks else data)
        if in_chunks:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """What is called is in ``calls``."""
