"""The published segment, on this machine's disk: downloaded once, swapped for a newer one."""

import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chalicelib.search import index_manifest
from chalicelib.search.index_file.reader import IndexFile, UnreadableIndex
from chalicelib.storage import objects

_log = logging.getLogger(__name__)


class IndexUnavailable(objects.ObjectError):
    """No segment was published, or none that can be read."""


class IndexCache:
    """The segment that a process answers from; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._segment: IndexFile | None = None
        self._sha256: str | None = None
        self._etag: str | None = None
        self._checked = 0.0

    @contextmanager
    def segment(self, seconds: float) -> Iterator[IndexFile]:
        """The current segment, held while the block runs.

        It is looked after if that was last done more than ``seconds`` ago. If then a newer one
        cannot be had, the one at hand stays. Raises ObjectError (NoSegment) if there is none.
        """
        with self._lock:
            now = self._clock()
            if self._segment is None or now - self._checked >= seconds:
                self._look()
                self._checked = now
            assert self._segment is not None
            yield self._segment

    def _look(self) -> None:
        try:
            self._follow()
        except (objects.ObjectError, index_manifest.BadManifest, OSError) as error:
            if self._segment is not None:
                _log.error("the search index stays as it is: %s", error)
                return
            if isinstance(error, objects.ObjectError):
                raise
            raise IndexUnavailable(str(error)) from error

    def _follow(self) -> None:
        found = objects.read(index_manifest.KEY, self._etag)
        if found is None:
            return
        problem = ""
        for sha256 in index_manifest.read(found.body).segments:
            if sha256 == self._sha256:
                break
            try:
                self._open(sha256)
            except (objects.ObjectError, UnreadableIndex) as error:
                # The one before it is better than none.
                problem = str(error)
                _log.error("a published segment cannot be used: %s", error)
                continue
            break
        else:
            raise IndexUnavailable(problem)
        # With a segment that could not be used, look again next time: it may have been mended.
        self._etag = None if problem else found.etag

    def _open(self, sha256: str) -> None:
        folder = self._own_folder()
        path = folder / f"{sha256}.sqlite"
        try:
            segment = _downloaded(sha256, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if self._segment is not None:
            self._segment.close()
            (folder / f"{self._sha256}.sqlite").unlink(missing_ok=True)
        self._segment, self._sha256 = segment, sha256

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="packgrid-search-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder


def _downloaded(sha256: str, path: Path) -> IndexFile:
    if objects.download(index_manifest.key_of(sha256), path) != sha256:
        raise UnreadableIndex(f"{path.name} is not what was published")
    return IndexFile(path)


INDEX_CACHE = IndexCache()
