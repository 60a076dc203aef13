"""Build the packages of a world: repositories and projects, distributed as in a real directory."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tools.fakehosts.project import Project, Release, normalize_name
from tools.fakehosts.repository import Repository

GITHUB, GITLAB, BITBUCKET, CODEBERG = "github", "gitlab", "bitbucket", "codeberg"
FORGEJO, OWN_GITLAB, OTHER = "forgejo", "own-gitlab", "other"
INDEX, DOWNLOADS = "index", "downloads"
#: Host -> its share of the repositories.
SHARES: Mapping[str, float] = {
    GITHUB: 0.85,
    GITLAB: 0.07,
    BITBUCKET: 0.02,
    CODEBERG: 0.02,
    FORGEJO: 0.005,
    OWN_GITLAB: 0.005,
    OTHER: 0.03,
}
#: Host -> the URL of its web site.
SITES: Mapping[str, str] = {
    GITHUB: "https://github.com",
    GITLAB: "https://gitlab.com",
    BITBUCKET: "https://bitbucket.org",
    CODEBERG: "https://codeberg.org",
    FORGEJO: "https://git.forge.example",
    OWN_GITLAB: "https://gitlab.forge.example",
    OTHER: "https://launchpad.net",
}
DAY, YEAR = 86_400, 365 * 86_400
#: The share of packages with a project on the index.
_PROJECT_SHARE = 0.93
_WORDS = ("auth", "cache", "forms", "tags", "audit", "filter", "queue", "admin", "rest", "htmx")


@dataclass(frozen=True, slots=True)
class SimulatedPackage:
    """A package as the catalogue has it; ``pypi_url`` is empty without a project."""

    id: int
    name: str
    repo_url: str
    pypi_url: str


def choose_hosts(packages: int, shares: Mapping[str, float], rng: random.Random) -> list[str]:
    """Choose the host of each package; each host gets at least one if there are enough."""
    total = sum(shares.values())
    chosen: list[str] = []
    for host, share in sorted(shares.items(), key=lambda item: item[1]):
        count = round(packages * share / total) or 1
        chosen += [host] * min(count, packages - len(chosen))
    largest = max(shares, key=lambda host: shares[host])
    chosen += [largest] * (packages - len(chosen))
    rng.shuffle(chosen)
    return chosen


def build_package(
    id: int, host: str, seed: int
) -> tuple[SimulatedPackage, Repository, Project | None, bool]:
    """Return a package, its repository, its project, and whether it has very many authors."""
    rng = random.Random(f"{seed}/package/{id}")
    name = f"django-{rng.choice(_WORDS)}-{id}"
    owner = f"owner-{rng.randrange(997)}"
    path = f"{owner}/group/{name}" if host == GITLAB and id % 3 == 0 else f"{owner}/{name}"
    url = f"{SITES[host]}/{path}"
    # As people write URLs: some with the suffix of a clone URL, or a slash at the end.
    url += rng.choices(("", ".git", "/"), (95, 2, 3))[0] if host != OTHER else ""
    project_name, pypi_url = "", ""
    if rng.random() < _PROJECT_SHARE:
        project_name = name.replace("-", "_").title() if rng.random() < 0.1 else name
        pypi_url = f"http://pypi.python.org/pypi/{project_name}"
    return SimulatedPackage(id, name, url, pypi_url), *_build_sources(
        id, host, path, project_name, rng
    )


def _build_sources(
    id: int, host: str, path: str, project: str, rng: random.Random
) -> tuple[Repository, Project | None, bool]:
    authors = min(900, max(1, round(rng.lognormvariate(1.6, 1.45))))
    popular = rng.lognormvariate(3.5, 1.8)
    repository = Repository(
        id=1_000_000 + id * 7,
        package_id=id,
        host=host,
        path=path,
        description=f"The {id}th way to do it in Django" if rng.random() < 0.95 else "",
        stars=int(popular),
        forks=int(popular / rng.uniform(3, 12)),
        watchers=int(popular / 20) + 1,
        created=0,
        authors=authors,
        older=authors + int(authors * rng.uniform(2, 25)),
        older_until=0,
    )
    index_project = _build_project(id, project, rng) if project else None
    return repository, index_project, authors > 300


def add_history(repository: Repository, seed: int, now: int) -> None:
    """Add commits to a repository; about half of all get none in the last year."""
    rng = random.Random(f"{seed}/past/{repository.package_id}")
    is_active = rng.random() < 0.5
    gap = rng.uniform(1.1, 1.6) if is_active else rng.uniform(1.1, 9)
    repository.older_until = now - int(gap * YEAR)
    repository.created = repository.older_until - int(rng.uniform(0.2, 8) * YEAR)
    repository.pushed = repository.changed = now - rng.randrange(1, 300) * DAY
    if rng.random() < 0.003:
        repository.older = repository.authors = 0
    elif is_active:
        commits = min(3000, max(1, round(rng.lognormvariate(3.2, 1.3))))
        instants = sorted(now - rng.randrange(DAY // 2, YEAR - DAY) for _ in range(commits))
        authors = [choose_author(rng, repository.authors) for _ in instants]
        repository.push(instants, authors)
        repository.pushes = 0
    elif rng.random() < 0.15:
        repository.archived = now - rng.randrange(10, 390) * DAY


def choose_author(rng: random.Random, authors: int) -> int:
    """Choose the author of a commit; those with most commits are the likeliest."""
    return int(authors * rng.random() ** 3)


def _build_project(id: int, name: str, rng: random.Random) -> Project:
    project = Project(package_id=id, name=name, kind=rng.randrange(1, 100_000), serial=0)
    count = min(40, max(1, round(rng.lognormvariate(1.9, 0.8))))
    project.releases = [Release(format_version(place), 0) for place in range(count)]
    if count > 3 and rng.random() < 0.05:
        project.releases[-1].is_yanked = True
    assert normalize_name(name) == project.key
    return project


def date_releases(project: Project, seed: int, now: int) -> None:
    """Spread a project's releases over the years before now."""
    rng = random.Random(f"{seed}/releases/{project.package_id}")
    last = now - rng.randrange(1, 6 * 365) * DAY
    for place, release in enumerate(reversed(project.releases)):
        release.uploaded = last - place * rng.randrange(20, 60) * DAY - rng.randrange(DAY)
    project.releases.sort(key=lambda release: release.uploaded)
    for place, release in enumerate(project.releases):
        release.number = format_version(place)


def format_version(position: int) -> str:
    """Return the version of the n-th release."""
    return f"{position // 10}.{position % 10}"
