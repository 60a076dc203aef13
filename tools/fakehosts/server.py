"""A small, fast and quiet HTTP/1.1 server on loopback that can also break its responses.

Connections are kept alive. The server parses just enough of HTTP for our own client: the parser of
the standard library takes longer than most handlers of the simulated hosts.
"""

import contextlib
import json
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, unquote

#: Ways to break a response: none at all; the connection reset after half of the body; the body
#: sent a byte at a time.
SILENCE, RESET, DRIP = "silence", "reset", "drip"
_BODILESS = {204, 304}


class Headers(dict[str, str]):
    """The headers of a request; names are case-insensitive."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header's value, or ``default``."""
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True)
class Request:
    """A request; ``target`` is path and query as they were sent."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""

    @property
    def path(self) -> str:
        """The decoded path (``%2F`` too)."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The decoded query; the last value of a name counts."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """A response; a ``body`` that is neither ``bytes`` nor ``str`` is sent as JSON.

    ``fault`` is ``SILENCE``, ``RESET`` or ``DRIP``; ``seconds`` is how long a drip takes.
    """

    status: int = 200
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()
    body: Any = b""
    fault: str = ""
    seconds: float = 0.2

    def encode_body(self) -> bytes:
        """Return the body as it is sent."""
        if isinstance(self.body, bytes):
            return self.body
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()

    def encode_head(self, length: int) -> bytes:
        """Encode status line and headers; the content type is JSON unless another is given."""
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        lines = [f"HTTP/1.1 {self.status} {_get_phrase(self.status)}"]
        is_typed = False
        for name, value in pairs:
            is_typed = is_typed or name.lower() == "content-type"
            lines.append(f"{name}: {value}")
        if self.status not in _BODILESS:
            if not is_typed:
                lines.append("Content-Type: application/json; charset=utf-8")
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


Handler = Callable[[Request], Response]


def _get_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Server:
    """Calls a handler for each request to a port of 127.0.0.1, within a ``with`` block."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self._server = _ThreadedServer(("127.0.0.1", port), _Connection)
        self._server.handler = handler
        self._thread = threading.Thread(target=self._server.accept_connections)
        self._thread.daemon = True

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop_accepting()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()


class _ThreadedServer(socketserver.ThreadingTCPServer):
    """A server with a thread for each connection; closing it waits for all of them."""

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128
    handler: Handler

    def __init__(self, *args: Any) -> None:
        self.connections: set[socket.socket] = set()
        self._is_stopping = False
        super().__init__(*args)

    def accept_connections(self) -> None:
        """Accept connections without polling, unlike ``serve_forever``."""
        while True:
            connection, address = self.get_request()
            if self._is_stopping:
                connection.close()
                return
            self.process_request(connection, address)

    def stop_accepting(self) -> None:
        """End ``accept_connections``."""
        self._is_stopping = True
        host, port = self.socket.getsockname()[:2]
        socket.create_connection((host, port)).close()

    def end_connections(self) -> None:
        """End the threads that wait for another request."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: the client went away. (A handler's errors are sent as 500.)"""


class _Connection(socketserver.StreamRequestHandler):
    """Handles the requests of one connection, one after another."""

    server: _ThreadedServer
    rbufsize = 1 << 16
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        while request := _read_request(self.rfile):
            if not self._send(request, _call_handler(self.server.handler, request)):
                return

    def _send(self, request: Request, response: Response) -> bool:
        """Send a response; return whether the connection stays open."""
        if response.fault == SILENCE:
            return False
        content = response.encode_body()
        head = response.encode_head(len(content))
        if response.status in _BODILESS or request.method == "HEAD":
            content = b""
        if response.fault == RESET:
            self.connection.sendall(head + content[: len(content) // 2])
            self._reset()
            return False
        if response.fault == DRIP:
            self.connection.sendall(head)
            return self._drip(content, response.seconds)
        self.connection.sendall(head + content)
        is_last: bool = request.headers.get("Connection", "").lower() == "close"
        return not is_last

    def _drip(self, content: bytes, seconds: float) -> bool:
        """Send up to 20 bytes one by one, spread over ``seconds``, then the rest at once."""
        steps = min(20, len(content))
        for position in range(steps):
            self.connection.sendall(content[position : position + 1])
            time.sleep(seconds / steps)
        self.connection.sendall(content[steps:])
        return True

    def _reset(self) -> None:
        """End the connection with RST instead of FIN, once the reading file is closed, too."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


def _call_handler(handler: Handler, request: Request) -> Response:
    try:
        return handler(request)
    except Exception as error:  # noqa: BLE001
        # An error in a test's handler must be visible, not look like a host that went away.
        return Response(500, {"X-Replay": "broken"}, {"message": f"the test server: {error!r}"})


def _read_request(file: BinaryIO | Any) -> Request | None:
    """Read the next request of a connection; return ``None`` at its end."""
    try:
        first = file.readline(1 << 16).split()
        if len(first) != 3:
            return None
        headers = Headers()
        while (line := file.readline(1 << 16)) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            dict.__setitem__(headers, name.decode("latin-1").lower(), value.strip().decode())
        length = int(headers.get("Content-Length", 0))
        body = file.read(length) if length else b""
    except (OSError, ValueError):
        return None
    return Request(first[0].decode(), first[1].decode("latin-1"), headers, body)
