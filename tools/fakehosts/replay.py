"""Recorded and hand-made conversations, served over real HTTP on loopback.

``Replay.from_har(har)`` serves a HAR file, ``Replay.from_routes(routes)`` what a test writes down::

    with Replay.from_har(recordings / "github-moved-301.har") as replay:
        host = GitHub(base_url=replay.url, ...)
        ...
    assert replay.targets == ["GET /repos/a/b", "GET /repositories/1"]

    routes = {"GET /repos/a/b?x=1": [(202, {}, {}), (200, {"ETag": '"a"'}, {"id": 1})]}
    with Replay.from_routes(routes) as replay: ...

Tests that read recordings stand in tests/contract/recordings; they take the fixture
``recordings`` and run only with ``--recordings=DIR``. A dict of routes that is not written in
the call needs its type: ``routes: Routes = {...}``.

Answers have a key: method, decoded path, and decoded query as a set of pairs. The n-th request
of a key gets the n-th answer, later ones the last again. ``POST /graphql`` and ``POST
/api/graphql`` have one key each, whatever is posted. A key that is not known gets 404 as JSON
with ``X-Replay: unknown`` and is listed in ``unknown``. URLs within answers (Location, Link)
stay as they were recorded: a Session maps the host's public address onto ``base_url``.
"""

import base64
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tools.fakehosts.server import Request, Response, Server

#: Status, headers, body (``bytes``, ``str``, or anything else as JSON).
ResponseParts = tuple[int, Mapping[str, str], Any]
Route = Sequence[ResponseParts | Response] | Callable[[Request], ResponseParts | Response]
Routes = Mapping[str, Route]
Key = tuple[str, str, frozenset[tuple[str, str]]]

#: Headers of a recording that tell how it was sent, which is not how it is sent here.
_TRANSPORT_HEADERS = {"content-length", "content-encoding", "transfer-encoding", "connection"}


class Replay:
    """Answers in order, and what was asked.

    ``url`` is the base URL without a slash at the end; ``requests`` are all requests in order,
    ``unknown`` those of them that had no answer.
    """

    def __init__(self, routes: Routes, ignored_parameters: Collection[str] = ()) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.unknown: list[Request] = []
        self._ignored_parameters = frozenset(ignored_parameters)
        self._lock = threading.Lock()
        self._answers = {self._key(*route.split(" ", 1)): made for route, made in routes.items()}
        self._asked: dict[Key, int] = {}

    @classmethod
    @contextmanager
    def from_har(
        cls, har: Path, routes: Routes | None = None, ignored_parameters: Collection[str] = ()
    ) -> Iterator["Replay"]:
        """Serve the entries of a HAR file.

        ``routes`` adds answers that the recording lacks (or replaces some of its).
        ``ignored_parameters`` are names of query parameters that are not compared: a recording may
        have another ``per_page``.
        """
        recorded: dict[str, list[ResponseParts | Response]] = {}
        for entry in json.loads(har.read_text())["log"]["entries"]:
            recorded.setdefault(_format_route(entry["request"]), []).append(
                _parse_response(entry["response"])
            )
        with cls({}, ignored_parameters)._serving() as replay:
            for route, answers in recorded.items():
                # Two routes may have become one by what is ignored.
                known = replay._answers.setdefault(replay._key(*route.split(" ", 1)), [])
                assert isinstance(known, list)
                known.extend(answers)
            for route, made in (routes or {}).items():
                replay._answers[replay._key(*route.split(" ", 1))] = made
            yield replay

    @classmethod
    @contextmanager
    def from_routes(
        cls, routes: Routes, ignored_parameters: Collection[str] = ()
    ) -> Iterator["Replay"]:
        """Serve hand-made answers: ``"METHOD /path?query"`` -> answers in order, or a callable."""
        with cls(routes, ignored_parameters)._serving() as replay:
            yield replay

    @contextmanager
    def _serving(self) -> Iterator["Replay"]:
        with Server(self._answered) as server:
            self.url = server.url
            yield self

    @property
    def targets(self) -> list[str]:
        """``METHOD /path?query`` of all requests, as they were sent."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def count(self, route: str) -> int:
        """How often a route was asked."""
        key = self._key(*route.split(" ", 1))
        return sum(self._key(request.method, request.target) == key for request in self.requests)

    def _answered(self, request: Request) -> Response:
        key = self._key(request.method, request.target)
        with self._lock:
            self.requests.append(request)
            route = self._answers.get(key)
            if route is None:
                self.unknown.append(request)
                return Response(404, {"X-Replay": "unknown"}, {"message": "Not Found"})
            place = self._asked.get(key, 0)
            self._asked[key] = place + 1
        made = route(request) if callable(route) else route[min(place, len(route) - 1)]
        return made if isinstance(made, Response) else Response(*made)

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
