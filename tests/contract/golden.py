"""The recorded answers of the original, and how an answer of ours is compared with one."""

import gzip
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.html import Urlizer

from tests.support.page import response_info

#: The instant at which the recordings were made (golden/README.md).
RECORDED_AT = "2026-11-23T11:00:00.123456Z"
#: Headers that are part of the contract, by kind of answer.
_HEADERS = ("content-type", "allow", "location", "content-length")


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
    #: What a person reads on the page, where the answer is one.
    page: str | None

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
                raw.get("html_response_info"),
            )


def out_of_scope(recorded: Recorded) -> str | None:
    """Why a recording is not compared, or ``None``; the first issue delimits."""
    if recorded.request["headers"].get("Authorization", "").startswith("Basic"):
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
    is_html = recorded.headers.get("content-type", "").startswith("text/html")
    if recorded.status == 404 and is_html and recorded.page is None:
        return _body_difference('{"detail":"Not found."}', reply.body)
    found = []
    # A page is our own, so its length is too.
    for name in _HEADERS if recorded.page is None else _HEADERS[:-1]:
        if recorded.headers.get(name) != reply.headers.get(name):
            found.append(
                f"{name}: {recorded.headers.get(name)} recorded, {reply.headers.get(name)} now"
            )
    vary = "Accept" if "Accept" in recorded.headers.get("vary", "") else None
    if vary != reply.headers.get("vary"):
        found.append(f"vary: {vary} expected, {reply.headers.get('vary')} now")
    if recorded.request["method"] == "HEAD":
        return found + (["a body after HEAD"] if reply.body else [])
    if recorded.page is not None:
        shown = response_info(reply.body.decode()) or ""
        return found + _page_difference(recorded.page.strip(), shown)
    return found + _body_difference(recorded.body or "", reply.body)


def _page_difference(recorded: str, shown: str) -> list[str]:
    """How the page's text differs, but for what the original's lost (docs/decisions/0008).

    What it made links of lost characters: ``(https://a.example), b`` became
    ``(https://a.example) b``. Ours has the true text.
    """
    theirs, ours = (Urlizer.word_split_re.split(text) for text in (recorded, shown))
    if len(theirs) == len(ours):
        pairs = zip(theirs, ours, strict=True)
        if all(mine == their or as_a_link(mine) == their for their, mine in pairs):
            return []
    return _body_difference(recorded, shown.encode())


def as_a_link(word: str) -> str:
    """What Django shows of a word that it makes a link of."""
    return "".join(Urlizer().trim_punctuation(word))


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
