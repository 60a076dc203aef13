"""What a refresh cost some packages of a world, in requests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tools.fakehosts import World
from tools.fakehosts.builder import GITHUB, GITLAB, INDEX

#: Those that are asked about many packages at once.
TOGETHER = (GITHUB, GITLAB, INDEX)


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests about some packages; ``hosts``: those to each, and how many have a source there.

    What is about no package in particular (the index's root) is shared by all of the world.
    """

    packages: int
    hosts: Mapping[str, tuple[float, int]]

    @property
    def each(self) -> float:
        """Requests a package."""
        return sum(requests for requests, _ in self.hosts.values()) / self.packages

    @property
    def together(self) -> float:
        """Requests a package to the hosts of ``TOGETHER``."""
        return sum(self.hosts[host][0] for host in TOGETHER) / self.packages

    @property
    def elsewhere(self) -> float:
        """The most requests a package that any other host was sent."""
        return max(
            requests / sources
            for host, (requests, sources) in self.hosts.items()
            if host not in TOGETHER and sources
        )


def cost(world: World, packages: Collection[int]) -> Cost:
    """What the world counted since it forgot."""
    shares = world.log.count_by_host(packages)
    hosts = {}
    for host in world.hosts:
        common = world.log.common[host] * len(packages) / len(world.packages)
        sources = sum(1 for package in packages if _has(world, package, host))
        hosts[host] = shares.get(host, 0.0) + common, sources
    return Cost(len(packages), hosts)


def _has(world: World, package: int, host: str) -> bool:
    if host == INDEX:
        return package in world.projects
    return world.repositories[package].host == host
