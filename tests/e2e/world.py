"""The simulated hosts with the repositories and projects of a catalogue, so that none is gone."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from chalicelib.refresh.hosts.index.project_names import get_project
from chalicelib.refresh.hosts.registry import locate
from chalicelib.settings import Upstreams
from tools.fakehosts import World, builder
from tools.fakehosts.project import Project, Release

Record = dict[str, Any]


class RealTime:
    """The clock on the wall: what is deployed has no other."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class CatalogueWorld(World):
    """A world made of the packages among a fixture's records; their figures are made up."""

    def __init__(self, records: list[Record]) -> None:
        self._packages = [one for one in records if one["model"] == "package.package"]
        super().__init__(seed=1, packages=len(self._packages), clock=RealTime())

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def parameters(self) -> dict[str, str]:
        """The parameters of a stack that lead its refresh here; tokens are not among them."""
        return {
            "GithubApiUrl": self.urls[builder.GITHUB],
            "GitlabApiUrl": self.urls[builder.GITLAB],
            "BitbucketApiUrl": self.urls[builder.BITBUCKET],
            "CodebergApiUrl": self.urls[builder.CODEBERG],
            "PackageIndexUrl": self.urls[builder.INDEX],
        }

    def asked(self) -> Iterator[int]:
        """The packages whose repository is asked for, where no other has the same one."""
        shared = Counter((one.host, one.path.lower()) for one in self.repositories.values())
        for id, one in self.repositories.items():
            if one.host != builder.OTHER and shared[one.host, one.path.lower()] == 1:
                yield id

    def version(self, id: int) -> str | None:
        """The newest release of a package's project; ``None`` if that is another one's, or none."""
        project = self.projects.get(id)
        if project is None or self.index.projects[project.key] is not project:
            return None
        return project.latest.number

    def _build_packages(self, packages: int, shares: Mapping[str, float]) -> None:
        now = int(self.now)
        for record in self._packages:
            id, fields = int(record["pk"]), record["fields"]
            host, path = locate(fields["repo_url"], Upstreams()) or (builder.OTHER, f"of/{id}")
            made, repository, _, _ = builder.build_package(id, host, self.seed)
            repository.path = path
            builder.add_history(repository, self.seed, now)
            self.packages[id], self.repositories[id] = made, repository
            if host in self.hosts:
                self.hosts[host].repositories.add(repository)
            if name := get_project(fields["pypi_url"]):
                self.projects[id] = self.index.projects[name] = self._project(id, name, now)

    def _project(self, id: int, name: str, now: int) -> Project:
        rng = random.Random(f"{self.seed}/project/{id}")
        serial = self.index.next_serial()
        project = Project(package_id=id, name=name, kind=rng.randrange(1, 100_000), serial=serial)
        count = rng.randrange(1, 12)
        project.releases = [Release(builder.format_version(place), 0) for place in range(count)]
        builder.date_releases(project, self.seed, now)
        return project
