"""Usage of requests, measured by calling the app as API Gateway calls it."""

import base64
import gzip
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import app
from bench.cost.request_mix import HTML, REQUEST_MIX, build_paths
from bench.cost.usage_meter import Usage, measure_usage
from chalicelib.local.server import Gateway

_HEADERS = {"host": "api.example.org", "x-forwarded-proto": "https", "accept": "*/*"}
_EXPECTED_STATUS = {"not found": 404}
#: Bytes of a response's status line and of the headers that API Gateway adds.
_GATEWAY_HEAD_BYTES = 330


@dataclass(frozen=True, slots=True)
class RequestUsage:
    """Average usage of one kind of request; ``gzipped`` is the size of ``bytes`` compressed."""

    name: str
    share: float
    used: Usage
    bytes: float
    gzipped: float


def measure_requests(slugs: Sequence[str], count: int) -> list[RequestUsage]:
    """Measure each kind of request ``count`` times; needs a catalogue and a published index."""
    draw = random.Random(1)
    with Gateway(app.app, 0, listen=False) as gateway:
        return [
            _measure_kind(gateway, kind.name, kind.share, slugs, draw, count)
            for kind in REQUEST_MIX
        ]


def _measure_kind(
    gateway: Gateway,
    name: str,
    share: float,
    slugs: Sequence[str],
    draw: random.Random,
    count: int,
) -> RequestUsage:
    targets = build_paths(name, slugs, draw, count)
    headers = _HEADERS | ({"accept": HTML} if name == "page for people" else {})
    events = [gateway.build_event("GET", target, headers, b"") for target in targets]
    # A cold start pays for imports, connections and the first download of the index.
    gateway.app(events[0], None)
    total, raw, compressed = Usage(), 0, 0
    for event in events:
        with measure_usage() as used:
            response = gateway.app(event, None)
        assert response["statusCode"] == _EXPECTED_STATUS.get(name, 200), (event["path"], response)
        total += used
        body, head = _get_body(response), _count_head_bytes(response)
        raw += len(body) + head
        compressed += min(len(body), len(gzip.compress(body, 6))) + head
    seconds = [_measure_cpu(gateway, event) for event in events]
    mean = total.multiply(1 / count)
    mean.cpu = statistics.mean(seconds)
    return RequestUsage(name, share, mean, raw / count, compressed / count)


def _measure_cpu(gateway: Gateway, event: dict[str, Any]) -> float:
    start = time.process_time()
    gateway.app(event, None)
    return time.process_time() - start


def _get_body(response: dict[str, Any]) -> bytes:
    content = response["body"] or ""
    return base64.b64decode(content) if response.get("isBase64Encoded") else content.encode()


def _count_head_bytes(response: dict[str, Any]) -> int:
    own = sum(len(name) + len(str(value)) + 4 for name, value in response["headers"].items())
    return own + _GATEWAY_HEAD_BYTES
