"""The collector of a GitHub repository's figures, and the types of GitHub's responses.

The state that is kept from one time to the next:

- ``id``: GitHub's number of the repository; ``oid``: head of the default branch, ``""`` without
  a commit; ``head``: the instant of that commit.
- ``weeks``: what ``Package.commits_over_52w`` is (``Weeks.state``).
- ``open``: the parts that are missing as of ``oid``; ``tries``: how often they were asked for.
- ``contributors_etag`` (of the first page, all pages having been read), ``participation_etag``
  (while the weeks are as they were read); ``repository_etag``, ``commits_etag`` and ``pushed``
  (last push, default branch) where REST alone is asked.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from chalicelib.refresh.commit_weeks import PARTICIPATION
from chalicelib.refresh.fetch_result import Provenance, Source
from chalicelib.refresh.hosts.figure_collector import FigureCollector
from chalicelib.refresh.hosts.json_types import RequiredText
from chalicelib.refresh.json_fields import BadValue

#: The parts that may stay open, in the order in which they are asked for.
COMMITS, CONTRIBUTORS, WEEKS = "commits", "contributors", "weeks"
PARTS = (COMMITS, CONTRIBUTORS, WEEKS)
#: Waits until a statistic is asked for again that is being computed (202).
_COMPUTING_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
_COMMIT_ID = re.compile(r"[0-9a-fA-F]{7,64}")
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit of the default branch; of a repository without one ``oid`` is ``""``."""

    oid: str
    committed: datetime | None
    total: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as GraphQL or REST tells; ``name`` is ``owner/name`` as of now.

    ``is_archived`` is ``None`` where it is not told.
    """

    id: int | None
    name: str
    watchers: int
    forks: int
    description: str
    is_archived: bool | None
    archived: datetime | None


def split_address(address: str) -> tuple[str, str]:
    """Return owner and name of an address; raises BadValue."""
    owner, _, name = address.partition("/")
    if not owner or not name or "/" in name or {owner, name} & {".", ".."}:
        raise BadValue("the address is not of the form owner/name")
    return owner, name


def check_name(name: str) -> str:
    """Return a name as GitHub gives it, fit for an address; raises BadValue."""
    if not _NAME.fullmatch(name):
        raise BadValue("the repository's name is not of the form owner/name")
    split_address(name)
    return name


class CommitId(RequiredText):
    """The id of a commit."""

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Return the id that a value is; raises ValueError or TypeError."""
        commit_id = super().decode(value)
        if not _COMMIT_ID.fullmatch(commit_id):
            raise ValueError("Expected the id of a commit")
        return commit_id


class GitHubCollector(FigureCollector):
    """The collector of a repository at GitHub: what follows from a new head is open."""

    def __init__(self, source: Source, now: datetime) -> None:
        super().__init__(source, now, series=PARTICIPATION, parts=PARTS)

    @property
    def head_id(self) -> str:
        """The id of the newest commit, if the weeks are as of it."""
        return "" if WEEKS in self.open else self.state.get("oid") or ""

    @property
    def head_at(self) -> datetime | None:
        """The instant of the newest commit that is known."""
        text = self.state.get("head")
        return datetime.fromisoformat(text) if text else None

    def remember(self, name: str, etag: str | None) -> None:
        """Remember an ETag, or that there is none."""
        self.forget(name)
        if etag is not None:
            self.state[name] = etag

    def set_answer(self, repository: Repository, provenance: Provenance) -> None:
        """Set what was found at the address: maybe another repository than last time."""
        if repository.id is not None:
            if self.state.get("id", repository.id) != repository.id:
                # The name was taken over: nothing that is remembered is about this one.
                self.state, self.open, self.weeks = {}, set(), None
            self.state["id"] = repository.id
        self.address = repository.name
        self.set_repository(
            provenance,
            stars=repository.watchers,
            forks=repository.forks,
            description=repository.description,
            is_archived=repository.is_archived,
            archived_at=repository.archived,
        )

    def set_branch(self, call: str, head: Head) -> None:
        """Set the head of the default branch; if it moved, all that follows from it is open."""
        provenance = Provenance.of_commit(call, head.oid)
        self.set_figures(provenance, commit_count=head.total, last_commit_date=head.committed)
        self.close_part(COMMITS)
        self.age_weeks()
        if self.state.get("oid") != head.oid:
            self.open_parts([CONTRIBUTORS, WEEKS])
            self.forget("tries")
        if not head.oid:
            self.open.clear()
            self.set_empty(call)
        self.state["oid"] = head.oid
        self.state["head"] = head.committed.isoformat() if head.committed else None

    def age_weeks(self) -> None:
        """Move the weeks on if they are known, else open them."""
        if self.weeks is None:
            self.open_parts([WEEKS])
            return
        counts = self.weeks.counts
        super().age_weeks()
        if self.weeks.counts != counts:
            # The ETag is that of the numbers as they were.
            self.forget("participation_etag")

    def retry_computing(self) -> None:
        """Ask again for a statistic that GitHub is still computing."""
        tries = self.state.get("tries", 0)
        self.retry_in(_COMPUTING_WAITS[min(tries, len(_COMPUTING_WAITS) - 1)])

    def build_web_url(self) -> str:
        """Return what a person opens for the repository."""
        return f"https://github.com/{self.address}"
