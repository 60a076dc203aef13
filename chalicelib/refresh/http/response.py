"""A host's response, read within bounds of size and time."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import requests
from requests.utils import parse_header_links

from chalicelib.refresh.http.deadline import Deadline
from chalicelib.refresh.http.failures import BadResponse, RequestRejected

_CHUNK_BYTES = 1 << 16
_MAX_ETAG_LENGTH = 200
_MAX_TEXT_BYTES = 2000


@dataclass(frozen=True, slots=True)
class HostResponse:
    """A response: status, headers (case-insensitive), body, and the parsed JSON of a 200.

    ``is_moved`` is true if the request followed a permanent redirect (301 or 308).
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    json: Any = None
    is_moved: bool = False

    @property
    def etag(self) -> str | None:
        """The ETag for the next conditional request, or ``None`` if the status is not 200.

        A 202 also has an ETag, but its body is not final. The ETag is stored and sent back, so
        one that is too long or not printable ASCII is ignored.
        """
        tag = self.headers.get("ETag", "") if self.status == 200 else ""
        is_valid = 0 < len(tag) <= _MAX_ETAG_LENGTH and tag.isascii() and tag.isprintable()
        return tag if is_valid else None

    @property
    def links(self) -> dict[str, str]:
        """The URLs of the Link header (RFC 8288) by relation."""
        links = parse_header_links(self.headers.get("Link", ""))
        return {link["rel"]: link["url"] for link in links if "rel" in link and "url" in link}

    @property
    def text(self) -> str:
        """The first 2,000 bytes of the body as text, to search for error messages."""
        return self.body[:_MAX_TEXT_BYTES].decode(errors="replace")


def read_chunks(response: requests.Response, max_bytes: int, deadline: Deadline) -> Iterator[bytes]:
    """Yield the decoded body in chunks.

    Raises RequestRejected if the body is larger than ``max_bytes``, and BadResponse if reading it
    takes longer than the deadline allows.
    """
    size = 0
    while True:
        with deadline.enforce():
            chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
        size += len(chunk)
        if size > max_bytes:
            raise RequestRejected(f"response body exceeds {max_bytes} bytes")
        # Also check after the last chunk: a connection that was shut down looks like the end.
        deadline.check()
        if not chunk:
            return
        yield chunk


def parse_json(response: HostResponse) -> HostResponse:
    """Return the response with the JSON of a 200; raises BadResponse if the body is not JSON."""
    if response.status != 200:
        return response
    try:
        content = json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise BadResponse("response body is not JSON, or cut short") from error
    return replace(response, json=content)
