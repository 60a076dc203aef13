"""The index file of a process: downloaded once, replaced when a newer one is published."""

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
    """No index file is published, or none that can be read."""


class IndexCache:
    """The current index file on this machine's disk; safe to use from several threads.

    The file is closed and deleted when the cache is garbage collected or the process ends.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._index: IndexFile | None = None
        self._close_index: Callable[[], object] = lambda: None
        self._sha256: str | None = None
        self._etag: str | None = None
        self._checked_at = 0.0

    @contextmanager
    def acquire(self, max_age: float) -> Iterator[IndexFile]:
        """Lock the current index file while the block runs.

        The manifest is read again if that was last done ``max_age`` seconds ago or earlier. If a
        newer file cannot be had then, the present one stays in use. Raises ObjectError
        (IndexUnavailable, NoSuchObject) if there is none.
        """
        with self._lock:
            now = self._clock()
            if self._index is None or now - self._checked_at >= max_age:
                self._refresh()
                self._checked_at = now
            assert self._index is not None
            yield self._index

    def _refresh(self) -> None:
        try:
            self._follow_manifest()
        except (objects.ObjectError, index_manifest.BadManifest, OSError) as error:
            if self._index is not None:
                _log.error("the search index was not refreshed: %s", error)
                return
            if isinstance(error, objects.ObjectError):
                raise
            raise IndexUnavailable(str(error)) from error

    def _follow_manifest(self) -> None:
        stored = objects.read_if_changed(index_manifest.MANIFEST_KEY, self._etag)
        if stored is None:
            return
        problem = ""
        for sha256 in index_manifest.parse_manifest(stored.body).digests:
            if sha256 == self._sha256:
                break
            try:
                self._open(sha256)
            except (objects.ObjectError, UnreadableIndex) as error:
                # The previous file is better than none.
                problem = str(error)
                _log.error("a published index file cannot be used: %s", error)
                continue
            break
        else:
            raise IndexUnavailable(problem)
        # After a problem, read the manifest again next time: the file may have been repaired.
        self._etag = None if problem else stored.etag

    def _open(self, sha256: str) -> None:
        folder = self._get_folder()
        path = folder / f"{sha256}.sqlite"
        try:
            index = _download(sha256, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._close_index()
        (folder / f"{self._sha256}.sqlite").unlink(missing_ok=True)
        self._index, self._sha256 = index, sha256
        # Closes the file once: at the next call, with the cache, or when the process ends.
        self._close_index = weakref.finalize(self, index.close)

    def _get_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="packgrid-search-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder


def _download(sha256: str, path: Path) -> IndexFile:
    if objects.download(index_manifest.build_index_key(sha256), path) != sha256:
        raise UnreadableIndex(f"{path.name} does not have the published contents")
    return IndexFile(path)


INDEX_CACHE = IndexCache()
