"""A GitLab made by hand: projects that are asked for by GraphQL and by REST."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.refresh.fetch_result import Source
from chalicelib.refresh.hosts.gitlab import GitLab, SelfHostedGitLab
from tests.support.histories import Tree
from tests.support.upstream import asking
from tools.fakehosts.replay import Replay, ResponseParts
from tools.fakehosts.server import Request, Response

PAGED = ("since", "page", "per_page", "order_by", "sort")
Answered = ResponseParts | Response


@dataclass
class Project:
    """A project; ``etag`` is what its document has, ``activity`` when something happened."""

    path: str
    id: int = 1
    tree: Tree = field(default_factory=Tree)
    stars: int = 5
    forks: int = 2
    description: str | None = "Example"
    is_archived: bool = False
    is_code_hidden: bool = False
    activity: str = "2026-10-01T10:00:00.000Z"
    etag: str = 'W/"1"'

    @property
    def document(self) -> dict[str, Any]:
        """The answer of REST."""
        return {
            "id": self.id,
            "path_with_namespace": self.path,
            "star_count": self.stars,
            "forks_count": self.forks,
            "description": self.description,
            "archived": self.is_archived,
            "last_activity_at": self.activity,
        }

    @property
    def node(self) -> dict[str, Any]:
        """The answer of GraphQL."""
        last = None
        if self.tree.head:
            newest = self.tree.commits[self.tree.head]
            last = {"sha": newest.id, "committedDate": newest.at.isoformat()}
        code = {"empty": last is None, "tree": {"lastCommit": last}}
        return {
            "id": f"gid://gitlab/Project/{self.id}",
            "fullPath": self.path,
            "starCount": self.stars,
            "forksCount": self.forks,
            "description": self.description,
            "archived": self.is_archived,
            "repository": None if self.is_code_hidden else code,
        }


@dataclass
class Site:
    """Projects by the path that they are asked for; ``broken`` routes answer as they say."""

    projects: list[Project]
    renamed: dict[str, Project] = field(default_factory=dict)
    broken: dict[str, Any] = field(default_factory=dict)
    too_many: int = 51

    @contextmanager
    def serving(self) -> Iterator[Replay]:
        """The site on loopback."""
        routes: dict[str, Any] = {"POST /api/graphql": self._query}
        for project in self.projects:
            routes[f"GET /api/v4/projects/{project.path}"] = self._project(project)
            routes[f"GET /api/v4/projects/{project.id}"] = self._project(project)
            code = f"GET /api/v4/projects/{project.id}/repository"
            routes[f"{code}/commits"] = self._commits(project)
            routes[f"{code}/contributors"] = self._contributors(project)
        for path, project in self.renamed.items():
            there = {"Location": f"https://gitlab.com/api/v4/projects/{project.id}"}
            routes[f"GET /api/v4/projects/{path}"] = [(302, there, {"message": "moved"})]
        with Replay.from_routes(routes | self.broken, PAGED) as replay:
            yield replay

    def _query(self, request: Request) -> Answered:
        paths = [path.lower() for path in request.json["variables"]["paths"]]
        if len(paths) >= self.too_many:
            message = "Query has complexity of 201, which exceeds max complexity of 200"
            return 200, {}, {"errors": [{"message": message}]}
        found = [each.node for each in self.projects if each.path.lower() in paths]
        return 200, {}, {"data": {"projects": {"nodes": found}}}

    def _project(self, project: Project) -> Any:
        def answer(request: Request) -> Answered:
            if request.headers.get("If-None-Match") == project.etag:
                return 304, {"ETag": project.etag}, b""
            return 200, {"ETag": project.etag}, project.document

        return answer

    def _commits(self, project: Project) -> Any:
        def answer(request: Request) -> Answered:
            if project.is_code_hidden:
                return 404, {}, {"message": "404 Repository Not Found"}
            listed = project.tree.listed()
            since = request.query.get("since")
            if since:
                listed = [commit for commit in listed if commit.at >= datetime.fromisoformat(since)]
            entries = [
                {
                    "id": commit.id,
                    "committed_date": commit.at.isoformat(),
                    "author_name": commit.author,
                    "parent_ids": list(commit.parents),
                }
                for commit in listed
            ]
            return _page(request, entries)

        return answer

    def _contributors(self, project: Project) -> Any:
        def answer(request: Request) -> Answered:
            plain = [each for each in project.tree.listed() if len(each.parents) < 2]
            counts = Counter(commit.author for commit in plain)
            return _page(
                request,
                [{"name": name, "commits": counts[name]} for name, _ in counts.most_common()],
            )

        return answer


def _page(request: Request, entries: list[Any]) -> Answered:
    size, page = int(request.query["per_page"]), int(request.query.get("page", 1))
    following = str(page + 1) if len(entries) > page * size else ""
    return 200, {"X-Next-Page": following}, entries[(page - 1) * size : page * size]


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
