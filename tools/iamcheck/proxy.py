"""A proxy between deployed functions and the engine that records each function's calls."""

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
#: Headers of a connection, which are not forwarded (RFC 9110, 7.6.1).
_HOP_BY_HOP_HEADERS = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "expect",
    "proxy-connection",
}
#: A function may run for 15 minutes, but none of its calls takes longer than this.
_TIMEOUT_S = 60


class Proxy:
    """A listener on loopback for each function, which forwards requests to the engine unchanged.

    ``calls`` are the permissions that requests needed so far, in order; each is added before its
    response is returned. ``disclosure_calls`` are permissions that a response needed on top: S3
    reveals that an object is missing only to callers that may list the bucket; others get a 403,
    which may do as well. A request that cannot be parsed gets a 501, and raises UnknownCall at the
    end of the block.
    """

    def __init__(self, engine_url: str, names: Iterable[str], context: ArnContext = LOCAL) -> None:
        self.calls: list[Call] = []
        self.disclosure_calls: list[Call] = []
        self.unknown: list[str] = []
        self.context = context
        self.engine = urlsplit(engine_url)
        self._servers = {name: _Server(self, name) for name in names}
        self._threads: list[threading.Thread] = []

    def get_url(self, name: str) -> str:
        """Return the endpoint URL of the engine for a function."""
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
    #: Do not wait for connections that clients keep open.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: Proxy, name: str) -> None:
        self.proxy = proxy
        self.name = name
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: a client that times out or ends closes its connection."""


class _Handler(AnyMethodHandler):
    server: _Server

    def handle_request(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        # self.path merges leading slashes, but the signature covers the target as it was sent.
        target = self.requestline.split(" ")[1]
        chunks = self._iter_body(headers)
        text = b"".join(chunks) if has_json_body(headers) else b""
        try:
            call = parse_request(self.command, target, headers, text)
            permissions = get_required_permissions(*call, self.server.proxy.context)
        except UnknownCall as error:
            self.server.proxy.unknown.append(f"{self.server.name}: {error}")
            self.close_connection = True
            self.send_error(501, str(error))
            return
        self._record(self.server.proxy.calls, permissions)
        is_chunked = "chunked" in headers.get("transfer-encoding", "")
        self._forward(call, target, text or chunks, is_chunked)

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
            str(proxy.engine.hostname), proxy.engine.port, timeout=_TIMEOUT_S
        )
        try:
            engine.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP_HEADERS:
                    engine.putheader(name, value.encode("latin-1"))
            if is_chunked:
                engine.putheader("Transfer-Encoding", "chunked")
            engine.endheaders(body, encode_chunked=is_chunked)
            response = engine.getresponse()
            self._record(
                proxy.disclosure_calls,
                get_disclosure_permissions(*call, response.status, proxy.context),
            )
            self._send_response(response)
        finally:
            engine.close()

    def _iter_body(self, headers: dict[str, str]) -> Iterator[bytes]:
        """Yield the request's body in chunks."""
        if "chunked" in headers.get("transfer-encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return
        remaining = int(headers.get("content-length", 0))
        while remaining:
            data = self.rfile.read(min(remaining, _CHUNK_BYTES))
            if not data:
                raise ConnectionResetError
            remaining -= len(data)
            yield data

    def _send_response(self, response: http.client.HTTPResponse) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP_HEADERS:
                self.send_header(name, value)
        bodiless = self.command == "HEAD" or response.status in {204, 304}
        in_chunks = not bodiless and response.getheader("Content-Length") is None
        if in_chunks:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while data := b"" if bodiless else response.read(_CHUNK_BYTES):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if in_chunks else data)
        if in_chunks:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing; the calls are in ``Proxy.calls``."""
