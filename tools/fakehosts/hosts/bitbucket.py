"""A simulated Bitbucket Cloud.

Sources: the recordings, and Atlassian's support pages ("API request limits": a rolling hour).
"""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from tools.fakehosts.hosts.base import (
    HandledRequest,
    Refusal,
    SimulatedHost,
    add_headers,
    build_etag,
    parse_number,
    respond_conditionally,
)
from tools.fakehosts.rate_limits import RollingWindow
from tools.fakehosts.repository import Repository, format_timestamp
from tools.fakehosts.server import Request, Response

_API = "https://api.bitbucket.org/2.0"
_LIMITED = "Rate limit for this resource has been exceeded"


class Bitbucket(SimulatedHost):
    """Bitbucket, which has neither stars nor totals of commits.

    ``max_items`` is the longest page. Links to a next page are good while ``series`` stays;
    others get the status ``expired``.
    """

    def __init__(
        self,
        tokens: frozenset[str],
        *,
        max_items: int = 100,
        series: str = "",
        expired: int = 404,
    ) -> None:
        super().__init__()
        self._max_items = max_items
        self._series, self._expired = series, expired
        self._tokens = tokens
        self._windows: dict[str, RollingWindow] = {}

    def check_limits(self, request: Request, now: float, open_requests: int) -> Refusal | None:
        """Allow 60 requests in any hour without a token, 1,000 with one."""
        window = self._get_window(request)
        is_spent = window.get_remaining(now) <= 0
        window.spend(1, now)
        if not is_spent:
            return None
        body = {"type": "error", "error": {"message": _LIMITED}}
        return Refusal("requests an hour", Response(429, {}, body))

    def handle(self, request: Request, now: float) -> HandledRequest:
        """Return a repository, or its forks, watchers or commits."""
        if _get_token(request) and _get_token(request) not in self._tokens:
            return HandledRequest("bad credentials", Response(401, {}, {"type": "error"}))
        parts = request.path.removeprefix("/2.0").strip("/").split("/")
        if parts[0] != "repositories" or len(parts) not in {3, 4}:
            return HandledRequest("other", Response(404, {}, {"type": "error"}))
        kind = parts[3] if len(parts) == 4 else "repository"
        repository = self.repositories.find(f"{parts[1]}/{parts[2]}")
        packages = (repository.package_id,) if repository else ()
        if repository is None or repository.status:
            message = f"Repository {parts[1]}/{parts[2]} not found"
            body = {"type": "error", "error": {"message": message}}
            return HandledRequest(kind, Response(404, {}, body), packages)
        if kind == "repository":
            etag = build_etag("repository", repository.id, repository.version)
            response = respond_conditionally(
                request, etag, lambda: (build_document(repository), {})
            )
        elif kind in {"forks", "watchers"}:
            response = Response(200, {}, build_count_page(repository, kind))
        elif kind == "commits":
            response = self._list_commits(repository, request)
        else:
            response = Response(404, {}, {"type": "error"})
        return HandledRequest(kind, response, packages)

    def add_limit_headers(
        self, request: Request, handled: HandledRequest, now: float
    ) -> HandledRequest:
        """Add ``X-RateLimit-*`` as recorded: the limit is a list, the reset is in seconds."""
        window = self._get_window(request)
        remaining = window.get_remaining(now)
        headers = {
            "X-RateLimit-Limit": f"{window.limit}, {window.limit};w=3600",
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(int(window.get_wait(now)) + 1),
        }
        return add_headers(handled, headers)

    def _list_commits(self, repository: Repository, request: Request) -> Response:
        """Return a page of commits, newest first, as of the first page; ``limit`` is ignored."""
        size = min(self._max_items, parse_number(request.query.get("pagelen"), 30, 100))
        start = repository.total - 1
        if context := request.query.get("ctx"):
            series, start = json.loads(zlib.decompress(urlsafe_b64decode(context)))
            if series != self._series:
                return Response(self._expired, {}, {"type": "error"})
        shown = range(start, max(-1, start - size), -1)
        body: dict[str, Any] = {
            "pagelen": size,
            "values": [build_commit(repository, number) for number in shown],
        }
        if start - size >= 0:
            position = json.dumps([self._series, start - size])
            context = urlsafe_b64encode(zlib.compress(position.encode())).decode()
            base = f"{_API}/repositories/{repository.path}/commits"
            body["next"] = f"{base}?pagelen={size}&ctx={context.replace('=', '%3D')}"
        return Response(200, {}, body)

    def _get_window(self, request: Request) -> RollingWindow:
        token = _get_token(request) if _get_token(request) in self._tokens else ""
        return self._windows.setdefault(token, RollingWindow(1000 if token else 60, 3600))


def build_document(repository: Repository) -> dict[str, Any]:
    """Return a repository as the API shows it."""
    return {
        "type": "repository",
        "full_name": repository.path,
        "name": repository.path.rpartition("/")[2],
        "uuid": f"{{{repository.id}}}",
        "description": repository.description,
        "created_on": format_timestamp(repository.created),
        "updated_on": format_timestamp(repository.changed),
        "mainbranch": {"type": "branch", "name": "main"} if repository.total else None,
        "is_private": False,
        "parent": None,
        "size": repository.total * 1000,
    } | repository.overrides


def build_count_page(repository: Repository, kind: str) -> dict[str, Any]:
    """Return the page of a list that tells its size."""
    size = repository.forks if kind == "forks" else repository.watchers
    return {"pagelen": 10, "page": 1, "size": size, "values": []}


def build_commit(repository: Repository, number: int) -> dict[str, Any]:
    """Return a commit as the list shows it."""
    commit = repository.get_commit(number)
    login = repository.get_login(commit.author)
    author: dict[str, Any] = {
        "type": "author",
        "raw": f"{repository.get_author_name(commit.author)} <{login}@mail.example>",
    }
    if repository.has_account(commit.author):
        name = repository.get_author_name(commit.author)
        author["user"] = {"display_name": name, "nickname": login, "type": "user"}
    return {
        "type": "commit",
        "hash": commit.oid,
        "date": format_timestamp(commit.instant).replace("Z", "+00:00"),
        "author": author,
        "message": f"Change {number}",
        "parents": [{"hash": parent, "type": "commit"} for parent in commit.parents],
    }


def _get_token(request: Request) -> str:
    return str(request.headers.get("Authorization", "")).rpartition(" ")[2]
