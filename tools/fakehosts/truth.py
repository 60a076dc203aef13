"""The figures that a perfect refresh would store."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from tools.fakehosts.builder import BITBUCKET
from tools.fakehosts.hosts.index import get_week_number
from tools.fakehosts.project import Project
from tools.fakehosts.repository import Repository, get_date


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTruth:
    """The figures of a project of the index; ``version`` is the newest that is not yanked."""

    name: str
    serial: int
    version: str
    released: datetime
    requires_python: str | None
    classifiers: tuple[str, ...]
    licence: str | None
    downloads: int
    is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The figures of a package at an instant, ``at``.

    ``status`` is empty, ``gone`` or ``blocked``. ``stars`` are the watchers at Bitbucket, which has
    no stars. ``commits`` counts all commits, ``plain_commits`` those that are not merges (GitLab's
    sum over contributors). ``participants`` are the first 500 logins in GitHub's order, by commits;
    ``names`` are the names of all authors in the same order. ``project`` is ``None`` for a package
    without one.
    """

    host: str
    address: str
    status: str
    stars: int
    forks: int
    description: str
    head: str | None
    commits: int
    plain_commits: int
    last_commit: datetime | None
    participants: tuple[str, ...]
    names: tuple[str, ...]
    archived: datetime | None
    repository: Repository
    project: ProjectTruth | None
    at: datetime

    def count_weekly_commits(
        self, until: date | None = None, *, is_with_merges: bool = False
    ) -> tuple[int, ...]:
        """Return the commits of the 52 weeks that end at the start of a day, today by default.

        GitHub's participation leaves merges out. Weeks counted from commits include them, and
        their last week includes today, so it ends at the start of tomorrow.
        """
        until = until or get_date(self.at.timestamp())
        return self.repository.count_weekly_commits(until, is_with_merges=is_with_merges)


def build_truth(repository: Repository, project: Project | None, now: datetime) -> Truth:
    """Return the figures of a repository and its project, if any, as of ``now``."""
    ranked = [author for author, _ in repository.rank_contributors()]
    return Truth(
        host=repository.host,
        address=repository.path,
        status=repository.status,
        stars=repository.watchers if repository.host == BITBUCKET else repository.stars,
        forks=repository.forks,
        description=repository.description,
        head=repository.head,
        commits=repository.total,
        plain_commits=repository.plain,
        last_commit=_to_datetime(repository.last_commit),
        participants=tuple(repository.get_login(author) for author in ranked[:500]),
        names=tuple(repository.get_author_name(author) for author in ranked),
        archived=_to_datetime(repository.archived),
        repository=repository,
        project=_build_project_truth(project, now) if project else None,
        at=now,
    )


def _build_project_truth(project: Project, now: datetime) -> ProjectTruth:
    latest = project.latest
    licence, expression = project.licence
    # The index's document has the upload time of the wheel, with microseconds.
    released = datetime.fromtimestamp(latest.uploaded, UTC)
    return ProjectTruth(
        name=project.name,
        serial=project.serial,
        version=latest.number,
        released=released.replace(microsecond=project.kind % 1_000_000),
        requires_python=project.requires_python,
        classifiers=tuple(project.classifiers),
        licence=expression or licence,
        downloads=project.get_monthly_downloads(get_week_number(now.timestamp())),
        is_gone=project.is_gone,
    )


def _to_datetime(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
