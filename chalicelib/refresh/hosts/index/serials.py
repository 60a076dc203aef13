"""The serials of all projects, out of the root of the Simple API: one request for a catalogue.

The root lists every project with its ``_last-serial``, which grows with each change of the
project (the index's documentation of its Index API). It is tens of megabytes, so it is read as
it comes, conditionally, once an hour for all workers; what concerns our projects is kept in the
bucket as one small object.
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

from chalicelib.refresh.hosts.index.project_names import normalised
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
GOOD_FOR = timedelta(hours=1)
MAX_ROOT_BYTES, MAX_ROOT_SECONDS = 300_000_000, 120.0
#: A worker with less time than this leaves the root to one that has more.
MIN_ROOT_SECONDS = 20.0
#: Kept free of the worker's time: what it has read is still to be stored.
_SPARE_SECONDS = 15.0
#: So long nobody else reads the root once a worker has begun to; it may have been killed.
_CLAIM = timedelta(seconds=MAX_ROOT_SECONDS + 30)
_SOON = timedelta(seconds=30)
#: After a failure; and after so many in a row, for as long each project is asked for instead.
_PAUSE, MAX_FAILURES, _LONG_PAUSE = timedelta(minutes=5), 3, GOOD_FOR
_MAX_OBJECT_BYTES = 50_000_000
_NOT_JSON = (ijson.JSONError, ValueError, ArithmeticError)

Known = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class _Held:
    """What is stored: the serials of ``index`` as they were at ``checked_at``.

    Nobody asks again before ``not_before``: a worker is at it, or the index was no help.
    """

    index: str
    checked_at: datetime | None = None
    etag: str | None = None
    serials: Known = field(default_factory=dict)
    not_before: datetime | None = None
    failures: int = 0

    def is_good(self, now: datetime) -> bool:
        # Either way: the clocks of workers differ.
        return self.checked_at is not None and abs(now - self.checked_at) < GOOD_FOR

    def may_be_asked(self, now: datetime) -> bool:
        return self.not_before is None or self.not_before <= now


class Serials:
    """Which projects changed, for all workers. ``names`` gives the projects that we have.

    Safe to use from several threads; others wait for the one that reads.
    """

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names
        self._lock = threading.Lock()
        self._remembered: _Held | None = None

    def known(self, session: Session, is_worth_it: bool = True) -> Known | None:
        """Serials by normalised name, ``None`` for a project that the root does not list.

        Names that are not in it are to be asked for. It is at most an hour old. ``None`` as a
        whole: not ``is_worth_it`` to read the root now, or it could not be read several times;
        then each project is to be asked for. Raises Limited or OutOfTime when the batch is to
        be asked later; also where the root could not be read, or another worker is at it.
        """
        index = session.host.base_url
        with self._alone(session):
            now = session.context.now()
            held, etag = self._remembered, None
            if held is None or held.index != index or not held.is_good(now):
                held, etag = _stored(index)
            if held.is_good(now):
                self._remembered = held
                return held.serials
            if not is_worth_it:
                return None
            if held.may_be_asked(now):
                return self._asked(session, held, etag)
            if held.failures >= MAX_FAILURES:
                return None
            assert held.not_before is not None
            raise RateLimited("the index's root cannot be read now", held.not_before)

    def _asked(self, session: Session, held: _Held, etag: str | None) -> Known | None:
        """Ask for the root in the name of all workers, and store what comes of it."""
        now = session.context.now
        seconds = min(MAX_ROOT_SECONDS, session.context.seconds_left() - _SPARE_SECONDS)
        if seconds < MIN_ROOT_SECONDS:
            raise WorkerTimeout("too little time to read the index's root")
        etag = _claimed(replace(held, not_before=now() + _CLAIM), etag)
        if etag is None:
            raise RateLimited("another worker reads the index's root", now() + _SOON)
        try:
            found = self._root(session, held, seconds)
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
        _store(found, etag)
        self._remembered = found
        return found.serials

    def _root(self, session: Session, held: _Held, seconds: float) -> _Held:
        """What the root says now; raises as ``Session.stream``, Unreachable for what is no root."""
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
            wanted = {normalised(name) for name in self._names()}
            try:
                serials = _read(pieces, wanted)
            except _NOT_JSON as error:
                raise Unreachable("not JSON, or cut short") from error
            return _Held(held.index, asked_at, reply.etag, serials)

    @contextmanager
    def _alone(self, session: Session) -> Iterator[None]:
        patience = min(MAX_ROOT_SECONDS, session.context.seconds_left() - _SPARE_SECONDS)
        if not self._lock.acquire(timeout=max(0.0, patience)):
            raise WorkerTimeout("another thread reads the index's root")
        try:
            yield
        finally:
            self._lock.release()


def _read(pieces: Iterable[bytes], wanted: set[str]) -> dict[str, int | None]:
    """The serials of ``wanted`` in a root (PEP 691); raises what is in ``_NOT_JSON``.

    A project without a usable serial is left out, so that it is asked for.
    """
    found: dict[str, int] = {}
    listed: set[str] = set()
    is_empty = True
    projects = ijson.sendable_list()
    parser = ijson.items_coro(projects, "projects.item")
    for piece in pieces:
        parser.send(piece)
        for project in projects:
            is_empty = False
            try:
                name = normalised(get_text(project, "name"))
                if name in wanted:
                    listed.add(name)
                    found[name] = get_int(project, "_last-serial")
            except BadValue:
                continue
        del projects[:]
    parser.close()
    if is_empty:
        raise ValueError("no project in it")
    return {**dict.fromkeys(sorted(wanted - listed)), **found}


def _stored(index: str) -> tuple[_Held, str | None]:
    """What is stored for an index, and the object's ETag; nothing, if it is of no use."""
    try:
        stored = objects.read(KEY)
    except objects.NoSuchObject:
        return _Held(index), None
    try:
        held = _loaded(json.loads(_unzipped(stored.body)))
    except (ValueError, OSError, EOFError, zlib.error):
        return _Held(index), stored.etag
    return (held if held.index == index else _Held(index)), stored.etag


def _unzipped(body: bytes) -> bytes:
    unzipper = zlib.decompressobj(wbits=31)
    return unzipper.decompress(body, _MAX_OBJECT_BYTES)


def _loaded(written: Any) -> _Held:
    if not isinstance(written, dict) or not isinstance(written.get("serials"), dict):
        raise BadValue("no serials")
    return _Held(
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


def _dumped(held: _Held) -> bytes:
    written = {
        "index": held.index,
        "checked_at": held.checked_at and held.checked_at.isoformat(),
        "etag": held.etag,
        "serials": held.serials,
        "not_before": held.not_before and held.not_before.isoformat(),
        "failures": held.failures,
    }
    return gzip.compress(json.dumps(written).encode(), mtime=0)


def _claimed(held: _Held, etag: str | None) -> str | None:
    """Store ``held``; the object's new ETag, or ``None`` if somebody else wrote it."""
    body = _dumped(held)
    if not objects.replace(KEY, body, etag):
        return None
    stored = objects.read(KEY)
    return stored.etag if stored.body == body else None


def _store(held: _Held, etag: str) -> None:
    """Store ``held`` unless somebody else wrote meanwhile: then this worker was too slow."""
    objects.replace(KEY, _dumped(held), etag)
