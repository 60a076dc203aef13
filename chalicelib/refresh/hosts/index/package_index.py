"""The Python package index as a host: a project's JSON document, where it may have changed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self
from zlib import crc32

from packaging.utils import canonicalize_name

from chalicelib.refresh.fetch_result import (
    PROJECT,
    FetchResult,
    FetchResults,
    Figures,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.base import Host, build_postponed, fetch_each, postpone
from chalicelib.refresh.hosts.index.document import read_document
from chalicelib.refresh.hosts.index.downloads import DownloadReader, Downloads
from chalicelib.refresh.hosts.index.public_url import find_public_url
from chalicelib.refresh.hosts.index.serials import Serials, SerialsByName
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RateLimited, WorkerTimeout
from chalicelib.refresh.http.rate_limit_headers import parse_number
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, get_datetime, get_int, get_text
from chalicelib.refresh.rate_limit import Policy, Rate
from chalicelib.settings import Upstreams
from chalicelib.storage import sources

#: The root of the Simple API is read for at least this many projects with a serial to compare:
#: fewer documents cost less. For fewer it is used only if it is at hand.
MIN_PROJECTS_FOR_ROOT = 20
#: Advisories are published without a new serial. So a document is read after some weeks whatever
#: the serial says, each project on another day.
MAX_AGE, AGE_SPREAD_DAYS = timedelta(days=42), 28
_COST = {"requests": 1}
#: A document lists every file of every release, with some thousands for the largest projects.
MAX_DOCUMENT_BYTES = 32 << 20
_log = logging.getLogger(__name__)


class PackageIndex(Host):
    """The package index.

    ``index_url``, ``downloads_url``: base addresses; ``None`` is the public index, and no
    downloads. ``serials`` tells which projects changed; without it each is asked for.

    ``Source.state`` has ``etag``, ``serial`` (of the document that the figures are from),
    ``read_at`` (ISO; when the index last spoke of the document itself), ``documentation_url``
    (what it gave last), ``downloads_at`` (ISO; when downloads were asked for last) and ``index``
    (whose they are, "" for the public one).
    """

    name = "index"
    reserved_names = (Downloads.name,)
    kind = PROJECT
    takes_token = False
    # One list of serials, which is large, is for all projects.
    takes_all_due_soon = True

    def __init__(
        self,
        index_url: str | None = None,
        downloads_url: str | None = None,
        serials: Serials | None = None,
        public_url: str | None = None,
    ) -> None:
        known_url = public_url or find_public_url()
        self.public_url = known_url or index_url or ""
        super().__init__(index_url)
        self.may_be_private = index_url is not None or downloads_url is not None
        #: Whose serials and ETags the state has.
        self._index_mark = "" if self.base_url == known_url else self.base_url
        self._serials = serials
        self._downloads = Downloads(downloads_url) if downloads_url else None

    @classmethod
    def from_upstreams(cls, upstreams: Upstreams, token: str | None) -> Self | None:
        """Build the index as the settings have it; ``None`` where no address is known."""
        public_url = upstreams.public_index_url or find_public_url()
        if upstreams.package_index_url is None and public_url is None:
            _log.warning(
                "the package index is not asked: PACKAGE_INDEX_URL is not set, and pip, "
                "which knows the public one, is not installed"
            )
            return None
        serials = Serials(_iter_projects) if upstreams.index_serials else None
        return cls(upstreams.package_index_url, upstreams.downloads_url, serials, public_url)

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return a limit of our own.

        The index names none ("few thousand requests spread over time", docs/user/api of its
        repository).
        """
        return Policy({"requests": Rate(600, 60, 100)}, concurrency=2, batch=100)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Ask for each project's document where its serial moved; for downloads where due."""
        batch = [self._forget_other_index(source) for source in batch]
        try:
            serials = self._read_serials(batch, session)
        except (RateLimited, WorkerTimeout) as error:
            yield from postpone(batch, build_postponed(error, session))
            return

        def fetch_one(source: Source, session: Session) -> FetchResult:
            return self._fetch_document(source, session, serials)

        if self._downloads is None:
            yield from fetch_each(batch, session, fetch_one)
            return
        downloads = DownloadReader(self._downloads, batch, session)
        try:
            # Those that may have to wait for the statistics come last and hold up no other.
            ordered = sorted(batch, key=downloads.is_due)
            for source, result in fetch_each(ordered, session, fetch_one):
                yield source, downloads.add_to(source, result)
        finally:
            downloads.close()

    def _forget_other_index(self, source: Source) -> Source:
        """Return the source without the state of another index: serials tell nothing there."""
        if source.state.get("index", self._index_mark) == self._index_mark:
            return source
        return replace(source, state={})

    def _read_serials(self, batch: Sequence[Source], session: Session) -> SerialsByName:
        if self._serials is None:
            return {}
        comparable = sum(_get_serial(source.state) is not None for source in batch)
        is_worth_it = comparable >= MIN_PROJECTS_FOR_ROOT
        return self._serials.read(session, is_worth_it=is_worth_it) or {}

    def _fetch_document(
        self, source: Source, session: Session, serials: SerialsByName
    ) -> FetchResult:
        """Return what comes of one project; raises as ``Session.get``, and BadValue."""
        name, before = canonicalize_name(source.address), _get_serial(source.state)
        now = session.context.now()
        serial = serials.get(name)
        is_same = before is not None and serial is not None and before >= serial
        if is_same and not _is_aged(source, name, now):
            return Unchanged(state=source.state)
        etag = get_text(source.state, "etag") or None
        path = f"/pypi/{name}/json"
        reply = session.get(path, cost=_COST, etag=etag, max_bytes=MAX_DOCUMENT_BYTES)
        if error := self.error_outcome(reply):
            return error
        if reply.status == 304:
            if not etag:
                raise BadValue("status 304 without having been asked")
            return Unchanged(state={**source.state, "read_at": now.isoformat()})
        return self._read(source, name, reply, now)

    def _read(self, source: Source, name: str, reply: HostResponse, now: datetime) -> FetchResult:
        """Return what a document says; Unchanged for one older than the known (a cache's)."""
        document = read_document(reply.json, name)
        serial = document.serial
        if serial is None:
            serial = parse_number(reply.headers, "X-PyPI-Last-Serial")
        before = _get_serial(source.state)
        if before is not None and serial is not None and serial < before:
            return Unchanged(state=source.state)
        values = dict(document.values)
        if values["pypi_version"] != source.package.pypi_version:
            # The id is of a version in the catalogue that was loaded; the new one has none.
            values["latest_version_id"] = None
        given = source.state.get("documentation_url")
        if document.documentation_url and source.package.documentation_url in {None, "", given}:
            values["documentation_url"] = document.documentation_url
        state: dict[str, Any] = {
            **source.state,
            "index": self._index_mark,
            "etag": reply.etag,
            "serial": serial,
            "read_at": now.isoformat(),
            "documentation_url": document.documentation_url or given,
        }
        provenance = Provenance.of_etag("index json", reply.etag)
        if serial is not None:
            provenance = Provenance("index json", f"serial:{serial}")
        return Figures(values=values, marks=dict.fromkeys(values, provenance), state=state)


def _iter_projects() -> list[str]:
    """Return the addresses of the projects that the catalogue has."""
    return [str(row.address) for row in sources.iter_sources() if row.kind == PROJECT]


def _get_serial(state: Mapping[str, Any]) -> int | None:
    try:
        return get_int(state, "serial")
    except BadValue:
        return None


def _is_aged(source: Source, name: str, now: datetime) -> bool:
    """Return whether the document was read so long ago that it is read again."""
    read_at = get_datetime(source.state, "read_at")
    spread = timedelta(days=crc32(name.encode()) % AGE_SPREAD_DAYS)
    return read_at is not None and read_at + MAX_AGE + spread <= now
