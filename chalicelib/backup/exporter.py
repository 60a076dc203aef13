"""Export of every table to the bucket."""

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
from chalicelib.backup import dynamodb_json, manifest
from chalicelib.settings import TABLES
from chalicelib.storage import objects, raw_items

#: The bytes of lines in one data file before compression: what is in memory at a time.
DATA_FILE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The prefix of a finished export, and the number of items of each table."""

    prefix: str
    counts: Mapping[str, int]


def export_tables(data_file_bytes: int = DATA_FILE_BYTES) -> ExportReport:
    """Write all tables below ``exports/<UTC time>/``; the manifest, which completes it, is last.

    Each table is scanned consistently, but one after another and during other writes: an item
    is as it was when its page was read, and one table may reflect a change that another does not
    yet. Nothing is ever overwritten: of two exports that begin in the same second, the second
    raises ObjectExists. Raises storage errors.
    """
    with telemetry.log_run("export") as log_fields:
        report = _export_tables(clock.now(), data_file_bytes)
        log_fields |= {"prefix": report.prefix, "items": sum(report.counts.values())}
    return report


def _export_tables(started: datetime, data_file_bytes: int) -> ExportReport:
    prefix = f"{manifest.EXPORTS_PREFIX}{started:%Y%m%dT%H%M%SZ}/"
    # Random content shows whose object it is when the response to the write was lost.
    objects.create(prefix + manifest.STARTED_NAME, uuid.uuid4().hex.encode())
    tables: dict[str, dict[str, object]] = {}
    counts: dict[str, int] = {}
    checksums: dict[str, str] = {}
    for kind in TABLES:
        writer = _TableWriter(kind, f"{prefix}{kind}/", data_file_bytes, started)
        writer.write()
        checksums |= {f"{kind}/{name}": sha256 for name, sha256 in writer.checksums.items()}
        counts[kind] = writer.items
        tables[kind] = {
            "tableName": raw_items.get_table_name(kind),
            "manifest": f"{kind}/{manifest.SUMMARY_NAME}",
            "itemCount": writer.items,
        }
    content = {
        "version": manifest.MANIFEST_VERSION,
        "startTime": _format_timestamp(started),
        "endTime": _format_timestamp(clock.now()),
        "tables": tables,
        "sha256": checksums,
    }
    objects.create(prefix + manifest.MANIFEST_NAME, _encode_json(content))
    return ExportReport(prefix, counts)


@dataclass(slots=True)
class _TableWriter:
    """Writes one table; ``checksums`` are the SHA-256 of its objects by name."""

    kind: str
    prefix: str
    data_file_bytes: int
    started: datetime
    items: int = 0
    checksums: dict[str, str] = field(default_factory=dict)

    def write(self) -> None:
        lines = (self._write_data_file(*data_file) for data_file in self._iter_data_files())
        self._create(manifest.FILES_NAME, b"".join(lines))
        self._create(manifest.SUMMARY_NAME, _encode_json(self._build_summary()))

    def _iter_data_files(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield number, items and compressed bytes of each data file; there is at least one."""
        number, items, size = 0, 0, 0
        buffer = io.BytesIO()
        file = _open_gzip(buffer)
        for page in raw_items.iter_pages(self.kind):
            for item in page:
                line = dynamodb_json.encode_item(item)
                size += file.write(line)
                items += 1
                if size >= self.data_file_bytes:
                    file.close()
                    yield number, items, buffer.getvalue()
                    number, items, size = number + 1, 0, 0
                    buffer = io.BytesIO()
                    file = _open_gzip(buffer)
        file.close()
        if items or not number:
            yield number, items, buffer.getvalue()

    def _write_data_file(self, number: int, items: int, content: bytes) -> bytes:
        """Write a data file; return its line of the manifest."""
        name = f"{manifest.DATA_PREFIX}{number:05}.json.gz"
        etag = self._create(name, content)
        self.items += items
        # The format wants MD5, against damage; Packgrid's manifest has SHA-256.
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        entry = {
            "itemCount": items,
            "md5Checksum": base64.b64encode(md5).decode("ascii"),
            "etag": etag.strip('"'),
            "dataFileS3Key": self.prefix + name,
        }
        return _encode_json(entry)

    def _create(self, name: str, body: bytes) -> str:
        self.checksums[name] = hashlib.sha256(body).hexdigest()
        return objects.create(self.prefix + name, body)

    def _build_summary(self) -> dict[str, Any]:
        """Return what DynamoDB writes; values that only DynamoDB knows are null."""
        return {
            "version": "2020-06-30",
            "exportArn": None,
            "startTime": _format_timestamp(self.started),
            "endTime": _format_timestamp(clock.now()),
            "tableArn": None,
            "tableId": None,
            "exportTime": None,
            "s3Bucket": objects.get_bucket_name(),
            "s3Prefix": self.prefix.rstrip("/"),
            "s3SseAlgorithm": None,
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": self.prefix + manifest.FILES_NAME,
            "billedSizeBytes": 0,
            "itemCount": self.items,
            "outputFormat": "DYNAMODB_JSON",
            "exportType": "FULL_EXPORT",
        }


def _open_gzip(buffer: io.BytesIO) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0)


def _encode_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _format_timestamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
