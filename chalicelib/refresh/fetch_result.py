"""The values that pass between the refresh and its hosts: a source, and what came of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from chalicelib.catalog.entities import Package

REPOSITORY = "repository"
PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a package's figures come from, as it is stored before the host is asked.

    ``kind`` is ``REPOSITORY`` or ``PROJECT`` (of the package index). ``address`` is what the
    host calls it: ``owner/name``, ``group/sub/project``, a normalised project name. ``state`` is
    what the host's module stored last time (JSON: ETags, commit id, serial...). If
    ``is_check_due`` is false, only the parts are fetched that the last result left open
    (``Figures.again_at``). ``checked`` is when the last full answer came. If ``shows_fetched``,
    the package's ``last_fetched`` is about this source (the index only if no code host is asked).
    """

    package: Package
    kind: str
    host: str
    address: str
    state: Mapping[str, Any] = field(default_factory=dict)
    checked: datetime | None = None
    is_check_due: bool = True
    shows_fetched: bool = True


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of a figure: the call, and the ETag, serial or commit id of its response.

    ``token`` is ``etag:W/"abc"``, ``oid:0123...``, ``serial:123`` or empty.
    """

    source: str
    token: str = ""

    @classmethod
    def of_etag(cls, call: str, etag: str | None) -> Self:
        """Return the provenance of an answer that may have an ETag."""
        return cls(call, f"etag:{etag}" if etag else "")

    @classmethod
    def of_commit(cls, call: str, commit_id: str | None) -> Self:
        """Return the provenance of what is true as of a commit; "" or ``None``: of no commit."""
        return cls(call, f"oid:{commit_id}" if commit_id else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The host's answer. ``values`` are fields of ``Package``.

    Fields that the host did not tell are left out and keep their values. ``marks`` has the
    provenance of each of ``values``. ``state`` replaces ``Source.state``. ``again_at`` is when to
    fetch the parts that are missing (a statistic being computed, a budget spent); the state says
    which.
    """

    values: Mapping[str, Any]
    marks: Mapping[str, Provenance]
    state: Mapping[str, Any]
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(Figures):
    """The answer of a repository with a new address; ``url`` is what a person opens."""

    address: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The answer that nothing has changed (a 304, the same serial)."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gone:
    """The answer that the source does not exist (404) or is withheld (451)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer, or a useless one; the old figures stay.

    ``retry_at`` is the earliest time that the host named; without one the source backs off.
    """

    reason: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """A source that was not asked, since the budget is spent or time is up; not its failure."""

    until: datetime
    reason: str


FetchResult = Figures | Moved | Unchanged | Gone | Failed | Postponed
FetchResults = Iterator[tuple[Source, FetchResult]]
