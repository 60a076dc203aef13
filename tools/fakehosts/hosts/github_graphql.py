"""GitHub's simulated GraphQL API: repositories under aliases; point, time and resource limits.

Sources: GitHub's GraphQL documentation ("Rate limits and query limits", reference of
``repository``). The duration of a query follows the public reports quoted with the recordings: 50
repositories with two totals each took about 4.5 s; a query of more than 10 s ends as 502.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tools.fakehosts.graphql import BadQuery, FieldSelection, Node, parse_query, select_fields
from tools.fakehosts.hosts.base import HandledRequest, RepositoryStore, parse_number
from tools.fakehosts.rate_limits import FixedWindow, RollingWindow
from tools.fakehosts.repository import Repository, format_timestamp
from tools.fakehosts.server import Request, Response

#: Seconds for a repository, for each history in its selection, and for each commit of those.
_REPOSITORY_S, _HISTORY_S, _COMMIT_S = 0.01, 0.04, 1 / 50_000
#: A query that takes longer ends as 502; or, from fewer seconds on, without its costliest alias.
TIMEOUT_S, RESOURCE_LIMIT_S = 10.0, 8.5
#: GitHub deducts additional points for a timeout; their number is not documented.
_PENALTY = 10
_TIMEOUT = {
    "data": None,
    "errors": [
        {
            "message": "Something went wrong while executing your query. This may be the result "
            "of a timeout, or it could be a GitHub bug."
        }
    ],
}
_CONNECTIONS = {"history", "parents", "stargazers", "watchers", "forks"}


class Account:
    """The limits of one token, or of an address without one."""

    def __init__(self, is_authorised: bool) -> None:
        self.core = FixedWindow(5000 if is_authorised else 60, 3600)
        self.graphql = FixedWindow(5000 if is_authorised else 0, 3600)
        self.rest_minute = RollingWindow(900, 60)
        self.graphql_minute = RollingWindow(2000, 60)


class GraphQL:
    """Runs queries for ``repository`` and ``rateLimit``."""

    def handle(
        self, request: Request, store: RepositoryStore, account: Account, now: float
    ) -> HandledRequest:
        """Return the response to a query, and charge its points."""
        try:
            payload = request.json
            fields = parse_query(payload.get("query"), payload.get("variables"))
            cost = max(1, round(sum(_count_connection_requests(field) for field in fields) / 100))
            return self.run_query(fields, store, account, cost, now)
        except (BadQuery, ValueError, AttributeError) as error:
            account.graphql.spend(1)
            return HandledRequest(
                "graphql", Response(200, {}, {"errors": [{"message": str(error)}]})
            )

    def run_query(
        self,
        fields: tuple[FieldSelection, ...],
        store: RepositoryStore,
        account: Account,
        cost: int,
        now: float,
    ) -> HandledRequest:
        """Return the response to the fields of a query that costs so many points."""
        repositories = {
            field.key: _find_repository(field, store)
            for field in fields
            if field.name == "repository"
        }
        packages = tuple(
            repository.package_id for repository in repositories.values() if repository
        )
        seconds = {
            field.key: _estimate_seconds(field, repositories[field.key])
            for field in fields
            if field.key in repositories
        }
        total = sum(seconds.values())
        if total > TIMEOUT_S:
            account.graphql.spend(cost + _PENALTY)
            return HandledRequest("graphql", Response(502, {}, _TIMEOUT), packages)
        account.graphql.spend(cost)
        costliest = max(seconds, key=lambda key: seconds[key]) if total > RESOURCE_LIMIT_S else None
        data: dict[str, Any] = {}
        errors = []
        for field in fields:
            if field.name == "rateLimit":
                limit = _build_rate_limit(account, cost, now)
                data[field.key] = select_fields(limit, field.fields)
            elif field.name != "repository":
                raise BadQuery(f"Field '{field.name}' doesn't exist on type 'Query'")
            else:
                error = _build_error(field, repositories[field.key], field.key == costliest)
                repository = repositories[field.key]
                data[field.key] = None
                if error or repository is None:
                    errors.append(error)
                else:
                    data[field.key] = select_fields(_build_repository(repository), field.fields)
        body = {"data": data, "errors": errors} if errors else {"data": data}
        return HandledRequest("graphql", Response(200, {}, body), packages)


def _find_repository(field: FieldSelection, store: RepositoryStore) -> Repository | None:
    owner, name = field.arguments.get("owner"), field.arguments.get("name")
    repository = store.find(f"{owner}/{name}")
    if repository is None:
        return None
    is_former = repository.path.lower() != f"{owner}/{name}".lower()
    return None if is_former and field.arguments.get("followRenames") is False else repository


def _count_connection_requests(field: FieldSelection, times: int = 1) -> int:
    """Count the requests that a selection's connections need ("Calculating points")."""
    own = times if field.name in _CONNECTIONS else 0
    if own:
        times *= parse_number(str(field.arguments.get("first", 1)), 1, 100)
    return own + sum(_count_connection_requests(below, times) for below in field.fields)


