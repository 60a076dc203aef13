"""E-mail addresses, hosts and URLs in the shape of a text."""

import re

# Labels of letters and digits, joined by a dot, a hyphen or an underscore.
_LABELS = re.compile(r"[A-Za-z0-9]++(?:[-_.][A-Za-z0-9]++)*+")
# A host ends in a domain of two letters or more.
_TO_LAST_DOMAIN = re.compile(r"[A-Za-z0-9_.-]*(\.)[A-Za-z]{2,}+(?![A-Za-z0-9])")
_PORT = re.compile(r":[0-9]++")
_SCIENTIFIC = re.compile(r"[0-9]++[eE][+-]?+[0-9]")
_URL_PATH = re.compile(r"/[!#-;=?-\[\]_a-z~]++")

Span = tuple[str, int, int]


class UrlScanner:
    """Finds addresses in one shape; remembers a run of labels, so that none is read twice."""

    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._labels_end = 0
        self._domain: tuple[int, int] | None = None

    def scan(self, offset: int) -> list[Span]:
        """Return the spans of the address that begins at an offset: e-mail, host, or URL.

        A URL is followed by the spans of its host and path.
        """
        if offset >= self._labels_end:
            self._labels_end = self._find_labels_end(offset)
            self._domain = self._find_last_domain(offset, self._labels_end)
        end = self._labels_end
        if (
            self._shape[end : end + 1] == "@"
            and (host_end := self.find_host_end(end + 1)) is not None
        ):
            return [("email", offset, host_end)]
        if self._domain is None or self._domain[0] <= offset:
            return []
        host_end = self._skip_port(self._domain[1])
        path = _URL_PATH.match(self._shape, host_end)
        if not path:
            return [("host", offset, host_end)]
        return [
            ("url", offset, path.end()),
            ("host", offset, host_end),
            ("url_path", host_end, path.end()),
        ]

    def find_host_end(self, offset: int) -> int | None:
        """Return the end of the host that begins at an offset, or None."""
        if _SCIENTIFIC.match(self._shape, offset):
            return None
        domain = self._find_last_domain(offset, self._find_labels_end(offset))
        return self._skip_port(domain[1]) if domain else None

    def _find_labels_end(self, offset: int) -> int:
        match = _LABELS.match(self._shape, offset)
        return match.end() if match else offset

    def _find_last_domain(self, offset: int, end: int) -> tuple[int, int] | None:
        """Return the offset of the dot before the last domain, and the end of that domain."""
        match = _TO_LAST_DOMAIN.match(self._shape, offset, end)
        return (match.start(1), match.end()) if match else None

    def _skip_port(self, end: int) -> int:
        match = _PORT.match(self._shape, end)
        return match.end() if match else end
