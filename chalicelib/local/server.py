"""An HTTP server that stands in for API Gateway: it sends the same events to the same Chalice app.

Chalice's own local server matches a catch-all against one path segment only, lacks HEAD and loses
the raw query. This one passes every request to the app as the gateway would, also methods that
the gateway itself refuses (TRACE, unknown ones), so that the app decides what to respond.
docs/decisions/0006-local-stand-ins.md says why it is not werkzeug's.
"""

import base64
import json
import socket
import string
import sys
import time
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.server import ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, unquote, urlsplit

from chalicelib.local.request_handler import AnyMethodHandler

#: API Gateway accepts 10 MB of body, and 10,240 bytes of request line and headers together. Lines
#: may be longer here, because other proxies may be in front.
MAX_BODY_BYTES = 10 << 20
#: How long to read and discard what a client still sends after its last response.
_LINGER_SECONDS = 2.0
_DETAILS = {
    400: "Malformed request.",
    411: "Content-Length is required.",
    413: "The body is too large.",
    414: "The request line is too long.",
    431: "The headers are too large.",
    505: "This HTTP version is not supported.",
}
#: Defects that the parser notes for a line that is not a header; it takes the rest for a body.
_MALFORMED = (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)


class LambdaApp(Protocol):
    """A Chalice app: its routes by resource and method; callable with an event and a context."""

    routes: dict[str, dict[str, Any]]

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Return the response to an API Gateway proxy event."""
        ...


class Gateway(ThreadingHTTPServer):
    """Serves a Chalice app with one thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        app: LambdaApp,
        port: int,
        host: str = "127.0.0.1",
        *,
        listen: bool = True,
        raw_query: bool = True,
    ) -> None:
        """Bind the port.

        With ``listen=False``, no connection is accepted before ``server_activate()``. Like API
        Gateway, ``raw_query=False`` leaves out the query string as it was sent.
        """
        self.raw_query = raw_query
        self.app = app
        self._resources = sorted(app.routes, key=_specificity)
        super().__init__((host, port), _Handler, bind_and_activate=False)
        try:
            self.server_bind()
            if listen:
                self.server_activate()
        except BaseException:
            self.server_close()
            raise

    @property
    def port(self) -> int:
        """The port that is bound: the given one, or a free one for port 0."""
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print a traceback, unless the client closed the connection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection so that the client can read its last response.

        Closing it with unread data would reset the connection, and the response could be lost.
        """
        deadline = time.monotonic() + _LINGER_SECONDS
        try:
            request.shutdown(socket.SHUT_WR)
            request.settimeout(_LINGER_SECONDS)
            while request.recv(1 << 16) and time.monotonic() < deadline:
                pass
        except OSError:
            pass
        self.close_request(request)

    def build_event(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> dict[str, Any]:
        """Return the proxy event (REST API, format 1.0) of a request.

        The body is always in base64, which the gateway only does for bodies that are not UTF-8.
        """
        path, _, query = target.partition("?")
        resource, parameters = self._match_route(path)
        return {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": resource,
                "httpMethod": method,
                "path": path,
                **({"rawQueryString": query} if self.raw_query else {}),
                "identity": {"sourceIp": "127.0.0.1"},
            },
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }

    def _match_route(self, path: str) -> tuple[str, dict[str, str]]:
        """Return the resource that matches a path, and its path parameters; ``/`` if none does."""
        parts = (path.removesuffix("/") or "/").split("/")
        for resource in self._resources:
            names = resource.split("/")
            if names[-1] == "{proxy+}" and len(parts) >= len(names):
                return resource, {"proxy": unquote("/".join(parts[len(names) - 1 :]))}
            if len(names) == len(parts) and all(
                name == part or (name.startswith("{") and part)
                for name, part in zip(names, parts, strict=True)
            ):
                pairs = zip(names, parts, strict=True)
                return resource, {n[1:-1]: unquote(p) for n, p in pairs if n.startswith("{")}
        return "/", {}


def _specificity(resource: str) -> tuple[bool, int, str]:
    """Sort catch-alls last, and of the others those with fewer variables first."""
    return resource.endswith("+}"), resource.count("{"), resource


class _Handler(AnyMethodHandler):
    server_version = "packgrid"
    timeout = 60
    server: Gateway

    def parse_request(self) -> bool:
        """Parse the request; refuse HTTP/0.9 and malformed headers, which http.server accepts."""
        line = str(self.raw_requestline, "iso-8859-1")
        if len(line.split()) == 2:
            self.requestline, self.command = line, ""
            self.send_error(400)
            return False
        if not super().parse_request():
            return False
        if self.request_version == "HTTP/0.9":
            self.send_error(505)
            return False
        if any(isinstance(defect, _MALFORMED) for defect in self.headers.defects):
            self.send_error(400)
            return False
        return True

    def handle_request(self) -> None:
        """Pass the request to the app and send its response."""
        body = self._read_body()
        if body is None:
            return
        target = _origin_form(self._raw_target())
        if target is None:
            self.send_error(400)
            return
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            previous = headers.get(name.lower())
            headers[name.lower()] = value if previous is None else f"{previous},{value}"
        headers.setdefault("host", f"127.0.0.1:{self.server.port}")
        event = self.server.build_event(self.command, target, headers, body)
        response = self.server.app(event, None)
        content = response["body"] or ""
        is_base64 = response.get("isBase64Encoded")
        content_bytes = base64.b64decode(content) if is_base64 else content.encode()
        self._send(response["statusCode"], response["headers"], content_bytes)

    def _raw_target(self) -> str:
        # http.server folds leading slashes of self.path into one; the gateway does not.
        target = self.requestline.split()[1]
        # The gateway passes bytes that no URI may contain percent-encoded.
        return quote(target.encode("latin-1"), safe=string.punctuation)

    def _read_body(self) -> bytes | None:
        """Return the body; send an error and return ``None`` if it cannot be read."""
        if "Transfer-Encoding" in self.headers:
            self.send_error(411)
            return None
        length, *others = self.headers.get_all("Content-Length", ["0"])
        if not (length.isascii() and length.isdigit()) or others:
            self.send_error(400)
            return None
        if len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
            self.send_error(413)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.send_error(400)
            return None
        return body

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        has_body = status != 304 and self.command != "HEAD"
        if "Content-Length" not in headers and status != 304:
            self.send_header("Content-Length", str(len(body)))
        # One write for head and body, so that no delayed acknowledgement separates them.
        self._headers_buffer.append(b"\r\n")
        if has_body:
            self._headers_buffer.append(body)
        self.flush_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error of http.server's own in the JSON of all other errors."""
        self.close_connection = True
        self.command = self.command or ""
        self.request_version = "HTTP/1.1"
        body = json.dumps({"detail": _DETAILS[code]}, separators=(",", ":")).encode()
        self._send(code, {"Content-Type": "application/json", "Connection": "close"}, body)

    def version_string(self) -> str:
        """Return the value of the Server header."""
        return self.server_version

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""


def _origin_form(target: str) -> str | None:
    """Return the path and query of a request target, which may be a URL (RFC 9112, 3.2.2)."""
    if target.startswith("/"):
        return target
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
