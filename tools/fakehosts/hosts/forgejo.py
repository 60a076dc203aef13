"""Simulated instances of Forgejo: Codeberg, and a self-hosted one.

Sources: the recordings and the reference of Gitea's API, as quoted with them; Codeberg's limit
as reported there. The response for a renamed repository (a temporary redirect to the new name) is
from Gitea's source; there is no recording of it.
"""

from typing import Any

from tools.fakehosts.hosts.base import (
    HandledRequest,
    Refusal,
    SimulatedHost,
    build_link_header,
    paginate,
    parse_number,
)
from tools.fakehosts.rate_limits import RollingWindow
from tools.fakehosts.repository import Repository, format_timestamp
from tools.fakehosts.server import Request, Response

_NOT_FOUND = {
    "errors": None,
    "message": "The target couldn't be found.",
    "url": "/api/swagger",
}
#: ``MAX_RESPONSE_ITEMS`` of most instances.
_MAX_ITEMS = 50
#: Rebased commits keep the date of their author: here 25 years before (in seconds).
_AUTHORED_BEFORE = 25 * 365 * 86_400


class Forgejo(SimulatedHost):
    """An instance of Forgejo; with ``has_limits`` it has Codeberg's rate limit.

    ``max_items`` is the longest page. Old instances and proxies leave out totals and parents.
    """

    def __init__(
        self,
        site: str,
        has_limits: bool,
        *,
        max_items: int = _MAX_ITEMS,
        has_total: bool = True,
        has_parents: bool = True,
    ) -> None:
        super().__init__()
        self._max_items = max_items
        self._has_total, self._has_parents = has_total, has_parents
        self._site = site
        self._window = RollingWindow(4000, 1800) if has_limits else None

    def check_limits(self, request: Request, now: float, open_requests: int) -> Refusal | None:
        """Allow 4,000 requests in 30 minutes; the proxy refuses more without any header."""
        if self._window is None:
            return None
        is_spent = self._window.get_remaining(now) <= 0
        self._window.spend(1, now)
        if not is_spent:
            return None
        response = Response(429, {"Content-Type": "text/html"}, "<h1>429 Too Many Requests</h1>")
        return Refusal("requests in 30 minutes", response)

    def handle(self, request: Request, now: float) -> HandledRequest:
        """Return a repository, its commits, or the version or settings of the instance."""
        api_path = request.path.removeprefix("/api/v1")
        if api_path == "/version":
            return HandledRequest("version", Response(200, {}, {"version": "13.0.0+gitea-1.22.0"}))
        if api_path == "/settings/api":
            settings = {"max_response_items": self._max_items, "default_paging_num": 30}
            return HandledRequest("settings", Response(200, {}, settings))
        parts = api_path.strip("/").split("/")
        if parts[0] != "repos" or len(parts) not in {3, 4}:
            return HandledRequest("other", Response(404, {}, _NOT_FOUND))
        kind = parts[3] if len(parts) == 4 else "repository"
        path = f"{parts[1]}/{parts[2]}"
        repository = self.repositories.find(path)
        packages = (repository.package_id,) if repository else ()
        if repository is None or repository.status or kind not in {"repository", "commits"}:
            return HandledRequest(kind, Response(404, {}, _NOT_FOUND), packages)
        if path.lower() != repository.path.lower():
            to = f"/api/v1/repos/{repository.path}" + ("/commits" if kind == "commits" else "")
            to += "?" + request.target.partition("?")[2] if "?" in request.target else ""
            return HandledRequest(kind, Response(307, {"Location": to}, b""), packages)
        if kind == "repository":
            return HandledRequest(
                kind, Response(200, {}, self.build_document(repository)), packages
            )
        return HandledRequest(kind, self._list_commits(repository, request), packages)

    def build_document(self, repository: Repository) -> dict[str, Any]:
        """Return a repository as the API shows it."""
        owner, _, name = repository.path.partition("/")
        return {
            "id": repository.id,
            "owner": {"login": owner, "id": 1},
            "name": name,
            "full_name": repository.path,
            "description": repository.description,
            "empty": not repository.total,
            "private": False,
            "fork": False,
            "html_url": f"{self._site}/{repository.path}",
            "stars_count": repository.stars,
            "forks_count": repository.forks,
            "watchers_count": repository.watchers,
            "default_branch": "main",
            "archived": repository.archived is not None,
            "archived_at": format_timestamp(repository.archived or 0),
            "created_at": format_timestamp(repository.created),
            "updated_at": format_timestamp(repository.changed),
        } | repository.overrides

    def _list_commits(self, repository: Repository, request: Request) -> Response:
        if not repository.total:
            return Response(409, {}, {"message": "Git Repository is empty."})
        query = request.query
        page, size = (
            parse_number(query.get("page"), 1, 10**6),
            parse_number(query.get("limit"), 30, self._max_items),
        )
        numbers = range(repository.total - 1, -1, -1)
        items, pages = paginate(numbers, page, size)
        base = f"{self._site}/api/v1/repos/{repository.path}/commits"
        parameters = {name: value for name, value in query.items() if name != "page"}
        headers = build_link_header(base, parameters, page, pages)
        if self._has_total:
            headers["X-Total-Count"] = str(repository.total)
            headers["X-Total"] = str(repository.total)
        headers["X-HasMore"] = "true" if page < pages else "false"
        commits = [build_commit(repository, number) for number in items]
        if not self._has_parents:
            for commit in commits:
                del commit["parents"]
        return Response(200, headers, commits)


def build_commit(repository: Repository, number: int) -> dict[str, Any]:
    """Return a commit as the list shows it; it was authored long before it was committed."""
    commit = repository.get_commit(number)
    login = repository.get_login(commit.author)
    authored = {
        "name": repository.get_author_name(commit.author),
        "email": f"{login}@mail.example",
        "date": format_timestamp(max(0, commit.instant - _AUTHORED_BEFORE)),
    }
    committed = {
        "name": "forge",
        "email": "forge@mail.example",
        "date": format_timestamp(commit.instant),
    }
    account = {"login": login, "id": commit.author + 1}
    return {
        "sha": commit.oid,
        "created": format_timestamp(commit.instant),
        "commit": {"author": authored, "committer": committed, "message": f"Change {number}"},
        "author": account if repository.has_account(commit.author) else None,
        "parents": [{"sha": parent} for parent in commit.parents],
    }
