"""A simulated GitHub: its REST API, and the rate limits of both APIs.

Sources: GitHub's REST documentation ("Rate limits for the REST API", "Best practices",
"Repository statistics", "List repository contributors"), as quoted with the recordings.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tools.fakehosts.hosts.base import (
    HandledRequest,
    Refusal,
    SimulatedHost,
    add_headers,
    build_etag,
    build_link_header,
    paginate,
    parse_number,
    respond_conditionally,
)
from tools.fakehosts.hosts.github_graphql import Account, GraphQL
from tools.fakehosts.repository import (
    BLOCKED,
    GONE,
    MAX_LINKED_AUTHORS,
    Repository,
    format_timestamp,
    get_date,
)
from tools.fakehosts.server import Request, Response

_API = "https://api.github.com"
_TOO_LARGE_BODY = {
    "message": "The history or contributor list is too large to list contributors for this "
    "repository via the API."
}
#: Repositories with this many commits are too large for the list of contributors.
MIN_TOO_LARGE_COMMITS = 200_000
_PRIMARY_LIMIT_BODY = {"message": "API rate limit exceeded for user ID 1."}
_SECONDARY_LIMIT_BODY = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you "
    "try again."
}


class GitHub(SimulatedHost):
    """GitHub's REST API; GraphQL requests are passed on to ``graphql``."""

    def __init__(self, tokens: frozenset[str], graphql: GraphQL) -> None:
        super().__init__()
        self._tokens = tokens
        self._graphql = graphql
        self._accounts: dict[str, Account] = {}
        self._computed: dict[int, int] = {}
        self._refused = 0

    def get_account(self, request: Request) -> Account:
        """Return the account that a request is charged to."""
        token = _get_token(request)
        if token not in self._accounts:
            self._accounts[token] = Account(token in self._tokens)
        return self._accounts[token]

    def check_limits(self, request: Request, now: float, open_requests: int) -> Refusal | None:
        """Check the secondary limits, then the hourly one; a request that gets 401 is free."""
        token = _get_token(request)
        is_unauthorized = token not in self._tokens if token else _is_graphql(request)
        if _is_free(request) or is_unauthorized:
            return None
        account, is_graphql = self.get_account(request), _is_graphql(request)
        minute = account.graphql_minute if is_graphql else account.rest_minute
        is_spent = minute.get_remaining(now) <= 0
        minute.spend(1, now)
        if open_requests > 100:
            return Refusal("100 requests at a time", self._refuse_secondary(60))
        if is_spent:
            return Refusal("points a minute", self._refuse_secondary(minute.get_wait(now)))
        if is_graphql:
            if account.graphql.get_remaining(now) <= 0:
                return Refusal(
                    "GraphQL points an hour", _build_graphql_limit_response(self._next_turn())
                )
        elif account.core.get_remaining(now) <= 0:
            return Refusal("requests an hour", Response(403, {}, _PRIMARY_LIMIT_BODY))
        else:
            account.core.spend(1)
        return None

    def handle(self, request: Request, now: float) -> HandledRequest:
        """Return the response to any call of the API that a directory could need."""
        token = _get_token(request)
        if token and token not in self._tokens:
            return HandledRequest(
                "bad credentials", Response(401, {}, {"message": "Bad credentials"})
            )
        path = request.path.removeprefix("/api/v3")
        if _is_graphql(request):
            if not token:
                message = "This endpoint requires you to be authenticated."
                return HandledRequest("graphql", Response(401, {}, {"message": message}))
            return self._graphql.handle(request, self.repositories, self.get_account(request), now)
        if path == "/rate_limit":
            return HandledRequest(
                "rate_limit", Response(200, {}, self._get_rate_limit(request, now))
            )
        parts = path.strip("/").split("/")
        if parts[0] == "repos" and len(parts) >= 3:
            return self._handle_repository(
                request, f"{parts[1]}/{parts[2]}", "/".join(parts[3:]), now
            )
        if parts[0] == "repositories" and len(parts) >= 2 and parts[1].isdigit():
            repository = self.repositories.ids.get(int(parts[1]))
            path = repository.path if repository else ""
            return self._handle_repository(request, path, "/".join(parts[2:]), now)
        return HandledRequest("other", Response(404, {}, {"message": "Not Found"}))

    def add_limit_headers(
        self, request: Request, handled: HandledRequest, now: float
    ) -> HandledRequest:
        """Add ``X-RateLimit-*``; give back the charge of a 304 if the request is authorised."""
        if handled.response.status == 401:
            return handled
        account, is_graphql = self.get_account(request), _is_graphql(request)
        if handled.response.status == 304 and _get_token(request):
            account.core.spend(-1)
        window = account.graphql if is_graphql else account.core
        remaining = window.get_remaining(now)
        headers = {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Used": str(window.limit - remaining),
            "X-RateLimit-Reset": str(int(window.ends)),
            "X-RateLimit-Resource": "graphql" if is_graphql else "core",
        }
        return add_headers(handled, headers)

    def _handle_repository(
        self, request: Request, path: str, below: str, now: float
    ) -> HandledRequest:
        kind = _KINDS.get(below, "other")
        repository = self.repositories.find(path)
        if repository is None or repository.status == GONE:
            packages = (repository.package_id,) if repository else ()
            return HandledRequest(kind, Response(404, {}, {"message": "Not Found"}), packages)
        packages = (repository.package_id,)
        if repository.status == BLOCKED:
            return HandledRequest(
                kind, Response(451, {}, _build_blocked_body(repository)), packages
            )
        if path.lower() != repository.path.lower():
            to = f"{_API}/repositories/{repository.id}" + (f"/{below}" if below else "")
            to += "?" + request.target.partition("?")[2] if "?" in request.target else ""
            body = {"message": "Moved Permanently", "url": to}
            return HandledRequest(kind, Response(301, {"Location": to}, body), packages)
        respond = {
            "repository": self._get_document,
            "contributors": self._list_contributors,
            "commits": self._list_commits,
            "participation": self._get_participation,
        }.get(kind)
        if respond is None:
            return HandledRequest(kind, Response(404, {}, {"message": "Not Found"}), packages)
        return HandledRequest(kind, respond(repository, request, now), packages)

    def _get_document(self, repository: Repository, request: Request, now: float) -> Response:
        etag = build_etag("repository", repository.id, repository.version, _get_token(request))
        return respond_conditionally(request, etag, lambda: (build_document(repository), {}))

    def _list_contributors(self, repository: Repository, request: Request, now: float) -> Response:
        if not repository.total:
            return Response(204)
        if repository.total >= MIN_TOO_LARGE_COMMITS:
            return Response(403, {}, _TOO_LARGE_BODY)
        query = request.query
        page, size = (
            parse_number(query.get("page"), 1, 10_000),
            parse_number(query.get("per_page"), 30, 100),
        )
        etag = build_etag(
            "contributors", repository.id, repository.pushes, page, size, _get_token(request)
        )

        def build() -> tuple[Any, dict[str, str]]:
            contributors = repository.rank_contributors()[:MAX_LINKED_AUTHORS]
            items, pages = paginate(contributors, page, size)
            base = f"{_API}/repositories/{repository.id}/contributors"
            body = [
                build_contributor(repository.get_login(author), author + 1, n)
                for author, n in items
            ]
            return body, build_link_header(base, {"per_page": str(size)}, page, pages)

        return respond_conditionally(request, etag, build)

    def _list_commits(self, repository: Repository, request: Request, now: float) -> Response:
        if not repository.total:
            return Response(409, {}, {"message": "Git Repository is empty."})
        query = request.query
        page, size = (
            parse_number(query.get("page"), 1, 10**6),
            parse_number(query.get("per_page"), 30, 100),
        )
        since, until = _parse_instant(query.get("since")), _parse_instant(query.get("until"))
        etag = build_etag(
            "commits", repository.id, repository.pushes, request.target, _get_token(request)
        )

        def build() -> tuple[Any, dict[str, str]]:
            numbers = repository.find_commits(since, until)[::-1]
            items, pages = paginate(numbers, page, size)
            base = f"{_API}/repositories/{repository.id}/commits"
            parameters = {name: value for name, value in query.items() if name != "page"}
            return [build_commit(repository, number) for number in items], build_link_header(
                base, parameters, page, pages
            )

        return respond_conditionally(request, etag, build)

    def _get_participation(self, repository: Repository, request: Request, now: float) -> Response:
        """Return 202 for the first request after a push: GitHub caches by the newest commit."""
        if not repository.total:
            return Response(200, {"ETag": build_etag("empty")}, {"all": [], "owner": []})
        if self._computed.get(repository.id) != repository.pushes:
            self._computed[repository.id] = repository.pushes
            return Response(202, {"ETag": build_etag("computing", repository.id)}, {})
        weeks = list(repository.count_weekly_commits(get_date(now), is_with_merges=False))
        etag = build_etag(
            "participation", repository.id, repository.pushes, weeks, _get_token(request)
        )
        return respond_conditionally(request, etag, lambda: (build_participation(weeks), {}))

    def _refuse_secondary(self, wait: float) -> Response:
        """Return 403 and 429 in turn, every third without Retry-After."""
        turn = self._next_turn()
        headers = {"Retry-After": str(int(wait) + 1)} if turn % 3 else {}
        return Response(429 if turn % 2 else 403, headers, _SECONDARY_LIMIT_BODY)

    def _next_turn(self) -> int:
        self._refused += 1
        return self._refused

    def _get_rate_limit(self, request: Request, now: float) -> dict[str, Any]:
        account = self.get_account(request)
        resources = {}
        for name, window in (("core", account.core), ("graphql", account.graphql)):
            remaining = window.get_remaining(now)
            resources[name] = {
                "limit": window.limit,
                "used": window.limit - remaining,
                "remaining": remaining,
                "reset": int(window.ends),
            }
        return {"resources": resources}


