"""The recorded answers of the original, and how an answer of ours is compared with one."""

import gzip
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The instant at which the recordings were made (golden/README.md).
RECORDED_AT = "2026-11-23T11:00:00.123456Z"
#: Headers that are part of the contract, by kind of answer.
_JSON_HEADERS = ("content-type", "allow", "location", "content-length")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request, and what the original answered."""

    request: dict[str, Any]
    status: int
    headers: dict[str, str]
    body: str | None
    body_length: int
    is_page: bool

    @property
    def endpoint(self) -> str:
        """The collection that the request is about."""
        path = self.request["path"].removeprefix("/api/v4").lstrip("/").split("?")[0]
        name = path.split("/")[0].split(".")[0].lower()
        return name if name in {"packages", "grids", "categories", "search"} else "root"


def recordings(folder: Path, name: str = "a") -> Iterator[Recorded]:
    """Every recording of a set in ``folder``."""
    with gzip.open(folder / f"golden_{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            yield Recorded(
                raw["request"],
                raw["status"],
                raw["headers"],
                raw["body"],
                raw["body_length"],
                "html_response_info" in raw,
            )


def out_of_scope(recorded: Recorded) -> str | None:
    """Why a recording is not compared (yet), or ``None``.

    Issue 2 delimits: GET and HEAD for JSON on root, packages, grids and categories.
    """
    request = recorded.request
    if request["method"] not in {"GET", "HEAD"}:
        return "method"
    if recorded.endpoint == "search":
        return "search"
    if recorded.is_page or (
        "format=api" in request["path"].split("?")[-1] and recorded.status == 406
    ):
        return "browsable page"
    if request["headers"].get("Authorization", "").startswith("Basic"):
        return "authorisation"
    return None


def ask(port: int, request: dict[str, Any]) -> Reply:
    """Send a recorded request as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(
            request["method"], request["path"], skip_host=True, skip_accept_encoding=True
        )
        for name, value in request["headers"].items():
            connection.putheader(name, value)
        connection.endheaders((request.get("body") or "").encode() or None)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())
    finally:
        connection.close()


def differences(recorded: Recorded, reply: Reply) -> list[str]:
    """How an answer differs from the recorded one in what is the contract; empty if not."""
    if recorded.status == 500:
        return [] if reply.status < 500 else [f"status {reply.status}: not a sane answer"]
    if recorded.status != reply.status:
        return [f"status: {recorded.status} recorded, {reply.status} now"]
    if recorded.status == 400:
        return []
    is_page = recorded.headers.get("content-type", "").startswith("text/html")
    if recorded.status == 404 and is_page:
        return _body_difference('{"detail":"Not found."}', reply.body)
    found = []
    for name in _JSON_HEADERS:
        if recorded.headers.get(name) != reply.headers.get(name):
            found.append(
                f"{name}: {recorded.headers.get(name)} recorded, {reply.headers.get(name)} now"
            )
    vary = "Accept" if "Accept" in recorded.headers.get("vary", "") else None
    if vary != reply.headers.get("vary"):
        found.append(f"vary: {vary} expected, {reply.headers.get('vary')} now")
    if recorded.request["method"] == "HEAD":
        return found + (["a body after HEAD"] if reply.body else [])
    return found + _body_difference(recorded.body or "", reply.body)


def _body_difference(recorded: str, reply: bytes) -> list[str]:
    expected = recorded.encode()
    if expected == reply:
        return []
    place = next(
        (at for at, pair in enumerate(zip(expected, reply, strict=False)) if pair[0] != pair[1]),
        min(len(expected), len(reply)),
    )
    start = max(0, place - 30)
    return [
        f"body at byte {place} of {len(expected)}/{len(reply)}:",
        f"  - {expected[start : place + 50].decode(errors='replace')}",
        f"  + {reply[start : place + 50].decode(errors='replace')}",
    ]
