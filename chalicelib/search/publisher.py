"""Building the index file from the tables and publishing it to the bucket."""

import hashlib
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from chalicelib import clock, telemetry
from chalicelib.catalog import repository
from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.search import index_manifest
from chalicelib.search.entries import build_entries
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.index_manifest import BadManifest, IndexManifest
from chalicelib.storage import objects
from chalicelib.storage.backoff import DEFAULT_BACKOFF

#: Index files that the manifest no longer names are kept this long, because a process may be
#: about to download one.
_MAX_AGE_OF_OLD_FILES = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Publication:
    """A published index file; ``is_current`` is false if a newer one was already published."""

    sha256: str
    entries: int
    size: int
    is_current: bool


def publish() -> Publication:
    """Build an index file from the tables and make it the current one.

    This is safe to repeat and to run twice at once: index files are named by their contents, and
    the manifest never goes back to a file that was built earlier. Raises a storage error.
    """
    with telemetry.log_run("publish") as log_fields:
        publication = _publish(clock.now())
        log_fields |= asdict(publication)
    return publication


def _publish(now: datetime) -> Publication:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite"
        entries = build_entries(
            repository.iter_all(Package),
            repository.iter_all(Grid),
            list(repository.iter_all(Category)),
            now,
        )
        write_index(path, entries)
        # An unreadable file must never replace a readable one.
        IndexFile(path).close()
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        objects.upload(index_manifest.build_index_key(sha256), path)
        size = path.stat().st_size
    is_current = _update_manifest(sha256, now)
    _delete_old_files(now)
    return Publication(sha256, len(entries), size, is_current)


def is_published() -> bool:
    """Return whether a manifest names an index file; raise a storage error if S3 fails."""
    return _read_manifest()[0] is not None


def _update_manifest(sha256: str, now: datetime) -> bool:
    """Make an index file the current one; return whether it is newer than the previous one."""
    for _ in DEFAULT_BACKOFF.iter_attempts():
        previous, etag = _read_manifest()
        if previous is not None and datetime.fromisoformat(previous.built_at) > now:
            return False
        older = [digest for digest in previous.digests if digest != sha256][:1] if previous else []
        manifest = IndexManifest((sha256, *older), now.isoformat())
        body = index_manifest.format_manifest(manifest)
        if objects.replace(index_manifest.MANIFEST_KEY, body, etag):
            return True
    raise objects.ObjectError(
        f"{index_manifest.MANIFEST_KEY}: another writer replaced it at every attempt"
    )


def _read_manifest() -> tuple[IndexManifest | None, str | None]:
    """Return the manifest and its ETag; None for a manifest that is missing or malformed."""
    try:
        stored = objects.read(index_manifest.MANIFEST_KEY)
    except objects.NoSuchObject:
        return None, None
    try:
        return index_manifest.parse_manifest(stored.body), stored.etag
    except BadManifest:
        # No reader can use it, so it may be replaced.
        return None, stored.etag


def _delete_old_files(now: datetime) -> None:
    manifest, _ = _read_manifest()
    keys = set(map(index_manifest.build_index_key, manifest.digests)) if manifest else set()
    for key, written in objects.iter_keys(index_manifest.INDEX_FILES_PREFIX):
        if key not in keys and now - written > _MAX_AGE_OF_OLD_FILES:
            objects.delete(key)
