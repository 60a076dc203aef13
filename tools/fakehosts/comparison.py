"""Compare the stored figures of packages with those that a perfect refresh would hold."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from chalicelib.catalog import repository as package_repository
from chalicelib.catalog.entities import Package
from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY
from chalicelib.storage import sources
from chalicelib.storage.refresh_models import SourceItem
from tools.fakehosts.builder import BITBUCKET, GITHUB, GITLAB, OTHER, OWN_GITLAB
from tools.fakehosts.hosts.github import MIN_TOO_LARGE_COMMITS
from tools.fakehosts.truth import Truth

if TYPE_CHECKING:
    from tools.fakehosts.world import World

#: Bitbucket reports neither totals nor which repositories are archived; a refresh counts commits
#: itself, on ten pages of 100.
_MAX_BITBUCKET_COMMITS = 1000


def find_differences(world: "World") -> list[str]:
    """Return a line for each stored figure that a perfect refresh would not have stored."""
    packages = package_repository.get_many(Package, world.packages)
    repositories = sources.get_sources(REPOSITORY, world.packages)
    projects = sources.get_sources(PROJECT, world.packages)
    differences = []
    for id in world.packages:
        truth, package = world.get_truth(id), packages[id].entity
        lines = [*_compare_repository(truth, package, repositories[id])]
        if truth.project is not None:
            lines += _compare_project(truth, package, projects[id])
        differences += [f"package {id} at {truth.host}: {line}" for line in lines]
    return differences


def _compare_repository(truth: Truth, package: Package, row: SourceItem) -> Iterator[str]:
    if truth.host == OTHER:
        yield from _compare("host", row.host, "unsupported")
        return
    if truth.status:
        yield from _compare("is gone", row.gone_since is not None, True)
        return
    is_github, is_gitlab = truth.host == GITHUB, truth.host in {GITLAB, OWN_GITLAB}
    yield from _compare("address", str(row.address).lower(), truth.address.lower())
    yield from _compare("stars", package.repo_watchers, truth.stars)
    yield from _compare("forks", package.repo_forks, truth.forks)
    yield from _compare("description", package.repo_description, truth.description)
    yield from _compare("last commit", package.last_commit_date, truth.last_commit)
    # GitLab's totals are sums over contributors, which leave merges out.
    commits = truth.plain_commits if is_gitlab else truth.commits
    if truth.host != BITBUCKET or commits <= _MAX_BITBUCKET_COMMITS:
        yield from _compare("commits", package.commit_count, commits)
    if truth.host != BITBUCKET:
        yield from _compare("is archived", bool(package.date_repo_archived), bool(truth.archived))
    yield from _compare_participants(truth, package, is_whole=is_github or is_gitlab)
    stored_weeks = (row.state or {}).get("weeks")
    if stored_weeks is None:
        yield f"weeks are missing: {row.state}, {row.reason}"
        return
    until = date.fromisoformat(stored_weeks["until"])
    weeks = truth.count_weekly_commits(until, is_with_merges=not is_github)
    yield from _compare("weeks", package.commits_over_52w, weeks)


def _compare_participants(truth: Truth, package: Package, *, is_whole: bool) -> Iterator[str]:
    """Compare participants: all of them where the host lists contributors (``is_whole``).

    Elsewhere the stored ones are counted from the commits that were read, and stay after history
    was rewritten, so they have to be some of all authors so far. Repositories whose contributors
    are too many to list are not compared.
    """
    participants = set(filter(None, str(package.participants).split(",")))
    if truth.repository.total > MIN_TOO_LARGE_COMMITS:
        return
    if is_whole:
        expected = truth.participants if truth.host == GITHUB else truth.names
        yield from _compare("people", participants, set(map(_normalize_participant, expected)))
        return
    repository = truth.repository
    names = {
        call(author)
        for author in range(repository.authors)
        for call in (repository.get_author_name, repository.get_login)
    }
    if not participants <= set(map(_normalize_participant, names)) or bool(participants) != bool(
        names
    ):
        yield f"people are {participants}, not some of {names}"


def _normalize_participant(name: str) -> str:
    """Return a name as ``participants`` has it, where commas separate names."""
    return " ".join(name.replace(",", " ").split())


def _compare_project(truth: Truth, package: Package, row: SourceItem) -> Iterator[str]:
    project = truth.project
    assert project is not None
    if project.is_gone:
        yield from _compare("project is gone", row.gone_since is not None, True)
        return
    yield from _compare("version", package.pypi_version, project.version)
    yield from _compare("released", package.last_released, project.released)
    yield from _compare("python", package.pypi_requires_python, project.requires_python)
    yield from _compare("classifiers", package.pypi_classifiers, project.classifiers)


def _compare(name: str, actual: Any, expected: Any) -> Iterator[str]:
    if actual != expected:
        yield f"{name} is {actual!r}, not {expected!r}"
