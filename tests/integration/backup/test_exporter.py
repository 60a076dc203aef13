"""Exports: all that the tables hold, in DynamoDB's format, whole or not there."""

import base64
import hashlib
import json
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.backup import manifest
from chalicelib.backup.exporter import export_tables
from chalicelib.backup.manifest import UnusableExport
from chalicelib.settings import TABLES
from chalicelib.storage import objects, raw_items
from tests.support import bucket as s3
from tests.support import state
from tests.support.aws import Died, failing
from tests.support.exports import body, keys, lines, restore, wipe

NOW = "2026-11-25T21:00:00.5Z"
PREFIX = "exports/20261125T210000Z/"


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, NOW)


def test_every_table_comes_back_as_it_was(stored: state.Rows) -> None:
    done = export_tables()
    assert done.prefix == PREFIX
    assert done.counts == {kind: sum(of == kind for of, _ in stored) for kind in TABLES}
    wipe()
    assert state.rows() == {}
    restored = restore(PREFIX)
    assert state.rows() == stored
    assert {kind: table.written for kind, table in restored.items()} == done.counts
    state.assert_sound()


def test_the_format_is_that_of_dynamodb(stored: state.Rows) -> None:
    export_tables()
    folder = PREFIX + "history/"
    summary = json.loads(body(folder + "manifest-summary.json"))
    assert summary["outputFormat"] == "DYNAMODB_JSON"
    assert summary["exportType"] == "FULL_EXPORT"
    assert summary["itemCount"] == 2
    files = body(summary["manifestFilesS3Key"])
    (entry,) = map(json.loads, files.splitlines())
    packed = body(entry["dataFileS3Key"])
    assert entry == {
        "itemCount": 2,
        "md5Checksum": base64.b64encode(hashlib.md5(packed).digest()).decode(),
        "etag": hashlib.md5(packed).hexdigest(),
        "dataFileS3Key": folder + "data/00000.json.gz",
    }
    items = [line["Item"] for line in lines(packed)]
    assert {item["at"]["S"] for item in items} == {"2026-11-01", "2026-11-02"}
    for item in items:
        assert item["bytes"] == {"B": base64.b64encode(bytes(range(256))).decode()}
        assert set(item["many bytes"]["BS"]) == {"/w==", "AA=="}


def test_the_mark_names_every_other_object_and_its_sha256(stored: state.Rows) -> None:
    export_tables()
    mark = json.loads(body(PREFIX + "export.json"))
    others = set(keys(PREFIX)) - {PREFIX + "export.json", PREFIX + "_started"}
    assert {PREFIX + name for name in mark["sha256"]} == others
    for name, sha256 in mark["sha256"].items():
        assert hashlib.sha256(body(PREFIX + name)).hexdigest() == sha256
    assert set(mark["tables"]) == set(TABLES)
    assert mark["tables"]["packages"] == {
        "tableName": raw_items.get_table_name("packages"),
        "manifest": "packages/manifest-summary.json",
        "itemCount": 3,
    }


def test_a_large_table_is_read_in_pages_and_written_in_files(tables: None, bucket: None) -> None:
    # 1 MB is the most that one page of a Scan has.
    for number in range(30):
        item = {"package_id": {"N": str(number)}, "at": {"S": "x"}, "fat": {"B": bytes(100_000)}}
        raw_items.create_item("history", item)
    before = state.rows()
    export_tables(data_file_bytes=500_000)
    assert len(keys(PREFIX + "history/data/")) == 8
    assert len(keys(PREFIX + "hosts/data/")) == 1
    wipe()
    assert restore(PREFIX)["history"].written == 30
    assert state.rows() == before


def test_an_export_that_dies_at_any_write_is_not_usable(stored: state.Rows) -> None:
    with s3.around_calls(lambda name, arguments, call: call()) as calls:
        export_tables()
    writes = len(calls)
    assert writes == calls.count("PutObject") == 2 + 3 * len(TABLES)
    for at in range(writes):
        _empty_bucket()
        with pytest.raises(Died), s3.dying(at, after=False):
            export_tables()
        _is_unusable(is_begun=at > 0)
    _empty_bucket()
    with pytest.raises(Died), s3.dying(writes - 2, after=True):
        export_tables()
    _is_unusable(is_begun=True)


def _is_unusable(is_begun: bool) -> None:
    listed = list(manifest.iter_exports())
    expected = [(PREFIX, manifest.UNFINISHED, None)] if is_begun else []
    assert [(one.prefix, one.state, one.items) for one in listed] == expected
    with pytest.raises(UnusableExport, match="unfinished" if is_begun else "nothing below"):
        manifest.find_export(PREFIX)


def _empty_bucket() -> None:
    for key in keys(""):
        objects.delete(key)


def test_of_two_at_once_the_second_writes_nothing(stored: state.Rows) -> None:
    before: dict[str, bytes] = {}

    def other(name: str, arguments: Any, call: Any) -> Any:
        # In the middle of the first, another one begins in the same second.
        if arguments.get("Key", "").endswith("grids/manifest-files.json") and not before:
            before.update({key: body(key) for key in keys("")})
            with pytest.raises(objects.ObjectExists, match="_started"):
                export_tables()
            assert {key: body(key) for key in keys("")} == before
        return call()

    with s3.around_calls(other):
        export_tables()
    assert before
    wipe()
    restore(PREFIX)
    assert state.rows() == stored


def test_one_of_the_same_instant_is_left_as_it_is(stored: state.Rows) -> None:
    export_tables()
    before = {key: body(key) for key in keys("")}
    with pytest.raises(objects.ObjectExists):
        export_tables()
    assert {key: body(key) for key in keys("")} == before


def test_a_write_whose_answer_was_lost_is_its_own(stored: state.Rows) -> None:
    def twice(name: str, arguments: Any, call: Any) -> Any:
        # As botocore tries again: S3 did it, the second time it says that it is there.
        if name == "PutObject":
            call()
        return call()

    with s3.around_calls(twice):
        export_tables()
    wipe()
    restore(PREFIX)
    assert state.rows() == stored


def test_a_storage_that_fails_is_passed_on(stored: state.Rows) -> None:
    with pytest.raises(objects.ObjectError, match="SlowDown"):
        with s3.failing(s3.client_error("SlowDown")):
            export_tables()
    with pytest.raises(Exception, match="nowhere"):
        with failing("Scan", lambda arguments: "sources" in arguments["TableName"]):
            export_tables()
    _is_unusable(is_begun=True)


def test_what_lists_exports_tells_them_apart(stored: state.Rows) -> None:
    export_tables()
    objects.overwrite("exports/20261124T000000Z/_started", b"")
    objects.overwrite("exports/20261126T000000Z/export.json", b"{")
    objects.overwrite("exports/", b"")
    objects.overwrite("exports/notes.txt", b"")
    objects.overwrite("other/20261126T000000Z/_started", b"")
    found = {one.prefix: (one.state, one.items) for one in manifest.iter_exports()}
    assert found == {
        "exports/20261124T000000Z/": (manifest.UNFINISHED, None),
        PREFIX: (manifest.FINISHED, len(stored)),
        "exports/20261126T000000Z/": (manifest.UNREADABLE, None),
    }
    (size,) = [one.size for one in manifest.iter_exports() if one.prefix == PREFIX]
    assert size == sum(len(body(key)) for key in keys(PREFIX))
