"""Collecting the figures of one source until they make a result."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.refresh import commit_weeks
from chalicelib.refresh.commit_weeks import COMMITS, CommitWeeks
from chalicelib.refresh.fetch_result import Figures, Moved, Provenance, Source, Unchanged
from chalicelib.refresh.hosts.json_types import Text
from chalicelib.refresh.hosts.repo_urls import is_address, web_url
from chalicelib.refresh.json_fields import BadValue

#: The first wait after a fault in a part, doubled each time, and the longest.
FAULT_WAIT, MAX_FAULT_WAIT = timedelta(minutes=10), timedelta(hours=6)
#: What moved on by itself, and was asked of no host.
AGED = "52 weeks moved on"


class FigureCollector:
    """The figures of one source with their provenance, and the state to remember.

    ``state`` begins as it was last time and is stored with the result (JSON). Keys used here:
    ``head`` (id of the newest commit), ``weeks`` (``Weeks.state``), ``open`` and ``tries``.
    ``weeks`` are those of the package where it is known how they were counted (``series``).
    ``parts`` are what a host reads with requests of their own, in that order, and ``open`` those
    still to be read. ``address`` is what the host calls the source now.
    """

    def __init__(
        self,
        source: Source,
        now: datetime,
        *,
        series: str = COMMITS,
        parts: Sequence[str] = (),
        has_nested_paths: bool = False,
    ) -> None:
        self.source = source
        self.now = now
        self.address = source.address
        self.values: dict[str, Any] = {}
        self.marks: dict[str, Provenance] = {}
        self.state: dict[str, Any] = dict(source.state)
        open_parts = self.state.pop("open", ())
        self.open = {part for part in parts if part in open_parts}
        weeks = commit_weeks.parse_weeks(source.package.commits_over_52w, source.state.get("weeks"))
        self.weeks = weeks if weeks is not None and weeks.series == series else None
        #: Whether the host told anything.
        self.has_news = False
        self._series = series
        self._parts = parts
        self._has_nested_paths = has_nested_paths
        self._waits: list[datetime] = []
        self._has_retry = False

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.now.astimezone(UTC).date()

    @property
    def head_id(self) -> str:
        """The id of the newest commit of which the weeks are; "" if that is not known."""
        return self.state.get("head") or ""

    @property
    def has_lost_weeks(self) -> bool:
        """True if weeks were counted once and the package has lost them since."""
        return "weeks" in self.source.state and self.weeks is None

    def set_figures(self, provenance: Provenance, **values: Any) -> None:
        """Set figures that one call told: fields of ``Package``."""
        self.has_news = True
        for name, value in values.items():
            self.values[name] = str(value) if isinstance(value, Text) else value
        self.marks.update(dict.fromkeys(values, provenance))

    def set_repository(
        self,
        provenance: Provenance,
        *,
        stars: int,
        forks: int,
        description: str,
        is_archived: bool | None = None,
        archived_at: datetime | None = None,
    ) -> None:
        """Set what a repository's document tells; ``is_archived`` is ``None`` where it does not.

        A repository whose host does not say when it was archived keeps the stored instant, or
        gets the present one.
        """
        self.set_figures(
            provenance, repo_watchers=stars, repo_forks=forks, repo_description=description
        )
        if is_archived is not None:
            at = archived_at or self.source.package.date_repo_archived or self.now
            self.set_figures(provenance, date_repo_archived=at if is_archived else None)

    def set_head(
        self, call: str, commit_id: str, at: datetime | None, total: int | None = None
    ) -> None:
        """Set the newest commit, and how many there are if the call tells; raises BadValue."""
        if at is None:
            raise BadValue("the newest commit has no date")
        self.state["head"] = commit_id
        self.set_figures(Provenance.of_commit(call, commit_id), last_commit_date=at)
        if total is not None:
            self.set_figures(Provenance.of_commit(call, commit_id), commit_count=total)

    def set_empty(self, call: str) -> None:
        """Set the figures of a repository without a commit."""
        self.forget("head", "authors")
        provenance = Provenance(call)
        self.set_figures(provenance, commit_count=0, last_commit_date=None, participants="")
        # Weeks of commits hold the present day, those that GitHub counts end before it.
        until = self.today + timedelta(days=1) if self._series == COMMITS else self.today
        self.set_weeks(provenance, commit_weeks.build_empty(until, self._series))

    def set_weeks(self, provenance: Provenance, weeks: CommitWeeks) -> None:
        """Set the 52 weeks, and remember how they were counted."""
        self.weeks = weeks
        self.state["weeks"] = weeks.state
        self.set_figures(provenance, commits_over_52w=weeks.counts)

    def age_weeks(self) -> None:
        """Move the weeks on, where nothing was committed since; their commit stays the same."""
        if self.weeks is not None:
            provenance = Provenance.of_commit(AGED, self.head_id)
            self.set_weeks(provenance, self.weeks.shift_to(self.today))

    def forget(self, *names: str) -> None:
        """Remove entries from the state."""
        for name in names:
            self.state.pop(name, None)

    def open_parts(self, parts: Iterable[str]) -> None:
        """Note parts that are to be read."""
        self.open |= set(parts)

    def close_part(self, part: str) -> None:
        """Note that a part was read."""
        self.has_news = True
        self.open.discard(part)

    def wait_until(self, instant: datetime) -> None:
        """Ask for the open parts from then on, or earlier if another part may be had sooner."""
        self._waits.append(instant)

    def retry_in(self, wait: timedelta) -> None:
        """Ask for the open parts again after a wait, and count the try."""
        self.has_news = self._has_retry = True
        self.wait_until(self.now + wait)

    def retry_after_fault(self) -> None:
        """Ask for the open parts again after a fault, later each time."""
        self.retry_in(compute_fault_wait(self.state.get("tries", 0)))

    def build_result(self) -> Figures:
        """Return all of it: ``Moved`` where the host calls the repository otherwise now.

        Hosts compare addresses without regard to letter case, so another case is no move.
        Raises BadValue for an address that is none.
        """
        state, again_at = dict(self.state), None
        if self.open:
            state["open"] = [part for part in self._parts if part in self.open]
            again_at = min(self._waits, default=self.now)
            if self._has_retry:
                state["tries"] = state.get("tries", 0) + 1
        else:
            state.pop("tries", None)
        if self.address.lower() == self.source.address.lower():
            return Figures(values=self.values, marks=self.marks, state=state, again_at=again_at)
        return Moved(
            values=self.values,
            marks=self.marks,
            state=state,
            again_at=again_at,
            address=self.address,
            url=self.build_web_url(),
        )

    def build_web_url(self) -> str:
        """Return what a person opens for the new address; raises BadValue."""
        url = web_url(self.source.package.repo_url, self.address)
        if not is_address(self.address, self._has_nested_paths) or not url:
            raise BadValue("the new address is not one")
        return url

    def build_not_modified(self) -> Figures | Unchanged:
        """Return what a 304 means: only the weeks may have moved on."""
        result = self.build_result()
        stored = {"commits_over_52w": self.source.package.commits_over_52w}
        if result.again_at is None and stored | dict(result.values) == stored:
            return Unchanged(state=result.state)
        return result


def compute_fault_wait(tries: int) -> timedelta:
    """Return the wait after a fault that followed on so many others."""
    return min(FAULT_WAIT * float(2 ** min(tries, 10)), MAX_FAULT_WAIT)
