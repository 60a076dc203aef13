"""What is stored against the truth."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from chalicelib.catalog import repository
from chalicelib.catalog.entities import Package
from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY
from chalicelib.storage import sources
from chalicelib.storage.refresh_models import SourceItem
from tools.fakehosts.builder import BITBUCKET, GITHUB, GITLAB, OTHER, OWN_GITLAB
from tools.fakehosts.hosts.github import MIN_TOO_LARGE_COMMITS
from tools.fakehosts.truth import Truth

if TYPE_CHECKING:
    from tools.fakehosts.world import World

#: Bitbucket tells neither what is archived nor totals; ten pages of commits are read.
_MAX_BITBUCKET_COMMITS = 1000


def find_differences(world: "World") -> list[str]:
    """Every figure that is stored and is not what a perfect refresh would hold, in words."""
    packages = repository.get_many(Package, world.packages)
    repositories = sources.get_sources(REPOSITORY, world.packages)
    projects = sources.get_sources(PROJECT, world.packages)
    found = []
    for id in world.packages:
        truth, package = world.get_truth(id), packages[id].entity
        wrong = [*_compare_repository(truth, package, repositories[id])]
        if truth.project is not None:
            wrong += _compare_project(truth, package, projects[id])
        found += [f"package {id} at {truth.host}: {each}" for each in wrong]
    return found


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
    # GitLab's totals are sums over its contributors, whose merges do not count.
    commits = truth.plain_commits if is_gitlab else truth.commits
    if truth.host != BITBUCKET or commits <= _MAX_BITBUCKET_COMMITS:
        yield from _compare("commits", package.commit_count, commits)
    if truth.host != BITBUCKET:
        yield from _compare("is archived", bool(package.date_repo_archived), bool(truth.archived))
    yield from _compare_participants(truth, package, is_whole=is_github or is_gitlab)
    known = (row.state or {}).get("weeks")
    if known is None:
        yield f"weeks are not known: {row.state}, {row.reason}"
        return
    until = date.fromisoformat(known["until"])
    weeks = truth.count_weekly_commits(until, is_with_merges=not is_github)
    yield from _compare("weeks", package.commits_over_52w, weeks)


def _compare_participants(truth: Truth, package: Package, *, is_whole: bool) -> Iterator[str]:
    """Everyone where the host lists contributors, else some of all who ever committed.

    Nobody of a repository that is too large to list them.
    Those are counted from the commits that were read, and are not forgotten if history is
    rewritten.
    """
    people = set(filter(None, str(package.participants).split(",")))
    if truth.repository.total > MIN_TOO_LARGE_COMMITS:
        return
    if is_whole:
        should = truth.participants if truth.host == GITHUB else truth.names
        yield from _compare("people", people, set(map(_normalize_participant, should)))
        return
    of = truth.repository
    known = {
        call(author) for author in range(of.authors) for call in (of.get_author_name, of.get_login)
    }
    if not people <= set(map(_normalize_participant, known)) or bool(people) != bool(known):
        yield f"people are {people}, not some of {known}"


def _normalize_participant(name: str) -> str:
    """A name as participants are told, which are separated by commas."""
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


def _compare(name: str, is_: Any, should: Any) -> Iterator[str]:
    if is_ != should:
        yield f"{name} is {is_!r}, not {should!r}"
