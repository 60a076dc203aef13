"""Downloads of the last month, from the service of download statistics where one is configured.

``GET /api/packages/NAME/recent`` answers ``{"data": {"last_day", "last_week", "last_month"}}``.
It is a small service that changes once a day and names no limit, so it is asked seldom.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.refresh.fetch_result import (
    Failed,
    FetchResult,
    FetchResults,
    Figures,
    Gone,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.index.project_names import normalised
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RequestFailed
from chalicelib.refresh.http.fetch_each import each
from chalicelib.refresh.http.rate_limit_headers import parse_retry_after
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, get_datetime, get_int
from chalicelib.refresh.rate_limit import Policy, Rate, Reading

EVERY = timedelta(days=7)
#: The most projects of a batch that are asked for: a seventh of a full one, so that all have
#: their turn within a week of daily refreshes.
MOST = 15
_COST = {"requests": 1}
_PAUSE = timedelta(seconds=60)


class Downloads:
    """The host of download statistics. ``url`` is its base address."""

    name = "downloads"
    may_be_private = True
    policy = Policy({"requests": Rate(30, 60, 10)}, concurrency=1, batch=50)

    def __init__(self, url: str) -> None:
        self.base_url = self.public_url = url

    def headers(self) -> dict[str, str]:
        """Media type."""
        return {"Accept": "application/json"}

    def readings(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """Nothing: the service names no limits."""
        return ()

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Retry-After of a 429 or 403; a minute for a 429 without."""
        return limited_until(reply, now)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """``pypi_downloads`` of each project."""
        return each(batch, session, self.one)

    def one(self, source: Source, session: Session) -> FetchResult:
        """The downloads of one project; raises as ``Session.get``, and BadValue."""
        reply = session.get(f"/api/packages/{normalised(source.address)}/recent", cost=_COST)
        if reply.status == 404:
            return Gone("404 Not Found")
        if reply.status != 200:
            return Failed(f"status {reply.status}")
        values = {"pypi_downloads": get_int(reply.json, "data", "last_month")}
        return Figures(
            values=values, marks=dict.fromkeys(values, Provenance("downloads")), state={}
        )


def limited_until(reply: HostResponse, now: datetime) -> datetime | None:
    """Until when a host that names no limits wants to be left alone, if it says so."""
    if reply.status not in {403, 429}:
        return None
    return parse_retry_after(reply.headers, now) or (now + _PAUSE if reply.status == 429 else None)


class Counting:
    """Adds downloads to what came of a batch's projects, where they are due.

    No failure of the statistics is one of a project: what could not be had stays as it was, and
    is asked for next time.
    """

    def __init__(self, host: Downloads, batch: Sequence[Source], beside: Session) -> None:
        self._host = host
        self._session = Session(host, beside.budget, beside.context, beside.user_agent)
        self._now = beside.context.now
        due = [(at, source.package.id) for source in batch if (at := self._due_since(source))]
        self._due = {package for _, package in sorted(due)[:MOST]}
        self._is_answering = True

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def is_due(self, source: Source) -> bool:
        """Whether the project is one of those whose turn it is in this batch."""
        return source.package.id in self._due

    def added(self, source: Source, outcome: FetchResult) -> FetchResult:
        """The outcome, with the downloads if they were due and could be had."""
        if not isinstance(outcome, Figures | Unchanged) or not self.is_due(source):
            return outcome
        found = self._asked(source)
        if found is None:
            return outcome
        values: Mapping[str, Any] = {}
        marks: Mapping[str, Provenance] = {}
        if isinstance(outcome, Figures):
            values, marks = outcome.values, outcome.marks
        return Figures(
            values={**values, **found.values},
            marks={**marks, **found.marks},
            state={**outcome.state, "downloads_at": self._now().isoformat()},
        )

    def _asked(self, source: Source) -> Figures | None:
        """The downloads, none if there are no statistics of it; ``None`` if they failed."""
        if not self._is_answering:
            return None
        try:
            found = self._host.one(source, self._session)
        except RequestFailed:
            self._is_answering = False
            return None
        except BadValue:
            return None
        if isinstance(found, Gone):
            return Figures(values={}, marks={}, state={})
        return found if isinstance(found, Figures) else None

    def _due_since(self, source: Source) -> datetime | None:
        """When the downloads became due; ``None`` if they are not yet."""
        try:
            before = get_datetime(source.state, "downloads_at")
        except BadValue:
            before = None
        now = self._now()
        due = now - EVERY if before is None else before + EVERY
        return due if due <= now else None
