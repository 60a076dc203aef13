"""Events that change a simulated world: pushes, stars, releases, and some that are rarer."""

import random
from dataclasses import dataclass

from tools.fakehosts import builder
from tools.fakehosts.project import Project, Release
from tools.fakehosts.repository import BLOCKED, GONE, Repository

PUSH, FORCE, STAR, RENAME, ARCHIVE = "push", "force push", "star", "rename", "archive"
DELETE, BLOCK, ROLES = "delete", "block", "roles"
RELEASE, YANK = "release", "yank"
#: Events of a repository or a project that changes -> relative frequency.
_REPOSITORY_EVENT_WEIGHTS = {
    PUSH: 84,
    STAR: 7,
    FORCE: 3,
    RENAME: 2,
    ARCHIVE: 2,
    DELETE: 1.5,
    BLOCK: 0.5,
}
_PROJECT_EVENT_WEIGHTS = {RELEASE: 80, ROLES: 13, YANK: 6, DELETE: 1}
_HOSTS_WITHOUT_RENAMES = {builder.BITBUCKET, builder.OTHER}


@dataclass(frozen=True, slots=True)
class Changes:
    """The event of each package that changed, by package id: its repository's, its project's."""

    repositories: dict[int, str]
    projects: dict[int, str]


def change_repository(
    repository: Repository, event: str | None, rng: random.Random, since: int, now: int
) -> str:
    """Let an event, a random one by default, change a repository; return the event.

    Commits are made between ``since`` and ``now``. An event that cannot happen to the repository
    is replaced: no push to an archived one, no rename on hosts without redirects.
    """
    names, weights = zip(*_REPOSITORY_EVENT_WEIGHTS.items(), strict=True)
    event = event or rng.choices(names, weights)[0]
    if repository.archived and event in {PUSH, FORCE, ARCHIVE}:
        event = STAR
    if event == RENAME and repository.host in _HOSTS_WITHOUT_RENAMES:
        event = PUSH
    repository.version += 1
    repository.changed = now
    if event in {PUSH, FORCE}:
        _push(repository, rng, since, now, is_forced=event == FORCE)
    elif event == RENAME:
        repository.former.append(repository.path)
        repository.path = f"{repository.path}-{len(repository.former) + 1}"
    elif event == ARCHIVE:
        repository.archived = now
    elif event in {DELETE, BLOCK}:
        # Only GitHub distinguishes repositories that were taken down from missing ones.
        is_reported = event == BLOCK and repository.host == builder.GITHUB
        repository.status = BLOCKED if is_reported else GONE
    if event in {PUSH, FORCE, STAR}:
        repository.stars += rng.randrange(1, 5)
        repository.watchers += rng.randrange(2)
        repository.forks += rng.randrange(2)
    return event


def _push(
    repository: Repository, rng: random.Random, since: int, now: int, *, is_forced: bool
) -> None:
    if is_forced:
        repository.drop_commits(rng.randrange(1, 5))
    earliest = max(since, repository.last_commit or 0)
    commits = rng.randrange(1, 9)
    instants = sorted(rng.randint(min(earliest + 1, now), now) for _ in range(commits))
    # One in ten pushes has a commit by a new author.
    author_count = repository.authors + (rng.random() < 0.1) or 1
    authors = [builder.choose_author(rng, author_count) for _ in instants]
    if author_count > repository.authors:
        authors[-1] = author_count - 1
    repository.push(instants, authors)
    repository.pushed = now


def change_project(
    project: Project, event: str | None, rng: random.Random, since: int, now: int, serial: int
) -> str:
    """Let an event, a random one by default, change a project of the index; return the event.

    Every event gives the project the new ``serial``.
    """
    names, weights = zip(*_PROJECT_EVENT_WEIGHTS.items(), strict=True)
    event = event or rng.choices(names, weights)[0]
    project.serial = serial
    if event == RELEASE:
        uploaded = rng.randint(min(since + 1, now), now)
        uploaded = max(uploaded, project.releases[-1].uploaded + 1)
        project.releases.append(Release(builder.format_version(len(project.releases)), uploaded))
    elif event == YANK:
        project.latest.is_yanked = True
    elif event == DELETE:
        project.is_gone = True
    return event
