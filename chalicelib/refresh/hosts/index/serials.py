"""The serials of all projects, from the root of the Simple API: one request for a catalogue.

The root lists every project with its ``_last-serial``, which grows with each change of the
project (the index's documentation of its Index API). It is tens of megabytes, so it is streamed,
conditionally, once an hour for all workers; the serials of our projects are kept in the bucket as
one small object.
"""

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import ijson  # type: ignore[import-untyped]
from packaging.utils import canonicalize_name

from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.json_fields import BadValue, get_datetime, get_int, get_text
from chalicelib.storage import objects

KEY = "refresh/serials.json.gz"
MEDIA_TYPE = "application/vnd.pypi.simple.v1+json"
MAX_AGE = timedelta(hours=1)
MAX_ROOT_BYTES, MAX_ROOT_SECONDS = 300_000_000, 120.0
#: A worker with less time than this leaves the root to one that has more.
MIN_ROOT_SECONDS = 20.0
#: Kept free of the worker's time: what it has read is still to be stored.
_SPARE_SECONDS = 15.0
#: The claim of a worker that reads the root ends after this; it may have been killed.
_CLAIM_TIME = timedelta(seconds=MAX_ROOT_SECONDS + 30)
_CLAIM_WAIT = timedelta(seconds=30)
#: The pause after a failure, and after so many in a row a long one, in which each project is
#: asked for instead.
_PAUSE, MAX_FAILURES, _LONG_PAUSE = timedelta(minutes=5), 3, MAX_AGE
_MAX_OBJECT_BYTES = 50_000_000
_NOT_JSON = (ijson.JSONError, ValueError, ArithmeticError)

SerialsByName = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class _StoredSerials:
    """The stored serials of ``index`` as they were at ``checked_at``.

    Nobody asks again before ``not_before``: a worker is at it, or the index was no help.
    """

    index: str
    checked_at: datetime | None = None
    etag: str | None = None
    serials: SerialsByName = field(default_factory=dict)
    not_before: datetime | None = None
    failures: int = 0

    def is_fresh(self, now: datetime) -> bool:
        # Either way: the clocks of workers differ.
        return self.checked_at is not None and abs(now - self.checked_at) < MAX_AGE

    def may_be_read(self, now: datetime) -> bool:
        return self.not_before is None or self.not_before <= now


class Serials:
    """The serials for all workers. ``names`` returns the projects that we have.

    Safe to use from several threads; others wait for the one that reads.
    """

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names
        self._lock = threading.Lock()
        self._remembered: _StoredSerials | None = None

    def read(self, session: Session, is_worth_it: bool = True) -> SerialsByName | None:
        """Return serials by normalised name, ``None`` for a project that the root does not list.

        They are at most an hour old; documents of names that are missing are to be read.
        ``None`` as a whole if it is not ``is_worth_it`` to read the root now, or reading it
        failed several times: then all documents are to be read. Raises RateLimited or
        WorkerTimeout if the batch has to wait, also for a root that failed or that another worker
        is reading.
        """
        index = session.host.base_url
        with self._lock_root(session):
            now = session.context.now()
            held, etag = self._remembered, None
            if held is None or held.index != index or not held.is_fresh(now):
                held, etag = _load(index)
            if held.is_fresh(now):
                self._remembered = held
                return held.serials
            if not is_worth_it:
                return None
            if held.may_be_read(now):
                return self._claim_and_read(session, held, etag)
            if held.failures >= MAX_FAILURES:
                return None
            assert held.not_before is not None
            raise RateLimited("the index's root cannot be read now", held.not_before)

    def _claim_and_read(
        self, session: Session, held: _StoredSerials, etag: str | None
    ) -> SerialsByName | None:
        """Read the root for all workers, and store the serials."""
        now = session.context.now
        seconds = min(MAX_ROOT_SECONDS, session.context.seconds_left() - _SPARE_SECONDS)
        if seconds < MIN_ROOT_SECONDS:
            raise WorkerTimeout("too little time to read the index's root")
        etag = _claim(replace(held, not_before=now() + _CLAIM_TIME), etag)
        if etag is None:
            raise RateLimited("another worker reads the index's root", now() + _CLAIM_WAIT)
        try:
            fresh = self._read_root(session, held, seconds)
        except RateLimited as error:
            _store(replace(held, not_before=error.until), etag)
            raise
        except WorkerTimeout:
            _store(held, etag)
            raise
        except (Unreachable, RequestRejected) as error:
            failures = held.failures + 1
            pause = _PAUSE if failures < MAX_FAILURES else _LONG_PAUSE
            until = now() + pause
            _store(replace(held, failures=failures, not_before=until), etag)
            if failures >= MAX_FAILURES:
                return None
            raise RateLimited(f"the index's root: {error}", until) from error
        _store(fresh, etag)
        self._remembered = fresh
        return fresh.serials

    def _read_root(self, session: Session, held: _StoredSerials, seconds: float) -> _StoredSerials:
        """Read the root; raises as ``Session.stream``, and Unreachable for what is no root."""
        headers = {"Accept": MEDIA_TYPE}
        if held.etag:
            headers["If-None-Match"] = held.etag
        asked_at = session.context.now()
        with session.stream(
            "/simple/",
            cost={"requests": 1},
            headers=headers,
            max_bytes=MAX_ROOT_BYTES,
            seconds=seconds,
        ) as (reply, pieces):
            if reply.status == 304 and held.etag:
                return replace(held, checked_at=asked_at, not_before=None, failures=0)
            if reply.status != 200:
                raise Unreachable(f"status {reply.status}")
            projects: set[str] = {canonicalize_name(name) for name in self._names()}
            try:
                serials = _parse(pieces, projects)
            except _NOT_JSON as error:
                raise Unreachable("not JSON, or cut short") from error
            return _StoredSerials(held.index, asked_at, reply.etag, serials)

    @contextmanager
    def _lock_root(self, session: Session) -> Iterator[None]:
        patience = min(MAX_ROOT_SECONDS, session.context.seconds_left() - _SPARE_SECONDS)
        if not self._lock.acquire(timeout=max(0.0, patience)):
            raise WorkerTimeout("another thread reads the index's root")
        try:
            yield
        finally:
            self._lock.release()


