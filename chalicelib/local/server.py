"""An HTTP server that stands in for API Gateway: the same events, to the same Chalice app.

Chalice's own local server matches a catch-all against one path segment only, knows no HEAD,
and loses the raw query; this one hands every request to the app as the gateway would, and
those too whose method the gateway itself refuses (TRACE, made-up ones): what they are answered
is the app's business.
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

from chalicelib.local.request_handler import AnyMethod

#: API Gateway takes 10 MB of body, and 10,240 bytes of request line and headers together. The
#: line may be longer here, for those who serve from behind something else.
MAX_BODY = 10 << 20
#: How long to read on, for nothing, from a client that is still sending after its last answer.
_LINGER_SECONDS = 2.0
_DETAILS = {
    400: "Malformed request.",
    411: "Content-Length is required.",
    413: "The body is too large.",
    414: "The request line is too long.",
    431: "The headers are too large.",
    505: "This HTTP version is not supported.",
}
#: What the parser of headers notes of a line that is no header; it takes the rest for a body.
_MALFORMED = (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)


class LambdaApp(Protocol):
    """A Chalice app: routes by resource and method, and called with an event and a context."""

    routes: dict[str, dict[str, Any]]

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer an API Gateway proxy event."""
        ...


class Gateway(ThreadingHTTPServer):
    """Serves a Chalice app on loopback, one thread a connection."""

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
        """Take the port.

        With ``listen=False``, nobody is let in until ``server_activate()``. API Gateway does not
        tell the query string as it was sent; ``raw_query=False`` does not either.
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
        """Where it listens (the port given, or the free one found for port 0)."""
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event worth a trace."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection in a way that lets the client read its last answer.

        Closing it with something unread would reset it, and the answer could be lost.
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

    def event(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> dict[str, Any]:
        """The proxy event (REST API, format 1.0) of a request."""
        path, _, query = target.partition("?")
        resource, parameters = self._match(path)
        # Non-UTF-8 bodies reach nothing here; the gateway would pass them in base64.
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

    def _match(self, path: str) -> tuple[str, dict[str, str]]:
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
    """Catch-alls last; of the others, those with fewer variables first."""
    return resource.endswith("+}"), resource.count("{"), resource


class _Handler(AnyMethod):
    server_version = "packgrid"
    timeout = 60
    server: Gateway

    def parse_request(self) -> bool:
        """Refuse what http.server would take: HTTP/0.9, and header lines that are none."""
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

    def _handle(self) -> None:
        body = self._body()
        if body is None:
            return
        target = _origin_form(self._target())
        if target is None:
            self.send_error(400)
            return
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known},{value}"
        headers.setdefault("host", f"127.0.0.1:{self.server.port}")
        event = self.server.event(self.command, target, headers, body)
        answer = self.server.app(event, None)
        content = answer["body"] or ""
        raw = base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
        self._send(answer["statusCode"], answer["headers"], raw)

    def _target(self) -> str:
        # http.server folds leading slashes of self.path into one; the gateway does not.
        target = self.requestline.split()[1]
        # Bytes that no URI has: the gateway passes them percent-encoded.
        return quote(target.encode("latin-1"), safe=string.punctuation)

    def _body(self) -> bytes | None:
        if "Transfer-Encoding" in self.headers:
            self.send_error(411)
            return None
        length, *others = self.headers.get_all("Content-Length", ["0"])
        if not (length.isascii() and length.isdigit()) or others:
            self.send_error(400)
            return None
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
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
        bodiless = status == 304 or self.command == "HEAD"
        if "Content-Length" not in headers and status != 304:
            self.send_header("Content-Length", str(len(body)))
        # One write for head and body, so that no delayed acknowledgement comes between them.
        self._headers_buffer.append(b"\r\n")
        if not bodiless:
            self._headers_buffer.append(body)
        self.flush_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, in the shape of every other error."""
        self.close_connection = True
        self.command = self.command or ""
        self.request_version = "HTTP/1.1"
        body = _detail(_DETAILS[code])
        self._send(code, {"Content-Type": "application/json", "Connection": "close"}, body)

    def version_string(self) -> str:
        """What the Server header says."""
        return self.server_version

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are not logged here."""


def _origin_form(target: str) -> str | None:
    """Path and query of a request target, which may be an absolute URL (RFC 9112, 3.2.2)."""
    if target.startswith("/"):
        return target
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _detail(text: str) -> bytes:
    return json.dumps({"detail": text}, separators=(",", ":")).encode()
