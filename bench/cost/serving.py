"""What requests use, asked of the app itself as API Gateway asks it."""

import base64
import gzip
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import app
from bench.cost.metering import Used, metered
from bench.cost.mix import HTML, MIX, paths
from chalicelib.local.server import Gateway

_HEADERS = {"host": "api.example.org", "x-forwarded-proto": "https", "accept": "*/*"}
_EXPECTED = {"not found": 404}
#: The head of an answer: the status line and what API Gateway adds of its own.
_GATEWAY_HEAD = 330


@dataclass(frozen=True, slots=True)
class Served:
    """What one request of a kind uses, on average; ``gzipped`` is ``bytes`` as compressed."""

    name: str
    share: float
    used: Used
    bytes: float
    gzipped: float


def serve(slugs: Sequence[str], count: int) -> list[Served]:
    """Ask ``count`` times for each kind of the mix; needs a catalogue and a published index."""
    draw = random.Random(1)
    with Gateway(app.app, 0, listen=False) as gateway:
        return [_served(gateway, kind.name, kind.share, slugs, draw, count) for kind in MIX]


def _served(
    gateway: Gateway,
    name: str,
    share: float,
    slugs: Sequence[str],
    draw: random.Random,
    count: int,
) -> Served:
    targets = paths(name, slugs, draw, count)
    headers = _HEADERS | ({"accept": HTML} if name == "page for people" else {})
    events = [gateway.build_event("GET", target, headers, b"") for target in targets]
    # Imports, connections and the first download of the index are those of a cold start.
    gateway.app(events[0], None)
    total, raw, packed = Used(), 0, 0
    for event in events:
        with metered() as used:
            answer = gateway.app(event, None)
        assert answer["statusCode"] == _EXPECTED.get(name, 200), (event["path"], answer)
        total += used
        body, head = _body(answer), _head(answer)
        raw += len(body) + head
        packed += min(len(body), len(gzip.compress(body, 6))) + head
    spent = [_cpu(gateway, event) for event in events]
    mean = total.times(1 / count)
    mean.cpu = statistics.mean(spent)
    return Served(name, share, mean, raw / count, packed / count)


def _cpu(gateway: Gateway, event: dict[str, Any]) -> float:
    start = time.process_time()
    gateway.app(event, None)
    return time.process_time() - start


def _body(answer: dict[str, Any]) -> bytes:
    content = answer["body"] or ""
    return base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()


def _head(answer: dict[str, Any]) -> int:
    own = sum(len(name) + len(str(value)) + 4 for name, value in answer["headers"].items())
    return own + _GATEWAY_HEAD
