"""The simulated world: hosts on ports of loopback, their packages, and a log of all requests."""

import random
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from chalicelib.catalog.entities import Category, Package
from tools.fakehosts import builder, catalogue, events, faults, truth
from tools.fakehosts.clocks import Clock
from tools.fakehosts.hosts.base import HandledRequest, SimulatedHost
from tools.fakehosts.hosts.bitbucket import Bitbucket
from tools.fakehosts.hosts.forgejo import Forgejo
from tools.fakehosts.hosts.github import MIN_TOO_LARGE_COMMITS, GitHub
from tools.fakehosts.hosts.github_graphql import GraphQL
from tools.fakehosts.hosts.gitlab import GitLab
from tools.fakehosts.hosts.index import Downloads, Index
from tools.fakehosts.project import Project
from tools.fakehosts.repository import Repository
from tools.fakehosts.request_log import (
    OriginalRequests,
    RequestLog,
    Violation,
    count_original_requests,
)
from tools.fakehosts.server import Request, Response, Server

#: The tokens that the hosts accept, by host.
TOKENS: Mapping[str, str] = {
    builder.GITHUB: "github-token",
    builder.GITLAB: "gitlab-token",
    builder.BITBUCKET: "bitbucket-token",
}


class World:
    """Simulated hosts with a number of packages; equal for equal seeds, clocks and days::

        with World(seed=1, packages=300, clock=time) as world:
            upstreams = settings.from_environment(world.get_environment()).upstreams
            ...
            time.advance(days=1)
            changes = world.advance(day=1)
            ...
        assert not world.violations

    ``shares`` is each host's share of the packages. Without ``has_limits`` every request passes.
    Without ``has_tokens`` the hosts accept no token, and ``get_environment`` names none.
    ``index_others`` is a number of further projects that the index lists. ``faults`` may be set
    at any time. ``log`` counts requests, ``urls`` has the base URL of each host.
    """

    def __init__(
        self,
        seed: int,
        packages: int,
        clock: Clock,
        *,
        shares: Mapping[str, float] = builder.SHARES,
        has_limits: bool = True,
        has_tokens: bool = True,
        index_others: int = 0,
    ) -> None:
        self.seed = seed
        self.faults: faults.Faults | None = None
        self.log = RequestLog()
        #: Errors of the simulation itself; the client got a 500.
        self.errors: list[str] = []
        self.tokens = dict(TOKENS) if has_tokens else {}
        self._clock = clock
        self._has_limits = has_limits
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._open_requests_lock = threading.Lock()
        self._open_requests: Counter[str] = Counter()
        self.index = Index(index_others)
        self.hosts = self._build_hosts()
        self.urls: dict[str, str] = {}
        self.packages: dict[int, builder.SimulatedPackage] = {}
        self.repositories: dict[int, Repository] = {}
        self.projects: dict[int, Project] = {}
        self._build_packages(packages, shares)
        self._changed_at = int(self.now)

    def __enter__(self) -> "World":
        for name in self.hosts:
            self.serve(name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        assert not self.errors, self.errors

    def serve(self, name: str, port: int = 0) -> None:
        """Serve one host on a port, a free one by default; its base URL is in ``urls``."""

        def handle(request: Request) -> Response:
            return self._handle(name, request)

        self.urls[name] = self._stack.enter_context(Server(handle, port)).url

    @property
    def now(self) -> float:
        """The current instant, in seconds since the epoch."""
        return self._clock.now().timestamp()

    @property
    def violations(self) -> list[Violation]:
        """Requests past a rate limit, without those that a fault answered as such."""
        return self.log.violations

    def get_environment(self) -> dict[str, str]:
        """Return the environment variables that make a refresh use these hosts."""
        self_hosted = (
            f"git.forge.example=forgejo@{self.urls[builder.FORGEJO]},"
            f"gitlab.forge.example=gitlab@{self.urls[builder.OWN_GITLAB]}"
        )
        variables = {
            "GITHUB_API_URL": self.urls[builder.GITHUB],
            "GITLAB_API_URL": self.urls[builder.GITLAB],
            "BITBUCKET_API_URL": self.urls[builder.BITBUCKET],
            "CODEBERG_API_URL": self.urls[builder.CODEBERG],
            "PACKAGE_INDEX_URL": self.urls[builder.INDEX],
            "DOWNLOADS_URL": self.urls[builder.DOWNLOADS],
            "SELF_HOSTED": self_hosted,
        }
        return variables | {f"{host.upper()}_TOKEN": token for host, token in self.tokens.items()}

    def build_entities(self) -> list[Category | Package]:
        """Return the world's catalogue as entities, without figures."""
        return catalogue.build_entities(self.packages.values())

    def build_records(self) -> list[catalogue.Record]:
        """Return the world's catalogue as the records of a fixture file, without figures."""
        return catalogue.build_records(self.packages.values())

    def advance(
        self, day: int, repositories: float = 0.03, projects: float = 0.04
    ) -> events.Changes:
        """Change packages, at instants between the last change and now; return the changes.

        ``day`` is part of the seed. ``repositories`` and ``projects`` are the shares that change;
        at least one of each does unless its share is 0.
        """
        rng = random.Random(f"{self.seed}/day/{day}")
        with self._lock:
            since, now = self._changed_at, int(self.now)
            changes = events.Changes({}, {})
            changeable = [each for each in self.repositories.values() if self._may_change(each)]
            for repository in _sample(rng, changeable, repositories):
                changes.repositories[repository.package_id] = self._change(
                    repository, None, rng, since, now
                )
            remaining = [project for project in self.projects.values() if not project.is_gone]
            for project in _sample(rng, remaining, projects):
                serial = self.index.next_serial()
                event = events.change_project(project, None, rng, since, now, serial)
                changes.projects[project.package_id] = event
            self._changed_at = now
        return changes

    def trigger(self, package: int, event: str) -> None:
        """Let an event, one of the constants of ``events``, happen to a package now."""
        rng = random.Random(f"{self.seed}/{package}/{event}/{self.now}")
        since, now = self._changed_at, int(self.now)
        with self._lock:
            if event in {events.RELEASE, events.YANK, events.ROLES}:
                serial = self.index.next_serial()
                project = self.projects[package]
                events.change_project(project, event, rng, since, now, serial)
            else:
                self._change(self.repositories[package], event, rng, since, now)

    def get_truth(self, package: int, now: datetime | None = None) -> truth.Truth:
        """Return the figures that a perfect refresh would store; ``now`` only dates the weeks."""
        with self._lock:
            at = now or self._clock.now()
            return truth.build_truth(self.repositories[package], self.projects.get(package), at)

    def get_original_requests(self, package: int) -> OriginalRequests:
        """Count the requests that the original's updater would send for a package."""
        return count_original_requests(len(self.repositories[package].rank_contributors()))

    def _build_hosts(self) -> dict[str, SimulatedHost]:
        def tokens(host: str) -> frozenset[str]:
            return frozenset({self.tokens[host]} if host in self.tokens else ())

        sites = builder.SITES
        return {
            builder.GITHUB: GitHub(tokens(builder.GITHUB), GraphQL()),
            builder.GITLAB: GitLab(sites[builder.GITLAB], tokens(builder.GITLAB), has_limits=True),
            builder.BITBUCKET: Bitbucket(tokens(builder.BITBUCKET)),
            builder.CODEBERG: Forgejo(sites[builder.CODEBERG], has_limits=True),
            builder.FORGEJO: Forgejo(sites[builder.FORGEJO], has_limits=False),
            builder.OWN_GITLAB: GitLab(sites[builder.OWN_GITLAB], frozenset(), has_limits=False),
            builder.INDEX: self.index,
            builder.DOWNLOADS: Downloads(self.index),
        }

    def _build_packages(self, packages: int, shares: Mapping[str, float]) -> None:
        now = int(self.now)
        host_names = builder.choose_hosts(packages, shares, random.Random(f"{self.seed}/hosts"))
        has_heavy = False
        for id, host in enumerate(host_names, start=1):
            package, repository, project, may_be_heavy = builder.build_package(id, host, self.seed)
            builder.add_history(repository, self.seed, now)
            if host == builder.GITHUB and may_be_heavy and repository.total and not has_heavy:
                # One repository is as large as the Linux kernel's: GitHub takes long to count its
                # commits and does not list its contributors.
                repository.older, has_heavy = MIN_TOO_LARGE_COMMITS + 100_000, True
            self.packages[id] = package
            self.repositories[id] = repository
            if host in self.hosts:
                self.hosts[host].repositories.add(repository)
            if project:
                builder.date_releases(project, self.seed, now)
                project.serial = self.index.next_serial()
                self.projects[id] = project
                self.index.projects[project.key] = project

    def _may_change(self, repository: Repository) -> bool:
        return not repository.status and repository.host in self.hosts

    def _change(
        self, repository: Repository, event: str | None, rng: random.Random, since: int, now: int
    ) -> str:
        event = events.change_repository(repository, event, rng, since, now)
        if event == events.RENAME:
            self.hosts[repository.host].repositories.add(repository)
        return event

    def _handle(self, name: str, request: Request) -> Response:
        # A request that waits for the lock counts as open, too.
        with self._open_requests_lock:
            self._open_requests[name] += 1
        try:
            with self._lock:
                return self._handle_locked(name, request)
        except Exception as error:
            self.errors.append(f"{name}: {request.method} {request.target}: {error!r}")
            raise
        finally:
            with self._open_requests_lock:
                self._open_requests[name] -= 1

    def _handle_locked(self, name: str, request: Request) -> Response:
        host, now = self.hosts[name], self.now
        if request.path == faults.LOOP_PATH:
            self.log.add_request(name, "loop", 302, ())
            return faults.build_redirect_loop()
        refusal = (
            host.check_limits(request, now, self._open_requests[name]) if self._has_limits else None
        )
        if refusal is not None:
            at = datetime.fromtimestamp(now, UTC)
            self.log.violations.append(Violation(name, refusal.limit, at))
            handled = HandledRequest("refused", refusal.response)
        else:
            handled = host.handle(request, now)
        handled = host.add_limit_headers(request, handled, now)
        kind = self.faults.draw() if self.faults and refusal is None else None
        response = handled.response
        if kind and self.faults:
            response = self.faults.build_response(kind, now, response)
            self.log.faults[kind] += 1
        status = 0 if response.fault else response.status
        self.log.add_request(name, handled.kind, status, handled.packages)
        return response


def _sample(rng: random.Random, items: list[Any], share: float) -> list[Any]:
    count = min(len(items), max(1, round(share * len(items))) if share else 0)
    return rng.sample(items, count)
