"""A client that sends bytes as they stand, and reads what comes back byte for byte."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import app

SITE = {"Host": "djangopackages.org", "X-Forwarded-Proto": "https"}
ROOT = "https://djangopackages.org/api/v4/"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> Any:
        """The text of an error; fails if the answer has not the shape of one."""
        assert self.headers["content-type"] == "application/json"
        assert list(self.json) == ["detail"]
        return self.json["detail"]


def ask(
    port: int, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Reply:
    """One request, by default as from the public site; the path is sent as it stands."""
    sent = SITE | {"Connection": "close"} | dict(headers or {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    (reply,) = replies(exchange(port, raw), bodiless=method == "HEAD")
    return reply


def exchange(port: int, raw: bytes) -> bytes:
    """Send bytes on a connection of their own, and read until the server closes it."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(1 << 16):
            received += data
    return received


def replies(received: bytes, bodiless: bool = False) -> Iterator[Reply]:
    """Every answer in what was received; fails if it is not a row of whole answers.

    ``bodiless`` says that the first has no body, as it answers a HEAD.
    """
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        assert end, f"cut off: {head!r}"
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = status_line.split(" ", 2)
        assert version == "HTTP/1.1"
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), "a header was sent twice"
        has_body = not bodiless and status not in {"304", "100"}
        length = int(headers["content-length"]) if has_body else 0
        assert len(received) >= length
        yield Reply(int(status), headers, received[:length])
        received, bodiless = received[length:], False


@contextmanager
def settings(**changes: Any) -> Iterator[None]:
    """Run with other settings."""
    before = app.app.settings
    app.app.settings = replace(before, **changes)
    try:
        yield
    finally:
        app.app.settings = before
