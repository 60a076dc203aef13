"""Exports whose checksums are right and whose contents are not: nothing is written of them."""

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.backup import download
from chalicelib.backup.dynamodb_json import encode_item
from chalicelib.backup.exporter import export_tables
from chalicelib.cli.__main__ import main
from chalicelib.storage import objects, raw_items
from tests.integration.backup.test_values import KEY, nested
from tests.support import state
from tests.support.exports import body, by_dynamodb, restore, wipe

Capture = pytest.CaptureFixture[str]
PREFIX = "exports/20261125T210000Z/"


@pytest.fixture
def ours(stored: state.Rows, monkeypatch: pytest.MonkeyPatch) -> state.Rows:
    """An export in the bucket; what the tables hold."""
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-25T21:00:00Z")
    export_tables()
    return stored


def _forge(kind: str, *lines: bytes) -> None:
    """Have these lines after those that a table's data file has, and all manifests agree."""
    key = f"{PREFIX}{kind}/data/00000.json.gz"
    packed = gzip.compress(gzip.decompress(body(key)) + b"".join(line + b"\n" for line in lines))
    names = {key: packed}
    for name in ("manifest-files.json", "manifest-summary.json"):
        place = f"{PREFIX}{kind}/{name}"
        entry = json.loads(body(place))
        entry["itemCount"] += len(lines)
        if "md5Checksum" in entry:
            entry["md5Checksum"] = base64.b64encode(hashlib.md5(packed).digest()).decode()
        names[place] = json.dumps(entry).encode()
    mark = json.loads(body(PREFIX + "export.json"))
    mark["tables"][kind]["itemCount"] += len(lines)
    for place, content in names.items():
        objects.overwrite(place, content)
        mark["sha256"][place.removeprefix(PREFIX)] = hashlib.sha256(content).hexdigest()
    objects.overwrite(PREFIX + "export.json", json.dumps(mark).encode())


