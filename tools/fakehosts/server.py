"""A small, fast and quiet HTTP/1.1 server on loopback, whose answers may also be broken.

Connections are kept alive. It reads just enough of HTTP for our own client, because the parser
of the standard library takes longer than most answers of the simulated world.
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

#: What breaks an answer: no answer at all; the connection reset after half of the body; the
#: body a byte at a time.
SILENCE, RESET, DRIP = "silence", "reset", "drip"
_BODILESS = {204, 304}


class Headers(dict[str, str]):
    """The headers of a request, without regard to letter case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The header, or ``default``."""
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked; ``target`` is path and query as they were sent."""

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
    """What is answered: a body of ``bytes``, or of ``str``, or anything else as JSON.

    ``fault`` is ``SILENCE``, ``RESET`` or ``DRIP``; ``seconds`` is how long a drip takes.
    """

    status: int = 200
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()
    body: Any = b""
    fault: str = ""
    seconds: float = 0.2

    def encode_body(self) -> bytes:
        """The body as it is sent."""
        if isinstance(self.body, bytes):
            return self.body
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()

    def encode_head(self, length: int) -> bytes:
        """Status line and headers; JSON is the content type unless another is named."""
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
    """Serves ``answering`` on a free port of 127.0.0.1 within a ``with`` block."""

    def __init__(self, answering: Handler, port: int = 0) -> None:
        self._server = _ThreadedServer(("127.0.0.1", port), _Connection)
        self._server.answering = answering
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
    """A thread for each connection; all have ended when the server is closed."""

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128
    answering: Handler

    def __init__(self, *args: Any) -> None:
        self.connections: set[socket.socket] = set()
        self._is_stopping = False
        super().__init__(*args)

    def accept_connections(self) -> None:
        """Wait for connections without ever waking up in between, as ``serve_forever`` does."""
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
        """Let the threads that wait for another request end."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: it is the client that went away (an error in an answer is sent as 500)."""


class _Connection(socketserver.StreamRequestHandler):
    """Requests of one connection, one after another."""

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
            if not self._answer(request, _call_handler(self.server.answering, request)):
                return

    def _answer(self, request: Request, answer: Response) -> bool:
        """Send it; whether the connection goes on."""
        if answer.fault == SILENCE:
            return False
        content = answer.encode_body()
        head = answer.encode_head(len(content))
        if answer.status in _BODILESS or request.method == "HEAD":
            content = b""
        if answer.fault == RESET:
            self.connection.sendall(head + content[: len(content) // 2])
            self._reset()
            return False
        if answer.fault == DRIP:
            self.connection.sendall(head)
            return self._drip(content, answer.seconds)
        self.connection.sendall(head + content)
        is_last: bool = request.headers.get("Connection", "").lower() == "close"
        return not is_last

    def _drip(self, content: bytes, seconds: float) -> bool:
        """The body byte by byte until the time is over, then the rest at once."""
        steps = min(20, len(content))
        for place in range(steps):
            self.connection.sendall(content[place : place + 1])
            time.sleep(seconds / steps)
        self.connection.sendall(content[steps:])
        return True

    def _reset(self) -> None:
        """End with RST instead of FIN, once the file that reads is closed too."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


def _call_handler(answering: Handler, request: Request) -> Response:
    try:
        return answering(request)
    except Exception as error:  # noqa: BLE001
        # A mistake in a test's server must be seen, not taken for a host that went away.
        return Response(500, {"X-Replay": "broken"}, {"message": f"the test server: {error!r}"})


def _read_request(file: BinaryIO | Any) -> Request | None:
    """The next request of a connection; ``None`` at its end."""
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
