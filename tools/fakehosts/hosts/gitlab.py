"""A simulated GitLab: REST and GraphQL.

Sources: GitLab's documentation ("Projects API", "Commits API", "Repositories API", "Rate limits",
"GraphQL API", limits) and source (``ProjectsResolver``: at most 50 full paths), as quoted with
the recordings and by our module.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tools.fakehosts.graphql import BadQuery, FieldSelection, Node, parse_query, select_fields
from tools.fakehosts.hosts.base import (
    HandledRequest,
    Refusal,
    SimulatedHost,
    add_headers,
    build_etag,
    paginate,
    parse_number,
    respond_conditionally,
)
from tools.fakehosts.rate_limits import RollingWindow
from tools.fakehosts.repository import Repository, format_timestamp
from tools.fakehosts.server import Request, Response

_NOT_FOUND = {"message": "404 Project Not Found"}
_NO_CODE = {"message": "404 Repository Not Found"}
#: The limits of a query: full paths, and complexity without and with a token.
MAX_PATHS, MAX_COMPLEXITY, MAX_COMPLEXITY_WITH_TOKEN = 50, 200, 250


class GitLab(SimulatedHost):
    """GitLab, with nested groups; without ``has_limits`` as self-hosted by default."""

    def __init__(self, site: str, tokens: frozenset[str], has_limits: bool) -> None:
        super().__init__()
        self._site = site
        self._tokens = tokens
        self._has_limits = has_limits
        limit = 2000 if tokens else 500
        self._all, self._projects = RollingWindow(limit, 60), RollingWindow(400, 60)

    def check_limits(self, request: Request, now: float, open_requests: int) -> Refusal | None:
        """Allow 2,000 requests a minute (500 without tokens), 400 of them for single projects.

        The first limit's response is text with Retry-After, the second's is JSON without it.
        """
        if not self._has_limits:
            return None
        is_spent = self._all.get_remaining(now) <= 0
        self._all.spend(1, now)
        if is_spent:
            wait = {
                "Retry-After": str(int(self._all.get_wait(now)) + 1),
                "Content-Type": "text/plain",
            }
            return Refusal("requests a minute", Response(429, wait, "Retry later\n"))
        if _is_project(request):
            is_spent = self._projects.get_remaining(now) <= 0
            self._projects.spend(1, now)
            if is_spent:
                message = "This endpoint has been requested too many times. Try again later."
                body = {"message": {"error": message}}
                return Refusal("projects a minute", Response(429, {}, body))
        return None

    def handle(self, request: Request, now: float) -> HandledRequest:
        """Return a project, its commits or contributors, or the result of a GraphQL query."""
        token = self._get_token(request)
        if token and token not in self._tokens:
            return HandledRequest(
                "bad credentials", Response(401, {}, {"message": "401 Unauthorized"})
            )
        path = request.target.partition("?")[0]
        if path == "/api/graphql":
            return self._run_graphql(request)
        parts = path.removeprefix("/api/v4").strip("/").split("/")
        if parts[0] != "projects" or len(parts) < 2:
            return HandledRequest("other", Response(404, {}, {"error": "404 Not Found"}))
        return self._handle_project(
            request, parts[1].replace("%2F", "/").replace("%2f", "/"), parts[2:]
        )

    def add_limit_headers(
        self, request: Request, handled: HandledRequest, now: float
    ) -> HandledRequest:
        """Add ``RateLimit-*`` of the limit of the whole API, if there is one."""
        if not self._has_limits or handled.response.status == 429:
            return handled
        remaining = self._all.get_remaining(now)
        headers = {
            "RateLimit-Limit": str(self._all.limit),
            "RateLimit-Observed": str(self._all.limit - remaining),
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(int(now + self._all.get_wait(now)) + 1),
        }
        return add_headers(handled, headers)

    def _handle_project(self, request: Request, name: str, below: list[str]) -> HandledRequest:
        kind = "repository" if not below else below[-1]
        repository = (
            self.repositories.ids.get(int(name)) if name.isdigit() else self.repositories.find(name)
        )
        packages = (repository.package_id,) if repository else ()
        if repository is None or repository.status:
            return HandledRequest(kind, Response(404, {}, _NOT_FOUND), packages)
        if not name.isdigit() and name.lower() != repository.path.lower():
            to = "/".join([f"{self._site}/api/v4/projects/{repository.id}", *below])
            to += "?" + request.target.partition("?")[2] if "?" in request.target else ""
            return HandledRequest(
                kind, Response(301, {"Location": to}, {"message": "Moved"}), packages
            )
        handlers = {
            (): self._get_document,
            ("repository", "commits"): self._list_commits,
            ("repository", "contributors"): self._list_contributors,
        }
        respond = handlers.get(tuple(below))
        if respond is None:
            return HandledRequest(kind, Response(404, {}, {"error": "404 Not Found"}), packages)
        return HandledRequest(kind, respond(repository, request), packages)

    def _get_document(self, repository: Repository, request: Request) -> Response:
        etag = build_etag("project", repository.id, repository.version)
        return respond_conditionally(request, etag, lambda: (self.build_document(repository), {}))

    def build_document(self, repository: Repository) -> dict[str, Any]:
        """Return a project as REST shows it."""
        return {
            "id": repository.id,
            "description": repository.description or None,
            "name": repository.path.rpartition("/")[2],
            "path_with_namespace": repository.path,
            "created_at": format_timestamp(repository.created),
            "default_branch": "main" if repository.total else None,
            "web_url": f"{self._site}/{repository.path}",
            "forks_count": repository.forks,
            "star_count": repository.stars,
            "last_activity_at": format_timestamp(repository.pushed),
            "archived": repository.archived is not None,
            "empty_repo": not repository.total,
            "visibility": "public",
        }

    def _list_commits(self, repository: Repository, request: Request) -> Response:
        """Return a page of commits, with a keyset Link and without totals."""
        if repository.is_code_hidden:
            return Response(404, {}, _NO_CODE)
        query = request.query
        size, page = (
            parse_number(query.get("per_page"), 20, 100),
            parse_number(query.get("page"), 1, 10**6),
        )
        numbers = repository.find_commits(
            _parse_instant(query.get("since")), _parse_instant(query.get("until"))
        )[::-1]
        items, pages = paginate(numbers, page, size)

        def build() -> tuple[Any, dict[str, str]]:
            following = str(page + 1) if page < pages else ""
            headers = {"X-Page": str(page), "X-Per-Page": str(size), "X-Next-Page": following}
            if following:
                parameters = {**query, "page": following, "per_page": str(size)}
                parts = "&".join(f"{key}={value}" for key, value in parameters.items())
                base = f"{self._site}/api/v4/projects/{repository.id}/repository/commits"
                headers["Link"] = f'<{base}?{parts}>; rel="next"'
            return [_build_commit(repository, number) for number in items], headers

        return respond_conditionally(
            request, build_etag("commits", repository.pushes, request.target), build
        )

    def _list_contributors(self, repository: Repository, request: Request) -> Response:
        """Return names and their commits without merges; GitLab has no accounts here."""
        if repository.is_code_hidden:
            return Response(404, {}, _NO_CODE)
        query = request.query
        size, page = (
            parse_number(query.get("per_page"), 20, 100),
            parse_number(query.get("page"), 1, 10**6),
        )

        def build() -> tuple[Any, dict[str, str]]:
            ranked = repository.rank_contributors()
            items, pages = paginate(ranked, page, size)
            following = str(page + 1) if page < pages else ""
            headers = {"X-Total": str(len(ranked)), "X-Total-Pages": str(pages)}
            headers["X-Next-Page"] = following
            if following:
                base = f"{self._site}/api/v4/projects/{repository.id}/repository/contributors"
                headers["Link"] = f'<{base}?page={following}&per_page={size}>; rel="next"'
            body = [
                {
                    "name": repository.get_author_name(author),
                    "email": f"{repository.get_login(author)}@mail.example",
                    "commits": commits,
                    "additions": 0,
                    "deletions": 0,
                }
                for author, commits in items
            ]
            return body, headers

        return respond_conditionally(
            request, build_etag("contributors", repository.pushes, request.target), build
        )

    def _run_graphql(self, request: Request) -> HandledRequest:
        packages: list[int] = []
        limit = MAX_COMPLEXITY_WITH_TOKEN if self._get_token(request) else MAX_COMPLEXITY
        try:
            payload = request.json
            fields = parse_query(payload.get("query"), payload.get("variables"))
            _check_complexity(fields, limit)
            data = select_fields(self._build_query(packages), fields)
        except (BadQuery, ValueError, AttributeError) as error:
            return HandledRequest(
                "graphql", Response(200, {}, {"errors": [{"message": str(error)}]})
            )
        return HandledRequest("graphql", Response(200, {}, {"data": data}), tuple(packages))

    def _build_query(self, packages: list[int]) -> Node:
        def projects(arguments: Mapping[str, Any]) -> Node:
            paths = arguments.get("fullPaths") or []
            if len(paths) > MAX_PATHS:
                raise BadQuery(f"You cannot provide more than {MAX_PATHS} full_paths")
            packages.extend(
                repository.package_id
                for path in paths
                if (repository := self.repositories.find(path))
            )
            matches = [node for path in paths if (node := self._find_public(path))]
            size = parse_number(str(arguments.get("first")), 100, 100)
            start = int(arguments.get("after") or 0)
            shown = matches[start : start + size]
            is_more = start + size < len(matches)
            page = {"hasNextPage": is_more, "endCursor": str(start + size) if is_more else None}
            nodes = [self._build_node(repository) for repository in shown]
            values = {"nodes": nodes, "count": len(matches), "pageInfo": Node("PageInfo", page)}
            return Node("ProjectConnection", values)

        def project(arguments: Mapping[str, Any]) -> Node | None:
            repository = self._find_public(str(arguments.get("fullPath")))
            if repository:
                packages.append(repository.package_id)
            return self._build_node(repository) if repository else None

        return Node("Query", {"projects": projects, "project": project})

    def _find_public(self, path: str) -> Repository | None:
        """Find a project by its present path; GraphQL does not follow renames."""
        repository = self.repositories.find(path)
        is_there = (
            repository is not None
            and not repository.status
            and repository.path.lower() == path.lower()
        )
        return repository if is_there else None

    def _build_node(self, repository: Repository) -> Node:
        values = {
            "id": f"gid://gitlab/Project/{repository.id}",
            "fullPath": repository.path,
            "name": repository.path.rpartition("/")[2],
            "path": repository.path.rpartition("/")[2],
            "webUrl": f"{self._site}/{repository.path}",
            "description": repository.description or None,
            "starCount": repository.stars,
            "forksCount": repository.forks,
            "archived": repository.archived is not None,
            "createdAt": format_timestamp(repository.created),
            "lastActivityAt": format_timestamp(repository.pushed),
            "visibility": "public",
            "statistics": None,
            "repository": lambda _: (
                None if repository.is_code_hidden else _build_repository(repository)
            ),
        }
        return Node("Project", values)

    def _get_token(self, request: Request) -> str:
        private = request.headers.get("PRIVATE-TOKEN", "")
        return str(private or request.headers.get("Authorization", "").rpartition(" ")[2])


def _build_repository(repository: Repository) -> Node:
    def tree(_: Mapping[str, Any]) -> Node | None:
        if not repository.total:
            return None
        commit = repository.get_commit(repository.total - 1)
        values = {
            "sha": commit.oid,
            "committedDate": format_timestamp(commit.instant),
            "authoredDate": format_timestamp(commit.instant),
            "authorName": repository.get_author_name(commit.author),
            "title": f"Change {repository.total - 1}",
        }
        return Node("Tree", {"lastCommit": Node("Commit", values)})

    values = {
        "empty": not repository.total,
        "exists": True,
        "rootRef": "main" if repository.total else None,
        "tree": tree,
    }
    return Node("Repository", values)


def _check_complexity(fields: tuple[FieldSelection, ...], limit: int) -> None:
    complexity = sum(_get_complexity(field) for field in fields)
    if complexity > limit:
        raise BadQuery(
            f"Query has complexity of {complexity}, which exceeds max complexity of {limit}"
        )


def _get_complexity(field: FieldSelection) -> float:
    """Return GitLab's complexity: a point per field, and 1 % more per item of a page."""
    below = 1 + sum(_get_complexity(child) for child in field.fields)
    if field.name != "projects":
        return below
    return below + below * parse_number(str(field.arguments.get("first")), 100, 100) / 100


def _build_commit(repository: Repository, number: int) -> dict[str, Any]:
    commit = repository.get_commit(number)
    name, mail = (
        repository.get_author_name(commit.author),
        f"{repository.get_login(commit.author)}@mail.example",
    )
    return {
        "id": commit.oid,
        "short_id": commit.oid[:8],
        "created_at": format_timestamp(commit.instant),
        "parent_ids": list(commit.parents),
        "title": f"Change {number}",
        "message": f"Change {number}",
        "author_name": name,
        "author_email": mail,
        "authored_date": format_timestamp(commit.instant),
        "committer_name": name,
        "committer_email": mail,
        "committed_date": format_timestamp(commit.instant),
    }


def _is_project(request: Request) -> bool:
    parts = request.target.partition("?")[0].removeprefix("/api/v4").strip("/").split("/")
    return parts[0] == "projects" and len(parts) == 2


def _parse_instant(value: str | None) -> float | None:
    # The plus of an offset that was not percent-encoded arrives as a space.
    return datetime.fromisoformat(value.replace(" ", "+")).timestamp() if value else None