def _parse(pieces: Iterable[bytes], names: set[str]) -> dict[str, int | None]:
    """Return the serials of ``names`` in a root (PEP 691); raises what is in ``_NOT_JSON``.

    A project without a usable serial is left out, so that its document is read.
    """
    serials: dict[str, int] = {}
    listed: set[str] = set()
    is_empty = True
    projects = ijson.sendable_list()
    parser = ijson.items_coro(projects, "projects.item")
    for piece in pieces:
        parser.send(piece)
        for project in projects:
            is_empty = False
            try:
                name = canonicalize_name(get_text(project, "name"))
                if name in names:
                    listed.add(name)
                    serials[name] = get_int(project, "_last-serial")
            except BadValue:
                continue
        del projects[:]
    parser.close()
    if is_empty:
        raise ValueError("no project in it")
    return {**dict.fromkeys(sorted(names - listed)), **serials}


def _load(index: str) -> tuple[_StoredSerials, str | None]:
    """Return what is stored for an index, and the object's ETag; nothing if it is of no use."""
    try:
        stored = objects.read(KEY)
    except objects.NoSuchObject:
        return _StoredSerials(index), None
    try:
        held = _parse_stored(json.loads(_unzip(stored.body)))
    except (ValueError, OSError, EOFError, zlib.error):
        return _StoredSerials(index), stored.etag
    return (held if held.index == index else _StoredSerials(index)), stored.etag


def _unzip(body: bytes) -> bytes:
    unzipper = zlib.decompressobj(wbits=31)
    return unzipper.decompress(body, _MAX_OBJECT_BYTES)


def _parse_stored(written: Any) -> _StoredSerials:
    if not isinstance(written, dict) or not isinstance(written.get("serials"), dict):
        raise BadValue("no serials")
    return _StoredSerials(
        get_text(written, "index"),
        get_datetime(written, "checked_at"),
        get_text(written, "etag") or None,
        {
            name: None if serial is None else get_int(written, "serials", name)
            for name, serial in written["serials"].items()
        },
        get_datetime(written, "not_before"),
        get_int(written, "failures"),
    )


def _dump(held: _StoredSerials) -> bytes:
    written = {
        "index": held.index,
        "checked_at": held.checked_at and held.checked_at.isoformat(),
        "etag": held.etag,
        "serials": held.serials,
        "not_before": held.not_before and held.not_before.isoformat(),
        "failures": held.failures,
    }
    return gzip.compress(json.dumps(written).encode(), mtime=0)


def _claim(held: _StoredSerials, etag: str | None) -> str | None:
    """Store ``held``; returns the new ETag, or ``None`` if somebody else wrote the object."""
    body = _dump(held)
    if not objects.replace(KEY, body, etag):
        return None
    stored = objects.read(KEY)
    return stored.etag if stored.body == body else None


def _store(held: _StoredSerials, etag: str) -> None:
    """Store ``held`` unless somebody else wrote meanwhile: then this worker was too slow."""
    objects.replace(KEY, _dump(held), etag)
