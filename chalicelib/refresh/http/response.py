"""An answer of an upstream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from requests.utils import parse_header_links

_LONGEST_ETAG = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers (without regard to case), body, and the JSON of a 200.

    ``is_moved``: a permanent redirect (301, 308) was followed to it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    json: Any = None
    is_moved: bool = False

    @property
    def etag(self) -> str | None:
        """The ETag to ask with next time; never that of an answer which is not final (202).

        It is stored and sent back, so one that is long or odd is as none.
        """
        tag = self.headers.get("ETag", "") if self.status == 200 else ""
        is_fit = 0 < len(tag) <= _LONGEST_ETAG and tag.isascii() and tag.isprintable()
        return tag if is_fit else None

    @property
    def links(self) -> dict[str, str]:
        """The URLs of the Link header (RFC 8288) by relation."""
        parsed = parse_header_links(self.headers.get("Link", ""))
        return {link["rel"]: link["url"] for link in parsed if "rel" in link and "url" in link}

    @property
    def text(self) -> str:
        """The body as text, for looking into error messages; at most 2,000 bytes of it."""
        return self.body[:2000].decode(errors="replace")
