"""What is asked of a host, and what can come of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.catalog.entities import Package
from chalicelib.refresh.rate_limit import Policy, Reading

if TYPE_CHECKING:
    from chalicelib.refresh.http.client import Session
    from chalicelib.refresh.http.response import HostResponse

REPOSITORY = "repository"
PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a package's figures come from, as it was read before it is asked.

    ``kind`` is ``REPOSITORY`` or ``PROJECT`` (of the package index). ``address`` is what the
    host knows it by: ``owner/name``, ``group/sub/project``, a normalised project name.
    ``state`` is what the host's module remembered last time (JSON: ETags, commit id, serial...).
    ``is_check_due`` is false where only the parts are asked for that the last answer left open
    (``Figures.again_at``). ``checked`` is when it last answered in full. ``shows_fetched``: the
    package's ``last_fetched`` tells of this source (of the index only where no host is asked).
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
    """Where a figure came from: which call, and the ETag, serial or commit id that it has.

    ``token`` is written ``etag:W/"abc"``, ``oid:0123...``, ``serial:123`` or is empty.
    """

    source: str
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The host answered. ``values`` are fields of ``Package`` as they were read now.

    Fields that were not read are left out and stay as they are. ``marks`` has an entry for each
    of ``values``. ``state`` replaces ``Source.state``. ``again_at``: some parts are not there
    yet (a statistic being computed, a budget spent) and are asked for from then on; the state
    says which.
    """

    values: Mapping[str, Any]
    marks: Mapping[str, Provenance]
    state: Mapping[str, Any]
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(Figures):
    """The repository has another address now; ``url`` is what a person opens."""

    address: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The host says that nothing has changed (a 304, the same serial)."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gone:
    """The host says that it is not there (404), or may not be shown (451)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be asked, or the answer was of no use; the old figures stay.

    ``retry_at``: the host named an earliest time; otherwise the package backs off.
    """

    reason: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """It was not asked: the budget is spent, or time is up. No failure of the package."""

    until: datetime
    reason: str


FetchResult = Figures | Moved | Unchanged | Gone | Failed | Postponed
FetchResults = Iterator[tuple[Source, FetchResult]]


class Host(Protocol):
    """A code host or the package index.

    ``name`` is the key of its budget and of its part of the queue. ``base_url`` is where its
    API is, without a slash at the end; paths given to ``Session`` are appended. ``public_url``
    is the API's own address: redirects and links that lead there are followed at ``base_url``.
    ``may_be_private``: an operator named the address, so it may be one of a private network.
    """

    name: str
    base_url: str
    public_url: str
    may_be_private: bool
    policy: Policy

    def headers(self) -> dict[str, str]:
        """What is sent with every request: media type, API version, authorisation."""
        ...

    def readings(self, reply: "HostResponse", now: datetime) -> Sequence[Reading]:
        """What an answer's headers say of the limits."""
        ...

    def limited_until(self, reply: "HostResponse", now: datetime) -> datetime | None:
        """Until when nothing may be asked, if the answer says that a limit is spent."""
        ...

    def fetch(self, batch: Sequence[Source], session: "Session") -> FetchResults:
        """Ask for every source of the batch; yields each with what came of it, in any order.

        Results are written as they are yielded. Never raises for what a host sends.
        """
        ...