_KINDS = {
    "": "repository",
    "contributors": "contributors",
    "commits": "commits",
    "stats/participation": "participation",
}


def build_contributor(login: str, id: int, contributions: int) -> dict[str, Any]:
    """Return an entry of the list of contributors."""
    return {"login": login, "id": id, "type": "User", "contributions": contributions}


def build_participation(weeks: Sequence[int]) -> dict[str, Any]:
    """Return the statistic of 52 weeks."""
    return {"all": list(weeks), "owner": [0] * 52}


def build_document(repository: Repository) -> dict[str, Any]:
    """Return a repository's REST document."""
    owner, _, name = repository.path.partition("/")
    return {
        "id": repository.id,
        "name": name,
        "full_name": repository.path,
        "private": False,
        "owner": {"login": owner, "id": 1, "type": "User"},
        "html_url": f"https://github.com/{repository.path}",
        "description": repository.description or None,
        "fork": False,
        "created_at": format_timestamp(repository.created),
        "updated_at": format_timestamp(repository.changed),
        "pushed_at": format_timestamp(repository.pushed),
        "homepage": None,
        "size": repository.total,
        "stargazers_count": repository.stars,
        "watchers_count": repository.stars,
        "forks_count": repository.forks,
        "archived": repository.archived is not None,
        "disabled": False,
        "open_issues_count": 0,
        "license": None,
        "default_branch": "main",
        "subscribers_count": repository.watchers,
    }


