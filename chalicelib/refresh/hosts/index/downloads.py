"""Downloads of the last month, from the service of download statistics where one is configured.

``GET /api/packages/NAME/recent`` answers ``{"data": {"last_day", "last_week", "last_month"}}``.
It is a small service that changes once a day and names no limit, so it is asked seldom.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from packaging.utils import canonicalize_name

from chalicelib.refresh.fetch_result import (
    PROJECT,
    FetchResult,
    Figures,
    Gone,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.json_types import Count, decode
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RequestFailed
from chalicelib.refresh.json_fields import BadValue, get_datetime
from chalicelib.refresh.rate_limit import Policy, Rate

INTERVAL = timedelta(days=7)
#: The most projects of a batch that are asked for: a seventh of a full one, so that all have
#: their turn within a week of daily refreshes.
MAX_PROJECTS = 15
_COST = {"requests": 1}


class _Recent(Struct):
    last_month: Count


class _Statistics(Struct):
    data: _Recent


class Downloads(Host):
    """The service of download statistics, which the index asks. ``url`` is its base address."""

    name = "downloads"
    kind = PROJECT
    takes_token = False

    def __init__(self, url: str) -> None:
        self.public_url = url
        super().__init__(url)

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return a limit of our own; the service names none."""
        return Policy({"requests": Rate(30, 60, 10)}, concurrency=1, batch=50)

    def fetch_one(self, source: Source, session: Session) -> FetchResult:
        """Return the downloads of one project; raises as ``Session.get``, and BadValue."""
        name = canonicalize_name(source.address)
        reply = session.get(f"/api/packages/{name}/recent", cost=_COST)
        if error := self.error_outcome(reply):
            return error
        values = {"pypi_downloads": decode(reply.json, _Statistics).data.last_month}
        marks = dict.fromkeys(values, Provenance("downloads"))
        return Figures(values=values, marks=marks, state={})


class DownloadReader:
    """Adds downloads to what came of a batch's projects, where they are due.

    A failure of the statistics is none of the project: its downloads stay as they were, and are
    asked for next time.
    """

    def __init__(self, host: Downloads, batch: Sequence[Source], index_session: Session) -> None:
        self._host = host
        self._session = Session(
            host, index_session.budget, index_session.context, index_session.user_agent
        )
        self._now = index_session.context.now
        due = [(since, source.package.id) for source in batch if (since := self._due_since(source))]
        self._due = {package for _, package in sorted(due)[:MAX_PROJECTS]}
        self._is_answering = True

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def is_due(self, source: Source) -> bool:
        """Return whether the project is one of those whose turn it is in this batch."""
        return source.package.id in self._due

    def add_to(self, source: Source, result: FetchResult) -> FetchResult:
        """Return the result, with the downloads if they were due and could be had."""
        if not isinstance(result, Figures | Unchanged) or not self.is_due(source):
            return result
        downloads = self._read(source)
        if downloads is None:
            return result
        values: Mapping[str, Any] = {}
        marks: Mapping[str, Provenance] = {}
        if isinstance(result, Figures):
            values, marks = result.values, result.marks
        return Figures(
            values={**values, **downloads.values},
            marks={**marks, **downloads.marks},
            state={**result.state, "downloads_at": self._now().isoformat()},
        )

    def _read(self, source: Source) -> Figures | None:
        """Return the downloads, empty if there are no statistics of it; ``None`` for a failure."""
        if not self._is_answering:
            return None
        try:
            result = self._host.fetch_one(source, self._session)
        except RequestFailed:
            self._is_answering = False
            return None
        except BadValue:
            return None
        if isinstance(result, Gone):
            return Figures(values={}, marks={}, state={})
        return result if isinstance(result, Figures) else None

    def _due_since(self, source: Source) -> datetime | None:
        """Return when the downloads became due; ``None`` if they are not yet."""
        try:
            before = get_datetime(source.state, "downloads_at")
        except BadValue:
            before = None
        now = self._now()
        due = now - INTERVAL if before is None else before + INTERVAL
        return due if due <= now else None
