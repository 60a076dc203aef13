"""The base class of the simulated hosts, and helpers for their responses."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tools.fakehosts.repository import Repository
from tools.fakehosts.server import Request, Response


@dataclass(frozen=True, slots=True)
class HandledRequest:
    """A response, the kind of call, and the ids of the packages that the call was about."""

    kind: str
    response: Response
    packages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The limit that a request exceeded, and the host's response to it."""

    limit: str
    response: Response


@dataclass(slots=True)
class RepositoryStore:
    """The repositories of one host, by path (any letter case), former path, and id."""

    paths: dict[str, Repository] = field(default_factory=dict)
    ids: dict[int, Repository] = field(default_factory=dict)

    def add(self, repository: Repository) -> None:
        """Add a repository, or its new path."""
        self.paths[repository.path.lower()] = repository
        self.ids[repository.id] = repository

    def find(self, path: str) -> Repository | None:
        """Return the repository that has a path, or had it before a rename."""
        return self.paths.get(path.lower())


class SimulatedHost(ABC):
    """One host; by default without rate limits and their headers."""

    def __init__(self) -> None:
        self.repositories = RepositoryStore()

    def check_limits(self, request: Request, now: float, open_requests: int) -> Refusal | None:
        """Return the refusal of a request that exceeds a limit; charge any other request.

        ``open_requests`` is the number of requests in progress, including this one.
        """
        return None

    @abstractmethod
    def handle(self, request: Request, now: float) -> HandledRequest:
        """Return the response to a request that is within the limits."""

    def add_limit_headers(
        self, request: Request, handled: HandledRequest, now: float
    ) -> HandledRequest:
        """Add the headers of the rate limits; give back the charge of requests that are free."""
        return handled


def build_etag(*parts: Any) -> str:
    """Return a weak ETag of the values that a response depends on."""
    return f'W/"{hashlib.sha1(repr(parts).encode()).hexdigest()}"'


def respond_conditionally(request: Request, etag: str, build: Any) -> Response:
    """Return 304 if the request has the ETag, else 200 with the body and headers of ``build``."""
    if request.headers.get("If-None-Match") == etag:
        return Response(304, {"ETag": etag})
    body, headers = build()
    return Response(200, {"ETag": etag, **headers}, body)


def parse_number(value: str | None, default: int, maximum: int) -> int:
    """Return a positive number of a query, at most ``maximum``; ``default`` if it is none."""
    if value is None or not (value.isascii() and value.isdigit()):
        return default
    return max(1, min(maximum, int(value)))


def add_headers(handled: HandledRequest, headers: dict[str, str]) -> HandledRequest:
    """Return the handled request with further response headers."""
    response = handled.response
    merged = {**dict(response.headers), **headers}
    return replace(handled, response=replace(response, headers=merged))


def build_link_header(base: str, query: dict[str, str], page: int, pages: int) -> dict[str, str]:
    """Return the Link header of a page of a list (RFC 8288); empty if there is only one page."""

    def url(number: int) -> str:
        parts = {**query, "page": str(number)}
        return f"{base}?{'&'.join(f'{name}={value}' for name, value in parts.items())}"

    urls = []
    if page > 1:
        urls += [(url(page - 1), "prev"), (url(1), "first")]
    if page < pages:
        urls += [(url(page + 1), "next"), (url(pages), "last")]
    return {"Link": ", ".join(f'<{to}>; rel="{name}"' for to, name in urls)} if urls else {}


def paginate(items: Sequence[Any], page: int, size: int) -> tuple[Sequence[Any], int]:
    """Return one page of a list, and the number of pages."""
    pages = max(1, (len(items) + size - 1) // size)
    return items[(page - 1) * size : page * size], pages
