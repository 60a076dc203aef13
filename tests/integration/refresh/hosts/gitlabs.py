"""The simulated GitLab with projects that a test writes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

from chalicelib.refresh.fetch_result import Source
from chalicelib.refresh.hosts.gitlab import GitLab, SelfHostedGitLab
from chalicelib.refresh.hosts.gitlab_graphql import QUERY
from tests.support.upstream import asking
from tests.support.upstream.asking import TODAY
from tools.fakehosts.hosts import gitlab
from tools.fakehosts.replay import Replay
from tools.fakehosts.scripted import History, ScriptedRepository
from tools.fakehosts.server import Headers, Request, Response

PAGED = ("since", "page", "per_page", "order_by", "sort")
ACTIVITY = datetime.fromisoformat("2026-10-01T10:00:00Z")


def project(
    path: str,
    id: int = 1,
    history: History | None = None,
    activity: datetime = ACTIVITY,
    **figures: Any,
) -> ScriptedRepository:
    """A project; its ETag changes with ``version``, ``activity`` is when something happened."""
    pushed = int(activity.timestamp())
    return ScriptedRepository(path, history or History(TODAY), id=id, pushed=pushed, **figures)


@dataclass
class Site:
    """Projects by the path that they are asked for; ``broken`` routes answer as they say.

    Queries of ``too_many`` paths are refused.
    """

    projects: list[ScriptedRepository]
    renamed: dict[str, ScriptedRepository] = field(default_factory=dict)
    broken: dict[str, Any] = field(default_factory=dict)
    too_many: int = gitlab.MAX_PATHS + 1

    @contextmanager
    def serving(self) -> Iterator[Replay]:
        """The site on loopback."""
        host = self.host
        routes: dict[str, Any] = {}

        def query(request: Request) -> Response:
            if len(request.json["variables"]["paths"]) >= self.too_many:
                message = "Query has complexity of 201, which exceeds max complexity of 200"
                return Response(200, {}, {"errors": [{"message": message}]})
            return host.handle(request, 0.0).response

        if self.too_many <= gitlab.MAX_PATHS:
            routes["POST /api/graphql"] = query
        with Replay.from_host(host, routes | self.broken, PAGED) as replay:
            yield replay

    @property
    def host(self) -> gitlab.GitLab:
        """The simulated host with the projects."""
        host = gitlab.GitLab("https://gitlab.com", frozenset({"secret"}), has_limits=False)
        for project in self.projects:
            project.pushes = crc32(project.history.head.encode())
            host.repositories.add(project)
        for path, project in self.renamed.items():
            host.repositories.paths[path] = project
        return host


def build_document(project: ScriptedRepository) -> dict[str, Any]:
    """Return a project as REST shows it."""
    return Site([project]).host.build_document(project)


def build_node(project: ScriptedRepository) -> dict[str, Any]:
    """Return a project as the query of the host module gets it."""
    body = json.dumps({"query": QUERY, "variables": {"paths": [project.path]}}).encode()
    request = Request("POST", "/api/graphql", Headers(), body)
    response = Site([project]).host.handle(request, 0.0).response
    node: dict[str, Any] = response.body["data"]["projects"]["nodes"][0]
    return node


def public(replay: Replay, token: str | None = None) -> GitLab:
    """gitlab.com at the replay server."""
    return GitLab(replay.url, token)


def own(replay: Replay) -> GitLab:
    """A self-hosted GitLab at the replay server."""
    return SelfHostedGitLab(replay.url, domain="gitlab.example.org")


def source(
    address: str, id: int = 1, state: Mapping[str, Any] | None = None, **package: Any
) -> Source:
    """A source at gitlab.com."""
    url = f"https://gitlab.com/{address}"
    return asking.source(address, "gitlab", id, state=state, **({"repo_url": url} | package))
