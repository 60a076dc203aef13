"""The simulated world: the same for the same seed; what changes, and what is counted."""

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import requests

from chalicelib.catalog.entities import Package
from tests.support.upstream.asking import FakeTime
from tests.support.upstream.visiting import REPOSITORIES, Asking, aliases
from tools.fakehosts import World, builder, count_original_requests, events


def _figures(world: World) -> list[Any]:
    """All truth, without what knows of the whole repository."""
    found: list[Any] = []
    for package in world.packages:
        truth = world.get_truth(package)
        found += [
            truth.head,
            truth.stars,
            truth.status,
            truth.address,
            truth.count_weekly_commits(),
        ]
        found += [truth.participants, truth.commits, truth.project]
    return found


def test_the_same_seed_and_days_make_the_same_world() -> None:
    def figures(seed: int) -> list[Any]:
        time = FakeTime()
        world = World(seed, 150, time)
        for day in range(1, 8):
            time.advance(days=1)
            world.advance(day)
        return [*_figures(world), world.build_entities()]

    assert figures(1) == figures(1)
    assert figures(1) != figures(2)


def test_hosts_and_activity_are_distributed_as_in_a_directory(time: FakeTime) -> None:
    world = World(1, 2000, time)
    found = list(world.repositories.values())
    hosts = Counter(repository.host for repository in found)
    assert hosts[builder.GITHUB] == 1700
    assert hosts[builder.GITLAB] == 140
    assert set(hosts) == set(builder.SHARES)
    quiet = sum(
        not any(world.get_truth(package).count_weekly_commits()) for package in world.packages
    )
    assert 0.45 < quiet / 2000 < 0.58
    authors = sorted(len(repository.rank_contributors()) for repository in found)
    assert authors[1800] <= 40
    assert 5 < sum(count > 100 for count in authors) < 100
    assert 0.9 < len(world.projects) / 2000 < 0.96


def test_the_catalogue_knows_where_packages_are_and_no_figures(world: World) -> None:
    category, *packages = world.build_entities()
    assert category.id == 1
    assert len(packages) == 240
    for package in packages:
        assert isinstance(package, Package)
        assert package.repo_watchers == 0
        truth = world.get_truth(package.id)
        assert package.repo_url and package.repo_url.startswith(builder.SITES[truth.host])
        assert truth.address in package.repo_url
        known = package.pypi_url and package.pypi_url.rpartition("/")[2]
        assert known == (truth.project.name if truth.project else "")


def test_a_day_changes_its_share_between_the_days_before_and_now(
    world: World, time: FakeTime
) -> None:
    before = {package: world.get_truth(package) for package in world.packages}
    heads = {package: truth.head for package, truth in before.items()}
    time.advance(days=1)
    changes = world.advance(1, repositories=0.1, projects=0.1)
    assert len(changes.repositories) == 23 or len(changes.repositories) == 24
    for package in world.packages:
        truth = world.get_truth(package)
        what = changes.repositories.get(package)
        is_pushed = what in {events.PUSH, events.FORCE}
        assert (truth.head != heads[package]) == is_pushed
        if is_pushed:
            assert truth.last_commit is not None
            assert before[package].at <= truth.last_commit <= time.now()
        project, known = truth.project, before[package].project
        assert (project != known) == (package in changes.projects)


def test_requests_are_counted_by_host_and_shared_out_to_packages(world: World) -> None:
    first, second = [
        found.package_id for found in world.repositories.values() if found.host == builder.GITHUB
    ][:2]
    github = Asking(world, builder.GITHUB)
    addresses = [world.get_truth(number).address for number in (first, second)]
    github.graphql(REPOSITORIES % aliases(addresses))
    github.get(f"/repos/{addresses[0]}")
    Asking(world, builder.INDEX).get("/simple/")
    assert world.log.count_by_host([first]) == {builder.GITHUB: 1.5}
    assert world.log.count_by_host([first, second]) == {builder.GITHUB: 2.0}
    assert world.log.common == {builder.INDEX: 1}
    assert world.log.counts[builder.GITHUB, "graphql", 200] == 1
    world.log.clear()
    assert world.log.total == 0


def test_the_original_needs_208_requests_for_100_contributors() -> None:
    assert count_original_requests(100).total == 208
    assert count_original_requests(100).others == 4
    assert count_original_requests(101).total == 2 * 101 + 7 + 2


def test_a_world_runs_as_a_process_under_control() -> None:
    command = [sys.executable, "-m", "tools.fakehosts", "--packages", "50"]
    command += ["--frozen", "2026-11-23T00:00:00+00:00"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        control = said["control"] + "/_world/"
        moved = requests.post(control + "clock?seconds=86400", timeout=10).json()
        changed = requests.post(control + "advance?day=1&repositories=0.1", timeout=10).json()
        truth = requests.get(control + "truth?package=1", timeout=10).json()
        requests.get(said["urls"]["index"] + "/simple/", timeout=10)
        counts = requests.get(control + "counts", timeout=10).json()
        process.communicate("")
    assert moved["now"] == "2026-11-24T00:00:00+00:00"
    assert len(changed["repositories"]) == 5
    assert truth["at"] == moved["now"]
    assert counts["counts"] == [["index", "root", 200, 1]]
    assert process.returncode == 0
