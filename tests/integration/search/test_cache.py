"""The index file that a process has: swapped for a newer one, kept if that cannot be used."""

import hashlib
import json
import tempfile
import threading
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib import clock
from chalicelib.catalog import changes
from chalicelib.search import index_manifest
from chalicelib.search.cache import IndexCache
from chalicelib.search.publisher import Publication, publish
from chalicelib.search.searcher import search
from chalicelib.storage import objects
from tests.support import entities
from tests.support.bucket import around_calls, client_error, failing

HOUR = 3600.0
GARBAGE = [b"", b"SQLite format 3\0", b"\xff" * 5000]


class Process:
    """A process that searches, with a clock of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.cache = IndexCache(lambda: self.now)

    def slugs(self, text: str = "cat", seconds: float = 60) -> list[str]:
        with self.cache.acquire(seconds) as index:
            return sorted(json.loads(body)["slug"] for body in search(index, text))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where processes of the test keep what they download."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _add(id: int, slug: str) -> Publication:
    changes.create(entities.package(id, title=slug, slug=slug))
    return publish()


def _overwrite(sha256: str, body: bytes) -> None:
    """Damage a published index file."""
    objects.delete(index_manifest.build_index_key(sha256))
    assert objects.replace(index_manifest.build_index_key(sha256), body, None)


def test_a_newer_index_file_is_taken_up_when_it_is_time_to_look(
    catalogue: None, folder: Path
) -> None:
    publish()
    process = Process()
    assert "catkin" not in process.slugs()
    _add(9, "catkin")
    process.now += 59
    assert "catkin" not in process.slugs()
    process.now += 1
    assert "catkin" in process.slugs()
    # The one before is not kept.
    assert len([*folder.rglob("*.sqlite")]) == 1


def test_looking_is_one_conditional_request(catalogue: None, folder: Path) -> None:
    publish()
    process = Process()
    process.slugs()
    with around_calls(lambda operation, arguments, call: call()) as operations:
        process.slugs()
        assert operations == []
        process.now += HOUR
        process.slugs()
    assert operations == ["GetObject"]


@pytest.mark.parametrize("body", GARBAGE)
def test_an_index_file_that_cannot_be_read_does_not_take_its_place(
    catalogue: None, folder: Path, body: bytes
) -> None:
    publish()
    process = Process()
    before = process.slugs()
    _overwrite(_add(9, "catkin").sha256, body)
    process.now += HOUR
    assert process.slugs() == before
    # Mended, it is taken up at the next look.
    objects.delete(index_manifest.MANIFEST_KEY)
    publish()
    process.now += HOUR
    assert "catkin" in process.slugs()


@pytest.mark.parametrize("body", GARBAGE)
def test_a_process_that_starts_takes_the_one_before(
    catalogue: None, folder: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-23T11:00:00Z")
    publish()
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-23T12:00:00Z")
    _overwrite(_add(9, "catkin").sha256, body)
    slugs = Process().slugs()
    assert "pets" in slugs
    assert "catkin" not in slugs


def test_an_index_file_of_another_format_is_not_read(catalogue: None, folder: Path) -> None:
    published = publish()
    path = folder / "other.sqlite"
    objects.download(index_manifest.build_index_key(published.sha256), path)
    raw = bytearray(path.read_bytes())
    raw[63] ^= 0xFF  # SQLite's user_version
    # Published under its own digest: nothing but its format is wrong.
    sha256 = hashlib.sha256(raw).hexdigest()
    assert objects.replace(index_manifest.build_index_key(sha256), bytes(raw), None)
    objects.delete(index_manifest.MANIFEST_KEY)
    named = index_manifest.IndexManifest((sha256,), "2026-11-23T11:00:00+00:00")
    assert objects.replace(index_manifest.MANIFEST_KEY, index_manifest.format_manifest(named), None)
    with pytest.raises(objects.ObjectError, match="is not an index file of format"):
        Process().slugs()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"segments":["../../x"],"built":""}'])
def test_a_manifest_that_cannot_be_read_changes_nothing(
    catalogue: None, folder: Path, body: bytes
) -> None:
    publish()
    process = Process()
    before = process.slugs()
    objects.delete(index_manifest.MANIFEST_KEY)
    assert objects.replace(index_manifest.MANIFEST_KEY, body, None)
    process.now += HOUR
    assert process.slugs() == before
    with pytest.raises(objects.ObjectError):
        Process().slugs()


@pytest.mark.parametrize(
    "error",
    [
        client_error("SlowDown"),
        client_error("AccessDenied", 403),
        client_error("NoSuchKey", 404),
        EndpointConnectionError(endpoint_url="http://secret.example"),
    ],
)
def test_a_bucket_that_does_not_answer_changes_nothing(
    catalogue: None, folder: Path, error: Exception
) -> None:
    publish()
    process = Process()
    before = process.slugs()
    process.now += HOUR
    with failing(error) as operations:
        assert process.slugs() == before
        # It is not asked at every search while it is down.
        process.slugs()
    assert len(operations) == 1
    with failing(error), pytest.raises(objects.ObjectError):
        Process().slugs()


def test_without_an_index_file_there_is_no_answer(tables: None, bucket: None, folder: Path) -> None:
    with pytest.raises(objects.NoSuchObject):
        Process().slugs()


def test_threads_search_while_it_is_swapped(catalogue: None, folder: Path) -> None:
    publish()
    process = Process()
    failures: list[BaseException] = []
    done = threading.Event()

    def searching() -> None:
        try:
            while not done.is_set():
                assert "pets" in process.slugs(seconds=0)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=searching) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10, 15):
        _add(number, f"cat-{number}")
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert "cat-14" in process.slugs(seconds=0)
