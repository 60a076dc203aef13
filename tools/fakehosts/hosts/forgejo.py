"""Forgejo (Codeberg, and one that is self-hosted), simulated.

Sources: the recordings and the reference of Gitea's API, as quoted with them; Codeberg's limit
as reported there. How a renamed repository is answered is from Gitea's source (a temporary
redirect to the new name), nobody recorded it.
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

_NOT_FOUND = {"errors": None, "message": "The target couldn't be found.", "url": "/api/swagger"}
#: ``MAX_RESPONSE_ITEMS`` of most instances.
_MAX_ITEMS = 50


class Forgejo(SimulatedHost):
    """Repositories; ``has_limits`` as Codeberg has them."""

    def __init__(self, site: str, has_limits: bool) -> None:
        super().__init__()
        self._site = site
        self._window = RollingWindow(4000, 1800) if has_limits else None

    def refusal(self, request: Request, now: float, under_way: int) -> Refusal | None:
        """4,000 in 30 minutes, told by the proxy without any header."""
        if self._window is None:
            return None
        is_spent = self._window.look(now) <= 0
        self._window.spend(1, now)
        if not is_spent:
            return None
        answer = Response(429, {"Content-Type": "text/html"}, "<h1>429 Too Many Requests</h1>")
        return Refusal("requests in 30 minutes", answer)

    def served(self, request: Request, now: float) -> HandledRequest:
        """Repository, commits, or what the instance is."""
        path = request.path.removeprefix("/api/v1")
        if path == "/version":
            return HandledRequest("version", Response(200, {}, {"version": "13.0.0+gitea-1.22.0"}))
        if path == "/settings/api":
            settings = {"max_response_items": _MAX_ITEMS, "default_paging_num": 30}
            return HandledRequest("settings", Response(200, {}, settings))
        parts = path.strip("/").split("/")
        if parts[0] != "repos" or len(parts) not in {3, 4}:
            return HandledRequest("other", Response(404, {}, _NOT_FOUND))
        kind = parts[3] if len(parts) == 4 else "repository"
        asked = f"{parts[1]}/{parts[2]}"
        found = self.place.at(asked)
        about = (found.package_id,) if found else ()
        if found is None or found.status or kind not in {"repository", "commits"}:
            return HandledRequest(kind, Response(404, {}, _NOT_FOUND), about)
        if asked.lower() != found.path.lower():
            to = f"/api/v1/repos/{found.path}" + ("/commits" if kind == "commits" else "")
            to += "?" + request.target.partition("?")[2] if "?" in request.target else ""
            return HandledRequest(kind, Response(307, {"Location": to}, b""), about)
        if kind == "repository":
            return HandledRequest(kind, Response(200, {}, self._document(found)), about)
        return HandledRequest(kind, self._commits(found, request), about)

    def _document(self, found: Repository) -> dict[str, Any]:
        owner, _, name = found.path.partition("/")
        return {
            "id": found.id,
            "owner": {"login": owner, "id": 1},
            "name": name,
            "full_name": found.path,
            "description": found.description,
            "empty": not found.total,
            "private": False,
            "fork": False,
            "html_url": f"{self._site}/{found.path}",
            "stars_count": found.stars,
            "forks_count": found.forks,
            "watchers_count": found.watchers,
            "default_branch": "main",
            "archived": found.archived is not None,
            "archived_at": format_timestamp(found.archived or 0),
            "created_at": format_timestamp(found.created),
            "updated_at": format_timestamp(found.changed),
        }

    def _commits(self, found: Repository, request: Request) -> Response:
        if not found.total:
            return Response(409, {}, {"message": "Git Repository is empty."})
        query = request.query
        page, size = (
            parse_number(query.get("page"), 1, 10**6),
            parse_number(query.get("limit"), 30, 50),
        )
        numbers = range(found.total - 1, -1, -1)
        items, pages = paginate(numbers, page, size)
        base = f"{self._site}/api/v1/repos/{found.path}/commits"
        kept = {name: value for name, value in query.items() if name != "page"}
        headers = build_link_header(base, kept, page, pages)
        headers["X-Total-Count"] = str(found.total)
        headers["X-Total"] = str(found.total)
        headers["X-HasMore"] = "true" if page < pages else "false"
        return Response(200, headers, [_build_commit(found, number) for number in items])


def _build_commit(found: Repository, number: int) -> dict[str, Any]:
    made = found.commit(number)
    login = found.login(made.author)
    signed = {
        "name": found.name(made.author),
        "email": f"{login}@mail.example",
        "date": format_timestamp(made.instant),
    }
    return {
        "sha": made.oid,
        "created": format_timestamp(made.instant),
        "commit": {"author": signed, "committer": signed, "message": f"Change {number}"},
        "author": {"login": login, "id": made.author + 1} if made.author % 3 else None,
        "parents": [{"sha": parent} for parent in made.parents],
    }
