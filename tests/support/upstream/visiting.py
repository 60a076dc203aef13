"""Asking a simulated host as a client with the right token does."""

from typing import Any

import requests

from tools.fakehosts import World

REPOSITORIES = """fragment F on Repository { databaseId nameWithOwner stargazerCount forkCount
  description isArchived defaultBranchRef { target { ... on Commit { oid committedDate
  history(first: 1) { totalCount } } } } } query { rateLimit { cost remaining resetAt } %s }"""


def aliases(addresses: list[str]) -> str:
    return " ".join(
        f'r{place}: repository(owner: "{owner}", name: "{name}") {{ ...F }}'
        for place, (owner, name) in enumerate(address.split("/") for address in addresses)
    )


class Asking:
    """Requests to one host of a world, as a client with the right token."""

    def __init__(self, world: World, host: str) -> None:
        self._base = world.urls[host]
        self._session = requests.Session()
        if host in world.tokens:
            self._session.headers["Authorization"] = f"Bearer {world.tokens[host]}"

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET a path; redirects are not followed."""
        url = self._base + path
        return self._session.get(url, headers=headers, allow_redirects=False, timeout=10)

    def graphql(self, query: str, path: str = "/graphql", **variables: Any) -> Any:
        """POST a query; the JSON of the answer."""
        payload = {"query": query, "variables": variables}
        return self._session.post(self._base + path, json=payload, timeout=10).json()


def package_of(world: World, host: str, least: int = 1) -> int:
    """A package of a host whose repository has commits of the last year."""
    return next(
        found.package_id
        for found in world.repositories.values()
        if found.host == host and len(found.recent) >= least and not found.archived
    )
