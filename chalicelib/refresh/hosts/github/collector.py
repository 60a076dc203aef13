"""What is collected of one repository until it is told.

The state that is kept from one time to the next:

- ``id``: GitHub's number of the repository; ``oid``: head of the default branch, ``""`` without
  a commit; ``head``: the instant of that commit.
- ``weeks``: what ``Package.commits_over_52w`` is (``Weeks.state``).
- ``open``: the parts that were not had yet at ``oid``; ``tries``: how often they were asked for.
- ``contributors_etag`` (of the first page, all pages having been read), ``participation_etag``
  (while the weeks are as they were read); ``repository_etag``, ``commits_etag`` and ``pushed``
  (last push, default branch) where REST alone is asked.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.refresh import commit_weeks as periods
from chalicelib.refresh.commit_weeks import PARTICIPATION, CommitWeeks
from chalicelib.refresh.fetch_result import Figures, Moved, Postponed, Provenance, Source
from chalicelib.refresh.hosts.base import archived_at
from chalicelib.refresh.json_fields import BadValue, get_required_text

#: The parts that may stay open, in the order in which they are asked for.
COMMITS, CONTRIBUTORS, WEEKS = "commits", "contributors", "weeks"
PARTS = (COMMITS, CONTRIBUTORS, WEEKS)
#: Waits until a statistic is asked for again that is being computed (202).
_COMPUTING = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
#: The first wait after a fault, doubled each time, and the longest.
_FAULT, _LONGEST_FAULT = timedelta(minutes=10), timedelta(hours=6)
_OID = re.compile(r"[0-9a-fA-F]{7,64}")
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit of the default branch; of a repository without one ``oid`` is ``""``."""

    oid: str
    committed: datetime | None
    total: int


@dataclass(frozen=True, slots=True)
class Repository:
    """What either way of asking says of a repository; ``name`` is ``owner/name`` as of now.

    ``is_archived`` is ``None`` where it is not told.
    """

    id: int | None
    name: str
    watchers: int
    forks: int
    description: str
    is_archived: bool | None
    archived: datetime | None


def parted(address: str) -> tuple[str, str]:
    """Owner and name of an address; raises BadValue."""
    owner, _, name = address.partition("/")
    if not owner or not name or "/" in name or {owner, name} & {".", ".."}:
        raise BadValue("the address is not of the form owner/name")
    return owner, name


def checked_name(name: str) -> str:
    """A name as GitHub gives it, fit for an address; raises BadValue."""
    if not _NAME.fullmatch(name):
        raise BadValue("the repository's name is not of the form owner/name")
    parted(name)
    return name


def oid(json: Any, *path: str) -> str:
    """The id of a commit; raises BadValue."""
    value = get_required_text(json, *path)
    if not _OID.fullmatch(value):
        raise BadValue(f"{'.'.join(path)} is not the id of a commit")
    return value


