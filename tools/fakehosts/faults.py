"""Faults that replace responses: the errors of hosts and networks on bad days."""

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
#: All kinds but the drip, which takes real time.
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
#: Reading a decompression bomb takes real time, so bombs are rarer than other faults.
_WEIGHTS = {BOMB: 0.1}
_BOMB_BYTES = 40 << 20
#: Valid JSON that is the response to no call. (An empty list would be the response to some.)
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
    """Draws faults for a share of all requests (``rate``), from ``kinds`` with equal chances.

    Bombs are rarer. Rate limits have a ``Retry-After`` of 1 to ``max_retry_after`` seconds.
    """

    def __init__(
        self, rate: float, seed: int = 0, kinds: Sequence[str] = KINDS, max_retry_after: int = 20
    ) -> None:
        self.rate = rate
        self.kinds = tuple(kinds)
        self._max_retry_after = max_retry_after
        self._random = random.Random(f"faults/{seed}")
        self._weights = [_WEIGHTS.get(kind, 1.0) for kind in self.kinds]

    def draw(self) -> str | None:
        """Return the kind of fault of the next request, or ``None``."""
        if self._random.random() >= self.rate:
            return None
        return self._random.choices(self.kinds, self._weights)[0]

    def build_response(self, kind: str, now: float, correct: Response) -> Response:
        """Return the response of a fault, given the correct one that it replaces."""
        seconds = self._random.randint(1, self._max_retry_after)
        if kind in _ERROR_RESPONSES:
            status, headers, body = _ERROR_RESPONSES[kind]
            return Response(status, headers, body)
        if kind in {TOO_MANY, PRIMARY_403, SECONDARY_403}:
            return _build_limit_response(kind, seconds, now)
        if kind in _TRANSPORT_FAULTS:
            return _break_response(kind, correct)
        if kind == WRONG_JSON:
            return Response(200, {}, _quote_text(self._random.choice(_WRONG_BODIES)))
        if kind == HTML:
            return Response(200, {"Content-Type": "text/html; charset=utf-8"}, _PAGE)
        if kind == LOOP:
            return build_redirect_loop()
        assert kind == BOMB, kind
        return Response(200, {"Content-Encoding": "gzip"}, _build_bomb())


_ERROR_RESPONSES: dict[str, tuple[int, dict[str, str], Any]] = {
    SERVER_500: (500, {}, {"message": "Server Error"}),
    GATEWAY_502: (502, {"Content-Type": "text/html"}, "<h1>502 Bad Gateway</h1>"),
    BUSY_503: (503, {"Content-Type": "text/html", "Retry-After": "2"}, "<h1>No server</h1>"),
}
_TRANSPORT_FAULTS = {TIMEOUT: SILENCE, RESETS: RESET, SLOW: DRIP, TRUNCATED: ""}


def build_redirect_loop() -> Response:
    """Return a redirect to a path on which every request is redirected."""
    return Response(302, {"Location": LOOP_PATH}, b"")


def _build_limit_response(kind: str, seconds: int, now: float) -> Response:
    if kind == PRIMARY_403:
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(now) + seconds),
        }
        return Response(403, headers, {"message": "API rate limit exceeded for user ID 1."})
    message = {"message": "You have exceeded a secondary rate limit."}
    return Response(429 if kind == TOO_MANY else 403, {"Retry-After": str(seconds)}, message)


def _break_response(kind: str, correct: Response) -> Response:
    """Return the correct response, broken on its way; without a body it becomes silence."""
    content = correct.encode_body()
    if kind == TRUNCATED and len(content) > 2:
        return Response(correct.status, correct.headers, content[: len(content) // 2])
    fault = _TRANSPORT_FAULTS[kind] if content else SILENCE
    return Response(correct.status, correct.headers, content, fault or SILENCE)


def _quote_text(value: Any) -> Any:
    """Quote a string, which ``Response`` would otherwise send without quotes."""
    return f'"{value}"' if isinstance(value, str) else value


@cache
def _build_bomb() -> bytes:
    """Build a body that is small when sent and, decompressed, larger than any response may be."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1 << 20)
    parts = [packer.compress(piece) for _ in range(_BOMB_BYTES >> 20)]
    return b"".join([*parts, packer.flush()])