def _count_histories(field: FieldSelection) -> int:
    return (field.name == "history") + sum(_count_histories(below) for below in field.fields)


def _estimate_seconds(field: FieldSelection, repository: Repository | None) -> float:
    """Estimate how long GitHub takes for an alias."""
    total = repository.total if repository else 0
    return _REPOSITORY_S + _count_histories(field) * (_HISTORY_S + total * _COMMIT_S)


def _build_error(
    field: FieldSelection, repository: Repository | None, is_too_much: bool
) -> dict[str, Any] | None:
    name = f"{field.arguments.get('owner')}/{field.arguments.get('name')}"
    if is_too_much:
        message = "Resource limits for this query exceeded."
        return {"type": "RESOURCE_LIMITS_EXCEEDED", "path": [field.key], "message": message}
    # No source documents GraphQL's error for a repository that REST reports as blocked (451).
    if repository is None or repository.status:
        message = f"Could not resolve to a Repository with the name '{name}'."
        return {"type": "NOT_FOUND", "path": [field.key], "message": message}
    return None


def _build_rate_limit(account: Account, cost: int, now: float) -> Node:
    remaining = account.graphql.get_remaining(now)
    values = {
        "cost": cost,
        "limit": account.graphql.limit,
        "remaining": remaining,
        "used": account.graphql.limit - remaining,
        "resetAt": format_timestamp(account.graphql.ends),
        "nodeCount": 0,
    }
    return Node("RateLimit", values)


def _build_repository(repository: Repository) -> Node:
    owner, _, name = repository.path.partition("/")
    values = {
        "id": f"R_{repository.id}",
        "databaseId": repository.id,
        "name": name,
        "nameWithOwner": repository.path,
        "owner": Node("User", {"login": owner}),
        "url": f"https://github.com/{repository.path}",
        "description": repository.description or None,
        "stargazerCount": repository.stars,
        "forkCount": repository.forks,
        "watchers": lambda _: Node("UserConnection", {"totalCount": repository.watchers}),
        "stargazers": lambda _: Node("StargazerConnection", {"totalCount": repository.stars}),
        "isArchived": repository.archived is not None,
        "archivedAt": format_timestamp(repository.archived) if repository.archived else None,
        "isEmpty": not repository.total,
        "isPrivate": False,
        "isFork": False,
        "isDisabled": False,
        "isLocked": False,
        "createdAt": format_timestamp(repository.created),
        "pushedAt": format_timestamp(repository.pushed),
        "updatedAt": format_timestamp(repository.changed),
        "licenseInfo": None,
        "homepageUrl": None,
        "defaultBranchRef": lambda _: _build_branch(repository) if repository.total else None,
    }
    return Node("Repository", values | repository.overrides)


def _build_branch(repository: Repository) -> Node:
    return Node(
        "Ref", {"name": "main", "target": lambda _: _build_commit(repository, repository.total - 1)}
    )


def _build_commit(repository: Repository, number: int) -> Node:
    commit = repository.get_commit(number)
    user = Node("User", {"login": repository.get_login(commit.author)})
    author = Node("GitActor", {"name": repository.get_author_name(commit.author), "user": user})
    values = {
        "oid": commit.oid,
        "committedDate": format_timestamp(commit.instant),
        "authoredDate": format_timestamp(commit.instant),
        "messageHeadline": f"Change {number}",
        "author": author,
        "committer": author,
        "parents": lambda _: Node("CommitConnection", {"totalCount": len(commit.parents)}),
        "history": lambda arguments: _build_history(repository, arguments),
    }
    return Node("Commit", values)


def _build_history(repository: Repository, arguments: Mapping[str, Any]) -> Node:
    """Return a history, newest first; ``after`` is "HEAD N", GitHub's own cursor."""
    numbers = repository.find_commits(
        _parse_instant(arguments.get("since")), _parse_instant(arguments.get("until"))
    )[::-1]
    start = int(str(arguments["after"]).split()[-1]) + 1 if arguments.get("after") else 0
    size = parse_number(str(arguments.get("first", 0)), 0, 100)
    shown = numbers[start : start + size]
    end = f"{repository.head} {start + len(shown) - 1}" if shown else None
    page = {"hasNextPage": start + len(shown) < len(numbers), "endCursor": end}
    return Node(
        "CommitHistoryConnection",
        {
            "totalCount": len(numbers),
            "nodes": lambda _: [_build_commit(repository, number) for number in shown],
            "edges": lambda _: [
                Node("CommitEdge", {"node": _build_commit(repository, number), "cursor": None})
                for number in shown
            ],
            "pageInfo": Node("PageInfo", page),
        },
    )


def _parse_instant(value: Any) -> float | None:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
