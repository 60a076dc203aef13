"""Writing every table to the bucket."""

import base64
import gzip
import hashlib
import io
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib import clock, telemetry
from chalicelib.backup import dynamodb_json, export_layout
from chalicelib.settings import TABLES
from chalicelib.storage import dump, objects

#: Bytes of lines in one data file, before they are packed: what is in memory at a time.
PART_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: where, and how many items of each table."""

    prefix: str
    counts: Mapping[str, int]


def export(part_bytes: int = PART_BYTES) -> Exported:
    """Write all tables below ``exports/<UTC instant>/``; the mark that it is finished comes last.

    Each table is scanned consistently, but one after another and while others write: an item
    is as it was when its page was read, and one table may know of a change that another does not
    know of yet. Nothing is ever overwritten; of two exports that begin in the same second the
    second raises ObjectExists. Raises a storage error.
    """
    with telemetry.reported("export") as said:
        exported = _export(clock.now(), part_bytes)
        said |= {"prefix": exported.prefix, "items": sum(exported.counts.values())}
    return exported


def _export(started: datetime, part_bytes: int) -> Exported:
    prefix = f"{export_layout.EXPORTS}{started:%Y%m%dT%H%M%SZ}/"
    # Random, so that whose it is can be told when the answer to the write was lost.
    objects.create(prefix + export_layout.CLAIM, uuid.uuid4().hex.encode())
    tables: dict[str, dict[str, object]] = {}
    counts: dict[str, int] = {}
    sums: dict[str, str] = {}
    for kind in TABLES:
        writer = _Writer(kind, f"{prefix}{kind}/", part_bytes, started)
        writer.run()
        sums |= {f"{kind}/{name}": sha256 for name, sha256 in writer.sums.items()}
        counts[kind] = writer.items
        tables[kind] = {
            "tableName": dump.table_of(kind),
            "manifest": f"{kind}/{export_layout.SUMMARY}",
            "itemCount": writer.items,
        }
    mark = {
        "version": export_layout.VERSION,
        "startTime": _instant(started),
        "endTime": _instant(clock.now()),
        "tables": tables,
        "sha256": sums,
    }
    objects.create(prefix + export_layout.MARK, _json(mark))
    return Exported(prefix, counts)


@dataclass(slots=True)
class _Writer:
    """Writes one table; ``sums`` are the SHA-256 of its objects by name."""

    kind: str
    prefix: str
    part_bytes: int
    started: datetime
    items: int = 0
    sums: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        manifest = b"".join(self._write_part(*part) for part in self._parts())
        self._create(export_layout.FILES, manifest)
        self._create(export_layout.SUMMARY, _json(self._summary()))

    def _parts(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, items and packed bytes of each data file; there is at least one."""
        number, items, size = 0, 0, 0
        packed = io.BytesIO()
        file = _gzip(packed)
        for page in dump.pages(self.kind):
            for item in page:
                line = dynamodb_json.encode(item)
                size += file.write(line)
                items += 1
                if size >= self.part_bytes:
                    file.close()
                    yield number, items, packed.getvalue()
                    number, items, size = number + 1, 0, 0
                    packed = io.BytesIO()
                    file = _gzip(packed)
        file.close()
        if items or not number:
            yield number, items, packed.getvalue()

    def _write_part(self, number: int, items: int, packed: bytes) -> bytes:
        """Write a data file; its line of the manifest."""
        name = f"{export_layout.DATA}{number:05}.json.gz"
        etag = self._create(name, packed)
        self.items += items
        # MD5 is what the format wants, against damage; the mark has SHA-256.
        md5 = hashlib.md5(packed, usedforsecurity=False).digest()
        entry = {
            "itemCount": items,
            "md5Checksum": base64.b64encode(md5).decode("ascii"),
            "etag": etag.strip('"'),
            "dataFileS3Key": self.prefix + name,
        }
        return _json(entry)

    def _create(self, name: str, body: bytes) -> str:
        self.sums[name] = hashlib.sha256(body).hexdigest()
        return objects.create(self.prefix + name, body)

    def _summary(self) -> dict[str, Any]:
        """As DynamoDB writes it; what only DynamoDB knows is null."""
        return {
            "version": "2020-06-30",
            "exportArn": None,
            "startTime": _instant(self.started),
            "endTime": _instant(clock.now()),
            "tableArn": None,
            "tableId": None,
            "exportTime": None,
            "s3Bucket": objects.bucket(),
            "s3Prefix": self.prefix.rstrip("/"),
            "s3SseAlgorithm": None,
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": self.prefix + export_layout.FILES,
            "billedSizeBytes": 0,
            "itemCount": self.items,
            "outputFormat": "DYNAMODB_JSON",
            "exportType": "FULL_EXPORT",
        }


def _gzip(packed: io.BytesIO) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
