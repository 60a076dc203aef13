"""How a world goes on: pushes, stars, releases, and now and then something rarer."""

import random
from dataclasses import dataclass

from tools.fakehosts import builder
from tools.fakehosts.project import Project, Release
from tools.fakehosts.repository import BLOCKED, GONE, Repository

PUSH, FORCE, STAR, RENAME, ARCHIVE = "push", "force push", "star", "rename", "archive"
DELETE, BLOCK, ROLES = "delete", "block", "roles"
RELEASE, YANK = "release", "yank"
#: What happens to a repository or a project that changes, and how often.
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
    """What happened to which package on a day."""

    repositories: dict[int, str]
    projects: dict[int, str]


def change_repository(
    repository: Repository, what: str | None, rng: random.Random, since: int, now: int
) -> str:
    """Let something happen to a repository between two instants; what it was."""
    names, weights = zip(*_REPOSITORY_EVENT_WEIGHTS.items(), strict=True)
    what = what or rng.choices(names, weights)[0]
    if repository.archived and what in {PUSH, FORCE, ARCHIVE}:
        what = STAR
    if what == RENAME and repository.host in _HOSTS_WITHOUT_RENAMES:
        what = PUSH
    repository.version += 1
    repository.changed = now
    if what in {PUSH, FORCE}:
        _push(repository, rng, since, now, is_forced=what == FORCE)
    elif what == RENAME:
        repository.former.append(repository.path)
        repository.path = f"{repository.path}-{len(repository.former) + 1}"
    elif what == ARCHIVE:
        repository.archived = now
    elif what in {DELETE, BLOCK}:
        # Only GitHub tells what was taken down from what is not there.
        is_told = what == BLOCK and repository.host == builder.GITHUB
        repository.status = BLOCKED if is_told else GONE
    if what in {PUSH, FORCE, STAR}:
        repository.stars += rng.randrange(1, 5)
        repository.watchers += rng.randrange(2)
        repository.forks += rng.randrange(2)
    return what


def _push(
    repository: Repository, rng: random.Random, since: int, now: int, *, is_forced: bool
) -> None:
    if is_forced:
        repository.drop_commits(rng.randrange(1, 5))
    earliest = max(since, repository.last_commit or 0)
    commits = rng.randrange(1, 9)
    instants = sorted(rng.randint(min(earliest + 1, now), now) for _ in range(commits))
    # One in ten pushes has a commit by somebody new.
    people = repository.authors + (rng.random() < 0.1) or 1
    authors = [builder.choose_author(rng, people) for _ in instants]
    if people > repository.authors:
        authors[-1] = people - 1
    repository.push(instants, authors)
    repository.pushed = now


def change_project(
    project: Project, what: str | None, rng: random.Random, since: int, now: int, serial: int
) -> str:
    """The same of a project of the index; its serial goes up whatever it is."""
    names, weights = zip(*_PROJECT_EVENT_WEIGHTS.items(), strict=True)
    what = what or rng.choices(names, weights)[0]
    project.serial = serial
    if what == RELEASE:
        uploaded = rng.randint(min(since + 1, now), now)
        uploaded = max(uploaded, project.releases[-1].uploaded + 1)
        project.releases.append(Release(builder.format_version(len(project.releases)), uploaded))
    elif what == YANK:
        project.latest.is_yanked = True
    elif what == DELETE:
        project.is_gone = True
    return what
