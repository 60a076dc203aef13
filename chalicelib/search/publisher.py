"""Building the segment from the tables, and publishing it."""

import hashlib
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from chalicelib import clock, telemetry
from chalicelib.catalog import repository
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.search import index_manifest
from chalicelib.search.entries import entries
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.index_manifest import BadManifest, IndexManifest
from chalicelib.storage import objects
from chalicelib.storage.backoff import DEFAULT

#: A segment that is not named any more is kept for so long, for processes that are about to
#: download it.
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Published:
    """What was published; ``is_current`` is false if a newer segment was there already."""

    sha256: str
    entries: int
    size: int
    is_current: bool


def publish() -> Published:
    """Build a segment of what the tables hold now, and have the pointer name it.

    Safe to repeat and to run twice at once: segments are named by their contents, and the
    pointer never goes back to one that was built earlier. Raises a storage error.
    """
    with telemetry.reported("publish") as said:
        published = _publish(clock.now())
        said |= asdict(published)
    return published


def _publish(now: datetime) -> Published:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "segment.sqlite"
        found = entries(
            repository.iter_all(Package),
            repository.iter_all(Grid),
            list(repository.iter_all(Category)),
            now,
        )
        write_index(path, found)
        # What cannot be read must not replace what can.
        IndexFile(path).close()
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        objects.upload(index_manifest.key_of(sha256), path)
        size = path.stat().st_size
    is_current = _point_to(sha256, now)
    _remove_old(now)
    return Published(sha256, len(found), size, is_current)


def is_published() -> bool:
    """Whether there is a pointer to a segment; raises a storage error."""
    return _current()[0] is not None


def _point_to(sha256: str, now: datetime) -> bool:
    for _ in DEFAULT.tries():
        before, etag = _current()
        if before is not None and datetime.fromisoformat(before.built) > now:
            return False
        older = tuple(one for one in before.segments if one != sha256)[:1] if before else ()
        after = IndexManifest((sha256, *older), now.isoformat())
        if objects.replace(index_manifest.KEY, index_manifest.write(after), etag):
            return True
    raise objects.ObjectError(f"{index_manifest.KEY}: other writers were always faster")


def _current() -> tuple[IndexManifest | None, str | None]:
    try:
        found = objects.read(index_manifest.KEY)
    except objects.NoSuchObject:
        return None, None
    assert found is not None, "no ETag was given"
    try:
        return index_manifest.read(found.body), found.etag
    except BadManifest:
        # It leads nobody anywhere, so it may be replaced.
        return None, found.etag


def _remove_old(now: datetime) -> None:
    current, _ = _current()
    named = {index_manifest.key_of(sha256) for sha256 in current.segments} if current else set()
    for key, written in objects.listed(index_manifest.SEGMENTS):
        if key not in named and now - written > _KEPT:
            objects.delete(key)
