"""The simulated package index and its service of download statistics.

Sources: the index's own API documentation (JSON API, Index API, caching), and the recordings.
"""

import json
from collections.abc import Mapping
from typing import Any

from tools.fakehosts.hosts.base import HandledRequest, SimulatedHost, respond_conditionally
from tools.fakehosts.project import Project, normalize_name
from tools.fakehosts.server import Request, Response

_SIMPLE = "application/vnd.pypi.simple.v1+json"
_CACHED = {"Cache-Control": "max-age=900, public"}
_NOT_FOUND = {"message": "Not Found"}


class Index(SimulatedHost):
    """The index; ``others`` is a number of further projects that only its root lists."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.projects: dict[str, Project] = {}
        self.serial = 30_000_000
        self._others = _list_serials({f"other-{place}": place + 1 for place in range(others)})
        self._root: tuple[int, bytes] = (0, b"")

    def next_serial(self) -> int:
        """Return the serial of the next change."""
        self.serial += 7
        return self.serial

    def handle(self, request: Request, now: float) -> HandledRequest:
        """Return the document of a project or release, or one of the Simple API."""
        parts = request.path.strip("/").split("/")
        base = "https://index.example"
        if parts == ["simple"]:
            return HandledRequest("root", self._list_projects(request))
        project = self.projects.get(normalize_name(parts[1])) if len(parts) > 1 else None
        kind = {"simple": "simple", "pypi": "project"}.get(parts[0], "other")
        kind = "release" if kind == "project" and len(parts) == 4 else kind
        packages = (project.package_id,) if project else ()
        if project is None or project.is_gone or kind == "other":
            return HandledRequest(kind, Response(404, {}, _NOT_FOUND), packages)
        headers = {**_CACHED, "X-PyPI-Last-Serial": str(project.serial)}
        body: Any
        if kind == "simple":
            headers["Content-Type"] = _SIMPLE
            body = project.build_simple_document(base)
        elif kind == "release":
            release = next(
                (candidate for candidate in project.releases if candidate.number == parts[2]), None
            )
            if release is None:
                return HandledRequest(kind, Response(404, {}, _NOT_FOUND), packages)
            body = project.build_release_document(release, base)
        elif parts[2:] == ["json"]:
            if request.headers.get("If-None-Match") == project.etag:
                return HandledRequest(
                    kind, Response(304, {"ETag": project.etag, **headers}), packages
                )
            body = project.build_document(base)
        else:
            return HandledRequest("other", Response(404, {}, _NOT_FOUND), packages)
        etag = project.etag.replace('"', f'"{kind[0]}', 1) if kind != "project" else project.etag
        return HandledRequest(
            kind, respond_conditionally(request, etag, lambda: (body, headers)), packages
        )

    def _list_projects(self, request: Request) -> Response:
        """Return the root: all projects with their serials."""
        if _SIMPLE not in request.headers.get("Accept", ""):
            return Response(200, {"Content-Type": "text/html"}, "<!DOCTYPE html><html></html>")
        if self._root[0] != self.serial:
            serials = {
                project.name: project.serial
                for project in self.projects.values()
                if not project.is_gone
            }
            self._root = (self.serial, build_root(serials, self.serial, self._others).encode())
        headers = {
            **_CACHED,
            "Content-Type": _SIMPLE,
            "X-PyPI-Last-Serial": str(self.serial),
        }
        return respond_conditionally(
            request, f'"root{self.serial}"', lambda: (self._root[1], headers)
        )


class Downloads(SimulatedHost):
    """The statistics, ``/api/packages/NAME/recent``; the figures change every week."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self._index = index

    def handle(self, request: Request, now: float) -> HandledRequest:
        """Return the downloads of the last day, week and month."""
        parts = request.path.strip("/").split("/")
        is_recent = parts[:2] == ["api", "packages"] and parts[3:] == ["recent"]
        project = self._index.projects.get(normalize_name(parts[2])) if is_recent else None
        if project is None or project.is_gone:
            packages = (project.package_id,) if project else ()
            return HandledRequest("downloads", Response(404, {}, {"message": "404"}), packages)
        month = project.get_monthly_downloads(get_week_number(now))
        data = {"last_day": month // 30, "last_month": month, "last_week": month // 4}
        body = {"data": data, "package": project.key, "type": "recent_downloads"}
        return HandledRequest("downloads", Response(200, {}, body), (project.package_id,))


def build_root(serials: Mapping[str, Any], serial: Any, others: str = "") -> str:
    """Return the root of the Simple API as JSON; ``others`` are further entries as JSON."""
    meta = json.dumps({"_last-serial": serial, "api-version": "1.4"})
    listed = ",".join(filter(None, (_list_serials(serials), others)))
    return f'{{"meta":{meta},"projects":[{listed}]}}'


def _list_serials(serials: Mapping[str, Any]) -> str:
    return ",".join(
        json.dumps({"_last-serial": serial, "name": name}) for name, serial in serials.items()
    )


def get_week_number(now: float) -> int:
    """Return the number of the week since the epoch."""
    return int(now) // (7 * 86_400)
