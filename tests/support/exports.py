"""Exports in tests: made, restored, spoilt, and as DynamoDB itself writes them."""

import base64
import gzip
import hashlib
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chalicelib.backup import manifest, restorer
from chalicelib.backup.download import download_export
from chalicelib.backup.restorer import RestoreReport
from chalicelib.settings import TABLES
from chalicelib.storage import objects
from tests.support import state

INSTANT = "2026-11-20T10:11:12.000Z"


def restore(
    prefix: str,
    *,
    replace: bool = False,
    dry_run: bool = False,
    threads: int = restorer.THREADS,
) -> dict[str, RestoreReport]:
    """Restore an export; what became of each table."""
    with tempfile.TemporaryDirectory() as folder:
        files = download_export(manifest.find_export(prefix), Path(folder))
        done = restorer.restore_tables(files, replace=replace, dry_run=dry_run, threads=threads)
        return {table.kind: table for table in done}


def keys(prefix: str) -> list[str]:
    """The keys below a prefix."""
    return [key for key, _ in objects.iter_sizes(prefix)]


def body(key: str) -> bytes:
    """The bytes of an object."""
    found = objects.read(key)
    assert found is not None
    return found.body


def wipe() -> None:
    """Empty every table."""
    state.restore({})


def by_dynamodb(prefix: str, rows: state.Rows, **changes: Any) -> None:
    """Write what ExportTableToPointInTime writes of every table, one after another.

    With its layout: ``<prefix>AWSDynamoDB/<id>/``, two data files and an empty one for each table,
    keys that count from the bucket's root. ``changes`` are to every summary.
    """
    for number, kind in enumerate(TABLES):
        items = [row for (of, _), row in rows.items() if of == kind]
        name = f"arn:aws:dynamodb:us-east-1:123456789012:table/shop-{kind.title()}Table-1A2B3C"
        one_by_dynamodb(f"{prefix}AWSDynamoDB/0{number}-1a2b/", items, tableArn=name, **changes)


def one_by_dynamodb(folder: str, items: list[Any], **changes: Any) -> None:
    """Write one table's export as DynamoDB does."""
    entries = b""
    for number, part in enumerate((items[::2], items[1::2], [])):
        packed = gzip.compress(b"".join(map(_line, part))) if part else b""
        key = f"{folder}data/part{number}.json.gz"
        objects.overwrite(key, packed)
        md5 = hashlib.md5(packed).digest()
        entry = {
            "itemCount": len(part),
            "md5Checksum": base64.b64encode(md5).decode(),
            # That of an upload in one part, as DynamoDB makes it.
            "etag": hashlib.md5(md5).hexdigest() + "-1",
            "dataFileS3Key": key,
        }
        entries += json.dumps(entry).encode() + b"\n"
    summary = {
        "version": "2020-06-30",
        "exportTime": INSTANT,
        "s3Bucket": "elsewhere",
        "manifestFilesS3Key": f"{folder}manifest-files.json",
        "itemCount": len(items),
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    }
    objects.overwrite(f"{folder}_started", b"")
    for name, content in (("files", entries), ("summary", json.dumps(summary | changes).encode())):
        objects.overwrite(f"{folder}manifest-{name}.json", content)
        checksum = base64.b64encode(hashlib.md5(content).digest())
        objects.overwrite(f"{folder}manifest-{name}.checksum", checksum)


def _line(item: Any) -> bytes:
    """An item in DynamoDB JSON, written down here from its documentation."""
    return json.dumps({"Item": _plain(item)}, ensure_ascii=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def lines(packed: bytes) -> Iterable[Any]:
    """The lines of a data file."""
    return map(json.loads, gzip.decompress(packed).splitlines())
