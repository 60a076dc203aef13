"""The world: its hosts on ports of loopback, its days, its truth, and what was asked of it."""

import random
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol

from chalicelib.catalog.entities import Category, Package
from tests.support import entities, fixtures
from tools.fakehosts import builder, events, faults, truth
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

#: The tokens that the hosts know, by host.
TOKENS: Mapping[str, str] = {
    builder.GITHUB: "github-token",
    builder.GITLAB: "gitlab-token",
    builder.BITBUCKET: "bitbucket-token",
}


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Now."""
        ...


class World:
    """A world of ``packages``, the same for the same seed, clock and days::

        with World(seed=1, packages=300, clock=time) as world:
            upstreams = settings.from_environment(world.get_environment()).upstreams
            ...
            time.advance(days=1)
            changes = world.advance(1)
            ...
        assert not world.violations

    ``shares`` are those of the hosts (``making.SHARES``); ``has_limits`` false lets every
    request pass; ``has_tokens`` false takes the tokens away, for the world and ``environment``;
    ``index_others`` lists so many further projects in the index's root. ``faults`` may be set
    at any time. ``log`` counts requests.
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
        #: Mistakes of the world itself: what should have been answered was 500.
        self.errors: list[str] = []
        self.tokens = dict(TOKENS) if has_tokens else {}
        self._clock = clock
        self._has_limits = has_limits
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._counting = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self.index = Index(index_others)
        self.hosts = self._hosts()
        self.urls: dict[str, str] = {}
        self.packages: dict[int, builder.SimulatedPackage] = {}
        self.repositories: dict[int, Repository] = {}
        self.projects: dict[int, Project] = {}
        self._make(packages, shares)
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
        """Serve one host; its base URL is in ``urls``."""

        def answering(request: Request) -> Response:
            return self._answer(name, request)

        self.urls[name] = self._stack.enter_context(Server(answering, port)).url

    @property
    def now(self) -> float:
        """Now, in seconds since the epoch."""
        return self._clock.now().timestamp()

    @property
    def violations(self) -> list[Violation]:
        """Requests past a limit, injected ones not among them."""
        return self.log.violations

    def get_environment(self) -> dict[str, str]:
        """The variables that lead a refresh to this world."""
        own = (
            f"git.forge.example=forgejo@{self.urls[builder.FORGEJO]},"
            f"gitlab.forge.example=gitlab@{self.urls[builder.OWN_GITLAB]}"
        )
        found = {
            "GITHUB_API_URL": self.urls[builder.GITHUB],
            "GITLAB_API_URL": self.urls[builder.GITLAB],
            "BITBUCKET_API_URL": self.urls[builder.BITBUCKET],
            "CODEBERG_API_URL": self.urls[builder.CODEBERG],
            "PACKAGE_INDEX_URL": self.urls[builder.INDEX],
            "DOWNLOADS_URL": self.urls[builder.DOWNLOADS],
            "SELF_HOSTED": own,
        }
        return found | {f"{host.upper()}_TOKEN": token for host, token in self.tokens.items()}

    def build_entities(self) -> list[Category | Package]:
        """The entities of a catalogue that knows nothing of its packages yet."""
        found: list[Category | Package] = [entities.category(1)]
        for made in self.packages.values():
            values: dict[str, Any] = {"title": made.name, "slug": made.name}
            values |= {"repo_url": made.repo_url, "pypi_url": made.pypi_url}
            found.append(entities.package(made.id, **values))
        return found

    def build_records(self) -> list[fixtures.Json]:
        """The same as records of a fixture file."""
        found = [fixtures.category(1)]
        for made in self.packages.values():
            values = {"title": made.name, "slug": made.name, "category": 1}
            values |= {"repo_url": made.repo_url, "pypi_url": made.pypi_url}
            found.append(fixtures.package(made.id, **values))
        return found

    def advance(
        self, day: int, repositories: float = 0.03, projects: float = 0.04
    ) -> events.Changes:
        """Let things happen between the last change and now; ``day`` is part of the seed.

        A share of repositories and projects changes, at least one of each unless it is 0.
        """
        rng = random.Random(f"{self.seed}/day/{day}")
        with self._lock:
            since, now = self._changed_at, int(self.now)
            changes = events.Changes({}, {})
            alive = [found for found in self.repositories.values() if self._may_change(found)]
            for repository in _sample(rng, alive, repositories):
                changes.repositories[repository.package_id] = self._change(
                    repository, None, rng, since, now
                )
            known = [found for found in self.projects.values() if not found.is_gone]
            for project in _sample(rng, known, projects):
                serial = self.index.next_serial()
                what = events.change_project(project, None, rng, since, now, serial)
                changes.projects[project.package_id] = what
            self._changed_at = now
        return changes

    def trigger(self, package: int, what: str) -> None:
        """Let one thing happen to a package now: any of the constants of ``events``."""
        rng = random.Random(f"{self.seed}/{package}/{what}/{self.now}")
        since, now = self._changed_at, int(self.now)
        with self._lock:
            if what in {events.RELEASE, events.YANK, events.ROLES}:
                serial = self.index.next_serial()
                project = self.projects[package]
                events.change_project(project, what, rng, since, now, serial)
            else:
                self._change(self.repositories[package], what, rng, since, now)

    def get_truth(self, package: int, now: datetime | None = None) -> truth.Truth:
        """What a perfect refresh would hold of a package; ``now`` only dates weeks."""
        with self._lock:
            at = now or self._clock.now()
            return truth.build_truth(self.repositories[package], self.projects.get(package), at)

    def get_original_requests(self, package: int) -> OriginalRequests:
        """What the original would ask for a package."""
        return count_original_requests(len(self.repositories[package].rank_contributors()))

    def _hosts(self) -> dict[str, SimulatedHost]:
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

    def _make(self, packages: int, shares: Mapping[str, float]) -> None:
        now = int(self.now)
        chosen = builder.choose_hosts(packages, shares, random.Random(f"{self.seed}/hosts"))
        is_heavy_made = False
        for id, host in enumerate(chosen, start=1):
            made, repository, project, may_be_heavy = builder.build_package(id, host, self.seed)
            builder.add_history(repository, self.seed, now)
            if host == builder.GITHUB and may_be_heavy and repository.total and not is_heavy_made:
                # One of the size of a kernel: its totals take long, its authors are not listed.
                repository.older, is_heavy_made = MIN_TOO_LARGE_COMMITS + 100_000, True
            self.packages[id] = made
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
        self, repository: Repository, what: str | None, rng: random.Random, since: int, now: int
    ) -> str:
        done = events.change_repository(repository, what, rng, since, now)
        if done == events.RENAME:
            self.hosts[repository.host].repositories.add(repository)
        return done

    def _answer(self, name: str, request: Request) -> Response:
        # Who waits for the lock is under way too.
        with self._counting:
            self._under_way[name] += 1
        try:
            with self._lock:
                return self._within(name, request)
        except Exception as error:
            self.errors.append(f"{name}: {request.method} {request.target}: {error!r}")
            raise
        finally:
            with self._counting:
                self._under_way[name] -= 1

    def _within(self, name: str, request: Request) -> Response:
        host, now = self.hosts[name], self.now
        if request.path == faults.LOOP_PATH:
            self.log.add_request(name, "loop", 302, ())
            return faults.build_redirect_loop()
        refusal = (
            host.check_limits(request, now, self._under_way[name]) if self._has_limits else None
        )
        if refusal is not None:
            when = datetime.fromtimestamp(now, UTC)
            self.log.violations.append(Violation(name, refusal.what, when))
            served = HandledRequest("refused", refusal.answer)
        else:
            served = host.handle(request, now)
        served = host.add_limit_headers(request, served, now)
        kind = self.faults.draw() if self.faults and refusal is None else None
        answer = served.answer
        if kind and self.faults:
            answer = self.faults.answer(kind, now, answer)
            self.log.faults[kind] += 1
        status = 0 if answer.fault else answer.status
        self.log.add_request(name, served.kind, status, served.packages)
        return answer


def _sample(rng: random.Random, things: list[Any], share: float) -> list[Any]:
    count = min(len(things), max(1, round(share * len(things))) if share else 0)
    return rng.sample(things, count)
