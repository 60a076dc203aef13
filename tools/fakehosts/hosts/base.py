"""What the simulated hosts have in common."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tools.fakehosts.repository import Repository
from tools.fakehosts.server import Request, Response


@dataclass(frozen=True, slots=True)
class HandledRequest:
    """An answer, which kind of call it was, and the packages that it was about."""

    kind: str
    answer: Response
    packages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit was passed: which, and what the host answers."""

    what: str
    answer: Response


@dataclass(slots=True)
class RepositoryStore:
    """The repositories of one host, by path (any letter case), former path, and id."""

    paths: dict[str, Repository] = field(default_factory=dict)
    ids: dict[int, Repository] = field(default_factory=dict)

    def add(self, repository: Repository) -> None:
        """Know a repository, or its new path."""
        self.paths[repository.path.lower()] = repository
        self.ids[repository.id] = repository

    def find(self, path: str) -> Repository | None:
        """The repository with a path, or that had it before it was renamed."""
        return self.paths.get(path.lower())


class SimulatedHost(ABC):
    """One host, here without limits and without headers that tell of them."""

    def __init__(self) -> None:
        self.repositories = RepositoryStore()

    def check_limits(self, request: Request, now: float, under_way: int) -> Refusal | None:
        """The answer to a request that is past a limit; otherwise it is charged.

        ``under_way`` is how many requests are being answered, this one among them.
        """
        return None

    @abstractmethod
    def handle(self, request: Request, now: float) -> HandledRequest:
        """The answer to a request within the limits."""

    def add_limit_headers(
        self, request: Request, served: HandledRequest, now: float
    ) -> HandledRequest:
        """The answer with the headers that tell of limits; what is free is given back."""
        return served


def build_etag(*parts: Any) -> str:
    """A weak ETag of what an answer depends on."""
    return f'W/"{hashlib.sha1(repr(parts).encode()).hexdigest()}"'


def respond_conditionally(request: Request, etag: str, make: Any) -> Response:
    """304 if the request has the ETag, else 200 with what ``make`` gives (body, headers)."""
    if request.headers.get("If-None-Match") == etag:
        return Response(304, {"ETag": etag})
    body, headers = make()
    return Response(200, {"ETag": etag, **headers}, body)


def parse_number(value: str | None, default: int, most: int) -> int:
    """A positive number of a query."""
    if value is None or not (value.isascii() and value.isdigit()):
        return default
    return max(1, min(most, int(value)))


def add_headers(served: HandledRequest, headers: dict[str, str]) -> HandledRequest:
    """The answer with further headers."""
    answer = served.answer
    known = dict(answer.headers)
    return replace(served, answer=replace(answer, headers={**known, **headers}))


def build_link_header(base: str, query: dict[str, str], page: int, pages: int) -> dict[str, str]:
    """The Link header of a page of a list (RFC 8288); none if there is but one page."""

    def url(number: int) -> str:
        parts = {**query, "page": str(number)}
        return f"{base}?{'&'.join(f'{name}={value}' for name, value in parts.items())}"

    found = []
    if page > 1:
        found += [(url(page - 1), "prev"), (url(1), "first")]
    if page < pages:
        found += [(url(page + 1), "next"), (url(pages), "last")]
    return {"Link": ", ".join(f'<{to}>; rel="{name}"' for to, name in found)} if found else {}


def paginate(items: Sequence[Any], page: int, size: int) -> tuple[Sequence[Any], int]:
    """One page of a list, and how many there are."""
    pages = max(1, (len(items) + size - 1) // size)
    return items[(page - 1) * size : page * size], pages