def _assert_refused(capsys: Capture, reason: str, *arguments: str, prefix: str = PREFIX) -> None:
    """Refused in one line that a terminal prints as it is, and every row is as it was."""
    before = state.rows()
    capsys.readouterr()
    assert main(["restore", prefix, *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.split("\n")[:-1]
    assert line.startswith("packgrid: ")
    assert line.isprintable()
    assert reason in line
    assert len(line) < 400
    assert state.rows() == before


#: A table, an item for it, and what is said of it.
ITEMS: dict[str, tuple[str, Any, str]] = {
    "no number": ("history", KEY | {"a": {"N": "abc"}}, "item 3: 'a': not a number as text"),
    "infinite": ("history", KEY | {"a": {"N": "1e99999999999"}}, "'a': a number beyond"),
    "deep": ("history", KEY | {"a": nested(40)}, "'a': nested in more than 32 levels"),
    "escapes": ("history", KEY | {"x\x1b[31m\n": {"S": 5}}, "'x\\x1b[31m\\n': not text: 5"),
    "escapes in a value": ("history", KEY | {"a": {"N": "\x1b[31m\r"}}, "'\\x1b[31m\\r'"),
    "no base64": ("history", KEY | {"a": {"B": "\x1b"}}, "'a': not base64: '\\x1b'"),
    "half base64": ("history", KEY | {"a": {"B": "YQ"}}, "'a': not base64: 'YQ'"),
    "surrogate": ("history", KEY | {"a": {"S": "\ud800"}}, "'a': text with a lone surrogate"),
    "surrogate as name": ("history", KEY | {"\ud800": {"S": ""}}, "text with a lone surrogate"),
    "surrogate inside": (
        "history",
        KEY | {"a": {"M": {"\ud800": {"S": ""}}}},
        "'a': text with a lone surrogate",
    ),
    "no name": ("history", KEY | {"": {"S": ""}}, "a name that is empty"),
    "long name": ("history", KEY | {"n" * 70_000: {"S": ""}}, "or longer than 65,535 bytes"),
    "too large": ("history", KEY | {"a": {"S": "x" * 500_000}}, " bytes, DynamoDB takes 409,600"),
    "no range key": ("history", {"package_id": {"N": "7"}}, "item 3: without its key at"),
    "key of another type": (
        "history",
        KEY | {"package_id": {"S": "7"}},
        "its key package_id is not of type N",
    ),
    "key of bytes": ("names", {"name": {"B": "YQ=="}}, "its key name is not of type S"),
    "empty key": ("names", {"name": {"S": ""}}, "its key name is empty or longer than 2,048 bytes"),
    "long key": ("names", {"name": {"S": "\u00e9" * 1025}}, "or longer than 2,048"),
    "long range key": ("history", KEY | {"at": {"S": "a" * 1025}}, "or longer than 1,024"),
    "slot without text": ("hosts", {"name": {"N": "1"}}, "its key name is not of type S"),
    "key of an index": (
        "packages",
        {"id": {"N": "77"}, "slug": {"N": "1"}},
        "its key slug is not of type S",
    ),
    "empty key of an index": (
        "packages",
        {"id": {"N": "77"}, "slug": {"S": ""}},
        "its key slug is empty",
    ),
}


@pytest.mark.parametrize("name", ITEMS)
def test_a_forged_item_is_said_in_a_line_and_nothing_is_written(
    ours: state.Rows, capsys: Capture, name: str
) -> None:
    kind, item, reason = ITEMS[name]
    _forge(kind, json.dumps({"Item": item}).encode())
    # With rows there: some are as in the export, and would be compared.
    _assert_refused(capsys, reason)
    _assert_refused(capsys, reason, "--replace")
    wipe()
    _assert_refused(capsys, reason)
    assert state.rows() == {}


LINES: dict[str, tuple[bytes, str]] = {
    "very deep": (b'{"Item":' + b'{"L":[' * 100_000 + b"]}" * 100_000 + b"}", "RecursionError"),
    "a list": (b"[]", "a line without an object called Item"),
    "an item that is none": (b'{"Item": 1}', "a line without an object called Item"),
    "empty": (b"", "JSONDecodeError"),
    "a number without end": (b"1" * 5000, "ValueError"),
    "no UTF-8": (b'"\xff"', "UnicodeDecodeError"),
    "escapes": (b"\x1b[31m", "JSONDecodeError"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_forged_line_is_said_in_a_line_and_nothing_is_written(
    ours: state.Rows, capsys: Capture, name: str
) -> None:
    line, reason = LINES[name]
    _forge("history", line)
    _assert_refused(capsys, "history/data/00000.json.gz: item 3: ")
    wipe()
    _assert_refused(capsys, reason)


def test_a_line_without_end_is_not_read_to_its_end(
    ours: state.Rows, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MAX_LINE_BYTES", 10_000)
    _forge("history", b'{"Item":' + b" " * 10_000)
    _assert_refused(capsys, "item 3: a line of more than 10,000 bytes")


MARKS: dict[str, tuple[bytes, str]] = {
    "deep": (b"[" * 100_000, "export.json: maximum recursion depth"),
    "infinite": (
        b'{"version":1,"sha256":{},"tables":{"packages":{"manifest":"a","itemCount":Infinity}}}',
        "OverflowError",
    ),
    "surrogate": (
        b'{"version":1,"sha256":{},"tables":{"packages":{"manifest":"\\ud800","itemCount":1}}}',
        "lone surrogate",
    ),
}


@pytest.mark.parametrize("name", MARKS)
def test_a_forged_mark_is_said_in_a_line(ours: state.Rows, capsys: Capture, name: str) -> None:
    content, reason = MARKS[name]
    objects.overwrite(PREFIX + "export.json", content)
    _assert_refused(capsys, reason)
    assert main(["exports"]) == 0
    assert "unreadable" in capsys.readouterr().out


FOLDER = "aws/AWSDynamoDB/00-1a2b/"
MANIFESTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "items without end": ("files", {"itemCount": float("inf")}, "OverflowError"),
    "key that is no text": ("files", {"dataFileS3Key": "\ud800"}, "lone surrogate"),
    "key that is a number": ("files", {"dataFileS3Key": 5}, "not text: 5"),
    "key with escapes": ("files", {"dataFileS3Key": "x\x1b[31m"}, "data/x?[31m"),
    "instant that is none": ("summary", {"exportTime": ["\x1b"]}, "not text: ['\\\\x1b']"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_forged_manifest_is_said_in_a_line(
    stored: state.Rows, capsys: Capture, name: str
) -> None:
    of, changes, reason = MANIFESTS[name]
    by_dynamodb("aws/", stored)
    key = f"{FOLDER}manifest-{of}.json"
    first, *others = body(key).splitlines()
    changed = json.dumps(json.loads(first) | changes).encode()
    objects.overwrite(key, b"\n".join([changed, *others]))
    objects.delete(key.replace(".json", ".checksum"))
    _assert_refused(capsys, reason, prefix="aws")


def test_one_key_written_in_two_ways_is_one_item(ours: state.Rows) -> None:
    # DynamoDB refuses a batch that has an item twice.
    first = {"package_id": {"N": "8"}, "at": {"S": "2026"}}
    again = first | {"package_id": {"N": "8.0"}}
    _forge("history", encode_item(first).strip(), encode_item(again).strip())
    assert restore(PREFIX, replace=True)["history"].written == 1
    assert raw_items.get_item("history", first) == first