def build_commit(repository: Repository, number: int) -> dict[str, Any]:
    """Return a commit's REST document."""
    commit = repository.get_commit(number)
    signed = {
        "name": repository.get_author_name(commit.author),
        "email": f"{repository.get_login(commit.author)}@mail.example",
        "date": format_timestamp(commit.instant),
    }
    return {
        "sha": commit.oid,
        "commit": {"author": signed, "committer": signed, "message": f"Change {number}"},
        "author": {"login": repository.get_login(commit.author), "id": commit.author + 1},
        "parents": [{"sha": parent} for parent in commit.parents],
    }


def _build_blocked_body(repository: Repository) -> dict[str, Any]:
    block = {
        "reason": "dmca",
        "created_at": format_timestamp(repository.changed),
        "html_url": "https://dmca.example",
    }
    return {"message": "Repository access blocked", "block": block}


def _build_graphql_limit_response(turn: int) -> Response:
    """Return the error of the hourly limit (status 200), in turn in both observed forms."""
    error: dict[str, Any] = {"message": _PRIMARY_LIMIT_BODY["message"], "type": "RATE_LIMITED"}
    if turn % 2:
        error |= {"type": "RATE_LIMIT", "code": "graphql_rate_limit"}
    return Response(200, {}, {"errors": [error]})


def _get_token(request: Request) -> str:
    return str(request.headers.get("Authorization", "")).rpartition(" ")[2]


def _is_graphql(request: Request) -> bool:
    return request.path.removeprefix("/api") == "/graphql"


def _is_free(request: Request) -> bool:
    return request.path.removeprefix("/api/v3") == "/rate_limit"


def _parse_instant(value: str | None) -> float | None:
    return datetime.fromisoformat(value).timestamp() if value else None
