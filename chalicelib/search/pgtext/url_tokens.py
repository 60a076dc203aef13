"""Finds e-mail addresses, hosts and URLs in the shape of a text."""

import re

# Labels of letters and digits, joined by a dot, a hyphen or an underscore.
_LABELS = re.compile(r"[A-Za-z0-9]++(?:[-_.][A-Za-z0-9]++)*+")
# A host ends in a domain of two letters or more.
_TO_LAST_DOMAIN = re.compile(r"[A-Za-z0-9_.-]*(\.)[A-Za-z]{2,}+(?![A-Za-z0-9])")
_PORT = re.compile(r":[0-9]++")
_SCIENTIFIC = re.compile(r"[0-9]++[eE][+-]?+[0-9]")
_URL_PATH = re.compile(r"/[!#-;=?-\[\]_a-z~]++")

Span = tuple[str, int, int]


class Addresses:
    """The addresses in one shape. What was seen of a stretch of labels is kept until its end."""

    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._labels_end = 0
        self._domain: tuple[int, int] | None = None

    def at(self, place: int) -> list[Span]:
        """The e-mail address, host or URL (with its host and path) that begins at ``place``."""
        if place >= self._labels_end:
            self._labels_end = self._end_of_labels(place)
            self._domain = self._last_domain(place, self._labels_end)
        end = self._labels_end
        if self._shape[end : end + 1] == "@" and (host := self.host(end + 1)) is not None:
            return [("email", place, host)]
        if self._domain is None or self._domain[0] <= place:
            return []
        host = self._with_port(self._domain[1])
        path = _URL_PATH.match(self._shape, host)
        if not path:
            return [("host", place, host)]
        return [
            ("url", place, path.end()),
            ("host", place, host),
            ("url_path", host, path.end()),
        ]

    def host(self, place: int) -> int | None:
        """Where the host ends that begins at ``place``, or None if none does."""
        if _SCIENTIFIC.match(self._shape, place):
            return None
        domain = self._last_domain(place, self._end_of_labels(place))
        return self._with_port(domain[1]) if domain else None

    def _end_of_labels(self, place: int) -> int:
        match = _LABELS.match(self._shape, place)
        return match.end() if match else place

    def _last_domain(self, place: int, end: int) -> tuple[int, int] | None:
        """Where the last dot stands before a domain, and where that domain ends."""
        match = _TO_LAST_DOMAIN.match(self._shape, place, end)
        return (match.start(1), match.end()) if match else None

    def _with_port(self, end: int) -> int:
        match = _PORT.match(self._shape, end)
        return match.end() if match else end
