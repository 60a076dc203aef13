"""The modules of the hosts, asked about a whole world, bring its truth."""

from collections import defaultdict

from chalicelib import settings
from chalicelib.catalog.entities import Package
from chalicelib.refresh.fetch_result import REPOSITORY, Figures, Source
from chalicelib.refresh.hosts import registry
from tests.support.upstream.asking import FakeTime, asked
from tools.fakehosts import World, events


def test_every_host_reads_what_the_world_has(world: World, time: FakeTime, tables: None) -> None:
    upstreams = settings.from_environment(world.get_environment()).upstreams
    hosts = registry.build_hosts(upstreams, upstreams.tokens)
    sources: dict[str, list[Source]] = defaultdict(list)
    for package in world.build_entities():
        if isinstance(package, Package) and (place := registry.locate(package.repo_url, upstreams)):
            sources[place[0]].append(Source(package, REPOSITORY, *place))
    assert len(sources) == 6
    gone = sources["gitlab"][0].package.id
    world.trigger(gone, events.DELETE)
    for name, found in sources.items():
        size = hosts[name].policy.batch
        for batch in _batches(found, size):
            for identifier, outcome in asked(hosts[name], batch, time.context()).outcomes.items():
                truth = world.get_truth(identifier)
                if identifier == gone:
                    assert type(outcome).__name__ == "Gone"
                    continue
                assert isinstance(outcome, Figures), outcome
                assert outcome.values["repo_watchers"] == truth.stars
                assert outcome.values["repo_forks"] == truth.forks
                assert outcome.values["last_commit_date"] == truth.last_commit
                assert outcome.values["commit_count"] in {truth.commits, truth.plain_commits}
            time.advance(minutes=10)
    assert not world.violations


def _batches(found: list[Source], size: int) -> list[list[Source]]:
    return [found[start : start + size] for start in range(0, len(found), size)]
