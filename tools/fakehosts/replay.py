"""Serve recorded and hand-written responses over real HTTP on loopback.

``Replay.from_har(har)`` serves a HAR file, ``Replay.from_routes(routes)`` a test's own responses::

    with Replay.from_har(recordings / "github-moved-301.har") as replay:
        host = GitHub(api_url=replay.url)
        ...
    assert replay.targets == ["GET /repos/a/b", "GET /repositories/1"]

    routes = {"GET /repos/a/b?x=1": [(202, {}, {}), (200, {"ETag": '"a"'}, {"id": 1})]}
    with Replay.from_routes(routes) as replay: ...

``Replay.from_host(host, routes)`` serves a simulated host, with some of its responses replaced.

Tests that read recordings are in tests/contract/recordings; they take the fixture
``recordings`` and run only with ``--recordings=DIR``. A dict of routes that is not written in
the call needs its type: ``routes: Routes = {...}``.

Responses are found by a key: method, decoded path, and decoded query as a set of pairs. The n-th
request of a key gets its n-th response; when they are used up, the last one is repeated. ``POST
/graphql`` and ``POST /api/graphql`` have one key each, whatever the body is. An unknown key gets
404 as JSON with ``X-Replay: unknown``, and the request is added to ``unknown``. URLs in responses
(Location, Link) stay as recorded: a Session maps the host's public address to ``base_url``.
"""

import base64
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tools.fakehosts.hosts.base import SimulatedHost
from tools.fakehosts.server import Request, Response, Server

#: Status, headers, body (``bytes``, ``str``, or anything else as JSON).
ResponseParts = tuple[int, Mapping[str, str], Any]
Route = Sequence[ResponseParts | Response] | Callable[[Request], ResponseParts | Response]
Routes = Mapping[str, Route]
Key = tuple[str, str, frozenset[tuple[str, str]]]

#: Headers of a recording that describe its transport, which differs here.
_TRANSPORT_HEADERS = {"content-length", "content-encoding", "transfer-encoding", "connection"}


class Replay:
    """A server that replays responses in order and keeps the requests.

    ``url`` is the base URL without a slash at the end; ``requests`` are all requests in order,
    ``unknown`` those of them that had no response.
    """

    def __init__(
        self,
        routes: Routes,
        ignored_parameters: Collection[str] = (),
        host: SimulatedHost | None = None,
    ) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.unknown: list[Request] = []
        self._ignored_parameters = frozenset(ignored_parameters)
        self._host = host
        self._lock = threading.Lock()
        self._routes = {self._key(*name.split(" ", 1)): route for name, route in routes.items()}
        self._request_counts: dict[Key, int] = {}

    @classmethod
    @contextmanager
    def from_har(
        cls, har: Path, routes: Routes | None = None, ignored_parameters: Collection[str] = ()
    ) -> Iterator["Replay"]:
        """Serve the entries of a HAR file.

        ``routes`` adds responses that the recording lacks, or replaces some.
        ``ignored_parameters`` are names of query parameters that are not compared: a recording may
        have another ``per_page``.
        """
        recorded: dict[str, list[ResponseParts | Response]] = {}
        for entry in json.loads(har.read_text())["log"]["entries"]:
            recorded.setdefault(_format_route(entry["request"]), []).append(
                _parse_response(entry["response"])
            )
        with cls({}, ignored_parameters)._serve() as replay:
            for name, responses in recorded.items():
                # Ignored parameters may make two routes equal.
                route = replay._routes.setdefault(replay._key(*name.split(" ", 1)), [])
                assert isinstance(route, list)
                route.extend(responses)
            for name, override in (routes or {}).items():
                replay._routes[replay._key(*name.split(" ", 1))] = override
            yield replay

    @classmethod
    @contextmanager
    def from_routes(
        cls, routes: Routes, ignored_parameters: Collection[str] = ()
    ) -> Iterator["Replay"]:
        """Serve hand-written responses.

        ``routes``: ``"METHOD /path?query"`` -> responses in order, or a callable.
        """
        with cls(routes, ignored_parameters)._serve() as replay:
            yield replay

    @classmethod
    @contextmanager
    def from_host(
        cls,
        host: SimulatedHost,
        routes: Routes | None = None,
        ignored_parameters: Collection[str] = (),
    ) -> Iterator["Replay"]:
        """Serve a simulated host without its rate limits; ``routes`` replace some responses."""
        with cls(routes or {}, ignored_parameters, host)._serve() as replay:
            yield replay

    @contextmanager
    def _serve(self) -> Iterator["Replay"]:
        with Server(self._handle) as server:
            self.url = server.url
            yield self

    @property
    def targets(self) -> list[str]:
        """``METHOD /path?query`` of all requests, as they were sent."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def count(self, route: str) -> int:
        """Return the number of requests of a route."""
        key = self._key(*route.split(" ", 1))
        return sum(self._key(request.method, request.target) == key for request in self.requests)

    def _handle(self, request: Request) -> Response:
        key = self._key(request.method, request.target)
        with self._lock:
            self.requests.append(request)
            route = self._routes.get(key)
            if route is None and self._host is not None:
                return self._host.handle(request, 0.0).response
            if route is None:
                self.unknown.append(request)
                return Response(404, {"X-Replay": "unknown"}, {"message": "Not Found"})
            position = self._request_counts.get(key, 0)
            self._request_counts[key] = position + 1
        response = route(request) if callable(route) else route[min(position, len(route) - 1)]
        return response if isinstance(response, Response) else Response(*response)

    def _key(self, method: str, target: str) -> Key:
        path, _, query = target.partition("?")
        path = unquote(path)
        if method == "POST" and path.endswith("/graphql"):
            return method, path, frozenset()
        pairs = parse_qsl(query, keep_blank_values=True)
        return (
            method,
            path,
            frozenset(pair for pair in pairs if pair[0] not in self._ignored_parameters),
        )


def _format_route(request: Any) -> str:
    parts = urlsplit(request["url"])
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return f"{request['method']} {target}"


def _parse_response(response: Any) -> Response:
    content = response["content"]
    text = content.get("text", "")
    body = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
    headers = [
        (header["name"], header["value"])
        for header in response["headers"]
        if header["name"].lower() not in _TRANSPORT_HEADERS
    ]
    return Response(response["status"], headers, body)