class Draft:
    """The figures, their marks and the next state of one repository.

    ``open`` are the parts that are still to be had; ``weeks`` those of the package, aged to
    ``now``, if it is known what they are. ``stopped``: why a part was not asked for.
    ``has_news``: whether anything was learned.
    """

    def __init__(self, source: Source, now: datetime) -> None:
        self.source = source
        self.now = now
        self.address = source.address
        self.values: dict[str, Any] = {}
        self.marks: dict[str, Provenance] = {}
        self.state = dict(source.state)
        left = self.state.pop("open", ())
        self.open = {part for part in PARTS if part in left}
        self.weeks = periods.parse_weeks(source.package.commits_over_52w, self.state.get("weeks"))
        if self.weeks is not None and self.weeks.series != PARTICIPATION:
            self.weeks = None
        self.stopped: Postponed | None = None
        self.has_news = False
        self._again: list[datetime] = []
        self._is_retried = False

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.now.astimezone(UTC).date()

    @property
    def head(self) -> datetime | None:
        """The instant of the newest commit that is known."""
        text = self.state.get("head")
        return datetime.fromisoformat(text) if text else None

    def put(self, mark: Provenance, **values: Any) -> None:
        """Figures that one call gave."""
        self.values.update(values)
        self.marks.update(dict.fromkeys(values, mark))

    def keep(self, name: str, etag: str | None) -> None:
        """Remember an ETag, or that there is none."""
        if etag is None:
            self.state.pop(name, None)
        else:
            self.state[name] = etag

    def is_repository(self, found: Repository, mark: Provenance) -> None:
        """What was found at the address: maybe another repository than last time."""
        if found.id is not None:
            if self.state.get("id", found.id) != found.id:
                # The name was taken over: nothing that is remembered is about this one.
                self.state, self.open, self.weeks = {}, set(), None
            self.state["id"] = found.id
        self.address, self.has_news = found.name, True
        self.put(
            mark,
            repo_watchers=found.watchers,
            repo_forks=found.forks,
            repo_description=found.description,
        )
        if found.is_archived is not None:
            at = archived_at(self.source, found.is_archived, found.archived, self.now)
            self.put(mark, date_repo_archived=at)

    def is_at(self, head: Head, mark: Provenance) -> None:
        """The head of the default branch; where it moved, all that follows from it is open."""
        self.has_news = True
        self.put(mark, commit_count=head.total, last_commit_date=head.committed)
        self.open.discard(COMMITS)
        self.age()
        if self.state.get("oid") != head.oid:
            self.open |= {CONTRIBUTORS, WEEKS}
            self.state.pop("tries", None)
        self.state["oid"] = head.oid
        self.state["head"] = head.committed.isoformat() if head.committed else None
        if not head.oid:
            self.open.clear()
            self.put(mark, participants="")
            self.has_weeks(periods.build_empty(self.today, PARTICIPATION), mark)

    def age(self) -> None:
        """Shift the weeks that are known; those that are not are to be asked for."""
        if self.weeks is None:
            self.open.add(WEEKS)
            return
        aged = self.weeks.shift_to(self.today)
        if aged.counts != self.weeks.counts:
            # The ETag is that of the numbers as they were.
            self.state.pop("participation_etag", None)
        is_of_head = WEEKS not in self.open and self.state.get("oid")
        mark = Provenance("52 weeks moved on", f"oid:{self.state['oid']}" if is_of_head else "")
        self.has_weeks(aged, mark)

    def has_weeks(self, weeks: CommitWeeks, mark: Provenance) -> None:
        """The weeks as they are to be told and remembered."""
        self.weeks = weeks
        self.state["weeks"] = weeks.state
        self.put(mark, commits_over_52w=weeks.counts)

    def had(self, part: str) -> None:
        """A part is complete as of the head that is known."""
        self.has_news = True
        self.open.discard(part)

    def wait(self, until: datetime) -> None:
        """What is open may be had from then on."""
        self._again.append(until)

    def wait_computing(self) -> None:
        """A statistic is being computed."""
        self.has_news = self._is_retried = True
        tries = self.state.get("tries", 0)
        self.wait(self.now + _COMPUTING[min(tries, len(_COMPUTING) - 1)])

    def wait_fault(self) -> None:
        """A part could not be had for a fault."""
        self.has_news = self._is_retried = True
        tries = min(self.state.get("tries", 0), 10)
        self.wait(self.now + min(_FAULT * 2**tries, _LONGEST_FAULT))

    def figures(self) -> Figures:
        """All of it, as it is told."""
        state, again = self.state, None
        if self.open:
            state["open"] = [part for part in PARTS if part in self.open]
            again = min(self._again, default=self.now)
            if self._is_retried:
                state["tries"] = state.get("tries", 0) + 1
        else:
            state.pop("tries", None)
        if self.address.lower() == self.source.address.lower():
            return Figures(values=self.values, marks=self.marks, state=state, again_at=again)
        return Moved(
            values=self.values,
            marks=self.marks,
            state=state,
            again_at=again,
            address=self.address,
            url=f"https://github.com/{self.address}",
        )
