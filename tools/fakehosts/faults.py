"""Faults put in the place of answers: what networks and hosts do on bad days."""

import random
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from tools.fakehosts.server import DRIP, RESET, SILENCE, Response

TOO_MANY, PRIMARY_403, SECONDARY_403 = "429", "403 primary", "403 secondary"
SERVER_500, GATEWAY_502, BUSY_503 = "500", "502", "503"
TIMEOUT, RESETS, TRUNCATED, WRONG_JSON = "timeout", "reset", "truncated", "wrong json"
HTML, SLOW, LOOP, BOMB = "html", "drip", "loop", "bomb"
#: All but the drip, which takes real time.
KINDS = (
    TOO_MANY,
    PRIMARY_403,
    SECONDARY_403,
    SERVER_500,
    GATEWAY_502,
    BUSY_503,
    TIMEOUT,
    RESETS,
    TRUNCATED,
    WRONG_JSON,
    HTML,
    LOOP,
    BOMB,
)
LOOP_PATH = "/_loop"
#: A bomb costs who reads it real time, so it is rarer than the others.
_WEIGHTS = {BOMB: 0.1}
_BOMB_BYTES = 40 << 20
#: JSON that is an answer to nothing that is asked: an empty list would be one.
_WRONG_BODIES: Sequence[Any] = (
    None,
    42,
    "text",
    True,
    {"unexpected": [1]},
    [[1]],
    [None],
    {"data": 7},
    {"data": {"projects": 1}, "info": [], "projects": {}, "all": "none", "id": "x"},
)
_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body></body></html>"


class Faults:
    """Draws faults: ``rate`` of all requests, each of ``kinds`` alike (bombs are rarer).

    Injected limits name a ``Retry-After`` of 1 to ``longest`` seconds.
    """

    def __init__(
        self, rate: float, seed: int = 0, kinds: Sequence[str] = KINDS, longest: int = 20
    ) -> None:
        self.rate = rate
        self.kinds = tuple(kinds)
        self._longest = longest
        self._random = random.Random(f"faults/{seed}")
        self._weights = [_WEIGHTS.get(kind, 1.0) for kind in self.kinds]

    def draw(self) -> str | None:
        """The kind of fault of the next request, or none."""
        if self._random.random() >= self.rate:
            return None
        return self._random.choices(self.kinds, self._weights)[0]

    def answer(self, kind: str, now: float, made: Response) -> Response:
        """What is answered instead of ``made``, which was the right answer."""
        seconds = self._random.randint(1, self._longest)
        if kind in _STATUSES:
            status, headers, body = _STATUSES[kind]
            return Response(status, headers, body)
        if kind in {TOO_MANY, PRIMARY_403, SECONDARY_403}:
            return _build_limit_response(kind, seconds, now)
        if kind in _BREAKING:
            return _break_response(kind, made)
        if kind == WRONG_JSON:
            return Response(200, {}, _quote_text(self._random.choice(_WRONG_BODIES)))
        if kind == HTML:
            return Response(200, {"Content-Type": "text/html; charset=utf-8"}, _PAGE)
        if kind == LOOP:
            return build_redirect_loop()
        assert kind == BOMB, kind
        return Response(200, {"Content-Encoding": "gzip"}, _build_bomb())


_STATUSES: dict[str, tuple[int, dict[str, str], Any]] = {
    SERVER_500: (500, {}, {"message": "Server Error"}),
    GATEWAY_502: (502, {"Content-Type": "text/html"}, "<h1>502 Bad Gateway</h1>"),
    BUSY_503: (503, {"Content-Type": "text/html", "Retry-After": "2"}, "<h1>No server</h1>"),
}
_BREAKING = {TIMEOUT: SILENCE, RESETS: RESET, SLOW: DRIP, TRUNCATED: ""}


def build_redirect_loop() -> Response:
    """A redirect to where every request is redirected."""
    return Response(302, {"Location": LOOP_PATH}, b"")


def _build_limit_response(kind: str, seconds: int, now: float) -> Response:
    if kind == PRIMARY_403:
        spent = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(now) + seconds),
        }
        return Response(403, spent, {"message": "API rate limit exceeded for user ID 1."})
    message = {"message": "You have exceeded a secondary rate limit."}
    return Response(429 if kind == TOO_MANY else 403, {"Retry-After": str(seconds)}, message)


def _break_response(kind: str, made: Response) -> Response:
    """The right answer, broken on its way; one without a body becomes silence."""
    content = made.encode_body()
    if kind == TRUNCATED and len(content) > 2:
        return Response(made.status, made.headers, content[: len(content) // 2])
    fault = _BREAKING[kind] if content else SILENCE
    return Response(made.status, made.headers, content, fault or SILENCE)


def _quote_text(value: Any) -> Any:
    """JSON of a value that an ``Answer`` would otherwise send as text."""
    return f'"{value}"' if isinstance(value, str) else value


@cache
def _build_bomb() -> bytes:
    """Small as it is sent, more than any answer may be as it is read."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1 << 20)
    parts = [packer.compress(piece) for _ in range(_BOMB_BYTES >> 20)]
    return b"".join([*parts, packer.flush()])
