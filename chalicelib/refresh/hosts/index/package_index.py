"""The Python package index as a host: a project's JSON document, where it may have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from distlib.index import DEFAULT_INDEX  # type: ignore[import-untyped]

from chalicelib.refresh.fetch_result import (
    Failed,
    FetchResult,
    FetchResults,
    Figures,
    Gone,
    Postponed,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.index import document
from chalicelib.refresh.hosts.index.downloads import Counting, Downloads, limited_until
from chalicelib.refresh.hosts.index.project_names import normalised
from chalicelib.refresh.hosts.index.serials import Known, Serials
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RateLimited, WorkerTimeout
from chalicelib.refresh.http.fetch_each import each, postponed
from chalicelib.refresh.http.rate_limit_headers import parse_number
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, get_datetime, get_int, get_text
from chalicelib.refresh.rate_limit import Policy, Rate, Reading

#: Fewer projects with a serial to compare cost less than the root of the Simple API does; that
#: is used for them only if it is at hand.
FEW = 20
#: Advisories are published without a new serial. So a document is looked at after some weeks
#: whatever the serial says, each project on another day.
LOOK_AFTER, LOOK_SPREAD_DAYS = timedelta(days=42), 28
_COST = {"requests": 1}
#: A document lists every file of every release, with some thousands for the largest projects.
MAX_DOCUMENT_BYTES = 32 << 20
_GONE = {404: "404 Not Found", 410: "410 Gone", 451: "451 Unavailable For Legal Reasons"}
_FAILED = {401: "401 bad credentials"}


def default_url() -> str:
    """Scheme and host of the public index, as the packaging library distlib knows it."""
    parts = urlsplit(DEFAULT_INDEX)
    return f"{parts.scheme}://{parts.netloc}"


class PackageIndex:
    """The package index.

    ``index_url``, ``downloads_url``: base addresses; ``None`` is the public index, and no
    downloads. ``serials`` tells which projects changed; without it each is asked for.

    ``Source.state`` has ``etag``, ``serial`` (of the document that the figures are from),
    ``read_at`` (ISO; when the index last spoke of the document itself), ``documentation_url``
    (what it gave last) and ``downloads_at`` (ISO; when downloads were asked for last).
    """

    name = "index"
    # The index names no limit ("few thousand requests spread over time", docs/user/api of
    # its repository): this is ours.
    policy = Policy({"requests": Rate(600, 60, 100)}, concurrency=2, batch=100)

    def __init__(
        self,
        index_url: str | None,
        downloads_url: str | None,
        may_be_private: bool,
        serials: Serials | None = None,
    ) -> None:
        self.public_url = default_url()
        self.base_url = index_url or self.public_url
        self.may_be_private = may_be_private
        #: What stands beside serials and ETags: whose they are, nothing for the public one.
        self._mark = "" if self.base_url == self.public_url else self.base_url
        self._serials = serials
        self._downloads = Downloads(downloads_url) if downloads_url else None

    def headers(self) -> dict[str, str]:
        """Media type."""
        return {"Accept": "application/json"}

    def readings(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """Nothing: the index names no limits."""
        return ()

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Retry-After of a 429 or 403; a minute for a 429 without."""
        return limited_until(reply, now)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Each project's document where its serial moved; downloads where they are due."""
        batch = [self._own(source) for source in batch]
        try:
            known = self._known(batch, session)
        except RateLimited as error:
            yield from postponed(batch, Postponed(error.until, str(error)))
            return
        except WorkerTimeout as error:
            yield from postponed(batch, Postponed(session.context.now(), str(error)))
            return

        def one(source: Source, session: Session) -> FetchResult:
            return _one(source, session, known, self._mark)

        if self._downloads is None:
            yield from each(batch, session, one)
            return
        counting = Counting(self._downloads, batch, session)
        try:
            # Those that may have to wait for the statistics come last and hold up no other.
            ordered = sorted(batch, key=counting.is_due)
            for source, outcome in each(ordered, session, one):
                yield source, counting.added(source, outcome)
        finally:
            counting.close()

    def _own(self, source: Source) -> Source:
        """The source without what is remembered of another index: serials tell nothing there."""
        if source.state.get("index", self._mark) == self._mark:
            return source
        return replace(source, state={})

    def _known(self, batch: Sequence[Source], session: Session) -> Known:
        if self._serials is None:
            return {}
        comparable = sum(_serial(source.state) is not None for source in batch)
        return self._serials.known(session, is_worth_it=comparable >= FEW) or {}


def _one(source: Source, session: Session, known: Known, mark: str) -> FetchResult:
    """What comes of one project; raises as ``Session.get``, and BadValue."""
    name, before = normalised(source.address), _serial(source.state)
    now = session.context.now()
    moved = known.get(name)
    is_same = before is not None and moved is not None and before >= moved
    if is_same and not _is_look_due(source, name, now):
        return Unchanged(state=source.state)
    etag = get_text(source.state, "etag") or None
    reply = session.get(f"/pypi/{name}/json", cost=_COST, etag=etag, max_bytes=MAX_DOCUMENT_BYTES)
    if reply.status in _GONE:
        return Gone(_GONE[reply.status])
    if reply.status == 304 and etag:
        return Unchanged(state={**source.state, "read_at": now.isoformat()})
    if reply.status != 200:
        return Failed(_FAILED.get(reply.status, f"status {reply.status}"))
    return _read(source, name, reply, now, mark)


def _read(source: Source, name: str, reply: HostResponse, now: datetime, mark: str) -> FetchResult:
    """What a document says; Unchanged for one that is older than what is known (a cache's)."""
    found = document.read(reply.json, name)
    serial = (
        parse_number(reply.headers, "X-PyPI-Last-Serial") if found.serial is None else found.serial
    )
    before = _serial(source.state)
    if before is not None and serial is not None and serial < before:
        return Unchanged(state=source.state)
    values = dict(found.values)
    if values["pypi_version"] != source.package.pypi_version:
        # The id is of a version in the catalogue that was loaded; the new one has none.
        values["latest_version_id"] = None
    given = source.state.get("documentation_url")
    if found.documentation_url and source.package.documentation_url in {None, "", given}:
        values["documentation_url"] = found.documentation_url
    token = f"serial:{serial}" if serial is not None else f"etag:{reply.etag}" if reply.etag else ""
    state: dict[str, Any] = {
        **source.state,
        "index": mark,
        "etag": reply.etag,
        "serial": serial,
        "read_at": now.isoformat(),
        "documentation_url": found.documentation_url or given,
    }
    return Figures(
        values=values, marks=dict.fromkeys(values, Provenance("index json", token)), state=state
    )


def _serial(state: Mapping[str, Any]) -> int | None:
    try:
        return get_int(state, "serial")
    except BadValue:
        return None


def _is_look_due(source: Source, name: str, now: datetime) -> bool:
    read_at = get_datetime(source.state, "read_at")
    spread = timedelta(days=crc32(name.encode()) % LOOK_SPREAD_DAYS)
    return read_at is not None and read_at + LOOK_AFTER + spread <= now
