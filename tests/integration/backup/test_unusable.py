"""What is wrong with an export is found before anything is written."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.backup.exporter import export_tables
from chalicelib.backup.manifest import UnusableExport
from chalicelib.storage import objects
from tests.support import state
from tests.support.bucket import client_error, failing
from tests.support.exports import body, by_dynamodb, restore, wipe

PREFIX = "exports/20261125T210000Z/"
DATA = "packages/data/00000.json.gz"


@pytest.fixture
def ours(stored: state.Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export in the bucket, and empty tables."""
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-25T21:00:00Z")
    export_tables()
    wipe()


def _changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[], None]:
    return lambda: objects.overwrite(PREFIX + name, change(body(PREFIX + name)))


def _mark(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda text: json.dumps(json.loads(text) | changes).encode()


def _other_bytes(packed: bytes) -> bytes:
    return packed[:-20] + bytes(20)


SPOILT: dict[str, tuple[Callable[[], None], str]] = {
    "damaged": (_changed(DATA, _other_bytes), "00000.json.gz: its checksum"),
    "truncated": (_changed(DATA, lambda packed: packed[:-9]), "00000.json.gz: its checksum"),
    "other contents": (_changed(DATA, lambda _: gzip.compress(b"")), "its checksum"),
    "data missing": (lambda: objects.delete(PREFIX + DATA), "00000.json.gz is missing"),
    "last one missing": (
        lambda: objects.delete(PREFIX + "hosts/data/00000.json.gz"),
        "hosts/data/.* is missing",
    ),
    "manifest missing": (
        lambda: objects.delete(PREFIX + "names/manifest-files.json"),
        "manifest-files.json is miss",
    ),
    "summary missing": (
        lambda: objects.delete(PREFIX + "names/manifest-summary.json"),
        "summary.json is missing",
    ),
    "manifest changed": (
        _changed("names/manifest-files.json", lambda text: text + b"\n"),
        "not the one in export",
    ),
    "summary changed": (
        _changed("names/manifest-summary.json", lambda text: text + b"\n"),
        "not the one in export",
    ),
    "mark gone": (lambda: objects.delete(PREFIX + "export.json"), "is unfinished"),
    "mark no JSON": (_changed("export.json", lambda _: b"{"), "export.json: "),
    "mark a list": (_changed("export.json", lambda _: b"[]"), "no JSON object"),
    "mark of a later version": (_changed("export.json", _mark(version=2)), "another version: 2"),
    "mark without sums": (_changed("export.json", _mark(sha256={})), "without checksums"),
    "mark without tables": (_changed("export.json", _mark(tables=None)), "export.json: "),
    "mark of no tables": (_changed("export.json", _mark(tables={})), "no finished export of pack"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_export_of_ours_is_refused(ours: None, name: str) -> None:
    spoil, reason = SPOILT[name]
    spoil()
    with pytest.raises(UnusableExport, match=reason):
        restore(PREFIX)
    assert state.rows() == {}


FOLDER = "aws/AWSDynamoDB/00-1a2b/"


def _manifest(**changes: Any) -> bytes:
    lines = body(FOLDER + "manifest-files.json").splitlines()
    return b"\n".join([json.dumps(json.loads(lines[0]) | changes).encode(), *lines[1:]])


def _without_checksums(name: str, content: Callable[[], bytes]) -> Callable[[], None]:
    """Put an object, and take away what tells that it is not the one that was written."""

    def spoil() -> None:
        objects.overwrite(FOLDER + name, content())
        objects.delete(FOLDER + name.replace(".json", ".checksum"))

    return spoil


def _repacked(change: Callable[[bytes], bytes]) -> Callable[[], None]:
    """Change a data file, and have the manifest agree with it."""

    def spoil() -> None:
        key = FOLDER + "data/part0.json.gz"
        packed = change(body(key))
        objects.overwrite(key, packed)
        md5 = base64.b64encode(hashlib.md5(packed).digest()).decode()
        _without_checksums("manifest-files.json", lambda: _manifest(md5Checksum=md5))()

    return spoil


def _relined(change: Callable[[bytes], bytes]) -> Callable[[], None]:
    return _repacked(lambda packed: gzip.compress(change(gzip.decompress(packed))))


def _summary(**changes: Any) -> Callable[[], None]:
    name = "manifest-summary.json"
    return _without_checksums(
        name, lambda: json.dumps(json.loads(body(FOLDER + name)) | changes).encode()
    )


SPOILT_BY_OTHERS: dict[str, tuple[Callable[[], None], str]] = {
    "checksum beside": (
        lambda: objects.overwrite(FOLDER + "manifest-files.json", _manifest(a=1)),
        "beside it",
    ),
    "truncated": (_repacked(lambda packed: packed[:-9]), "part0.json.gz: item 3: EOFError"),
    "not packed": (_repacked(gzip.decompress), "part0.json.gz: item 1: BadGzipFile"),
    "broken inside": (
        _repacked(lambda packed: packed[:40] + b"\0" * 8 + packed[48:]),
        "part0.json.gz: item 1: ",
    ),
    "no JSON": (_relined(lambda text: b"x" + text), "item 1: JSONDecodeError"),
    "no key": (_relined(lambda text: text.replace(b'"id"', b'"di"')), "item 1: without its key id"),
    "an item less": (_relined(lambda text: text.split(b"\n")[0]), "1 items, the manifest says 2"),
    "an item more": (_relined(lambda text: text + text), "4 items, the manifest says 2"),
    "wrong sum of items": (
        _without_checksums("manifest-files.json", lambda: _manifest(itemCount=9)),
        "not as many",
    ),
    "manifest no JSON": (
        _without_checksums("manifest-files.json", lambda: b"x"),
        "JSONDecodeError",
    ),
    "manifest of something else": (
        _without_checksums("manifest-files.json", lambda: b"{}"),
        "KeyError",
    ),
    "incremental": (_summary(exportType="INCREMENTAL_EXPORT"), "not a full export"),
    "another format": (_summary(outputFormat="ION"), "not DYNAMODB_JSON"),
    "another table": (_summary(tableArn="arn:aws:dynamodb:x:1:table/Music"), "'Music', which is"),
    "two of a table": (
        _summary(tableArn="arn:aws:dynamodb:x:1:table/shop-GridsTable-9"),
        "two exports of grids",
    ),
    "one without end": (
        lambda: objects.delete(FOLDER + "manifest-summary.json"),
        "no finished export of packages",
    ),
}


@pytest.mark.parametrize("name", SPOILT_BY_OTHERS)
def test_a_spoilt_export_of_dynamodb_is_refused(stored: state.Rows, name: str) -> None:
    by_dynamodb("aws/", stored)
    wipe()
    spoil, reason = SPOILT_BY_OTHERS[name]
    spoil()
    with pytest.raises(UnusableExport, match=reason):
        restore("aws/")
    assert state.rows() == {}


def test_a_bucket_that_fails_is_no_matter_of_the_export(ours: None) -> None:
    with failing(client_error("SlowDown")), pytest.raises(objects.ObjectError, match="SlowDown"):
        restore(PREFIX)
    assert state.rows() == {}
