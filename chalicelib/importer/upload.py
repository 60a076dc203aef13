"""Loading the catalogues that are uploaded to the bucket, within the time that Lambda has."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.data_classes.s3_event import S3Event

from chalicelib import clock, telemetry
from chalicelib.importer.fixture import InvalidFixture
from chalicelib.importer.loader import load_and_log
from chalicelib.importer.report import LoadReport
from chalicelib.storage import objects

UPLOADS_PREFIX = "catalogues/"
REPORTS_PREFIX = "loads/"
#: The largest upload. Lambda has 512 MB in /tmp; the rest is for refusals and the search index.
MAX_BYTES = 256 << 20
#: A load stops with less time left: this is enough to end a transaction and write the report.
MARGIN_SECONDS = 20.0
#: The most refusals that a report names.
_MAX_REFUSALS = 1000
_MAX_NAME_LENGTH = 200
LOADED, REFUSED, UNFINISHED = "loaded", "refused", "unfinished"


class OutOfTime(Exception):
    """No time is left. Another try resumes the load: items that are written are not repeated."""


class UploadReport(TypedDict):
    """The outcome of one upload, as it is written to ``loads/``."""

    key: str
    versionId: str | None
    sha256: str | None
    status: str
    error: str | None
    started: str
    ended: str
    counts: dict[str, dict[str, int]]
    refused: int
    refusals: list[str]


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that was put in the bucket; ``version_id`` where the bucket keeps versions."""

    key: str
    version_id: str | None

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Deadline:
    """The end of Lambda's time; a load calls ``check`` between its writes."""

    get_seconds_left: Callable[[], float]

    def check(self, stage: str, done: int, total: int) -> None:
        """Raise OutOfTime if too little time is left."""
        if self.get_seconds_left() < MARGIN_SECONDS:
            raise OutOfTime(f"out of time: {stage}, {done:,} of {total:,}")


def load_uploads(
    event: Mapping[str, Any], get_seconds_left: Callable[[], float]
) -> list[UploadReport]:
    """Load every catalogue that a notification of S3 names, and return the reports.

    Each report is also written to ``loads/<file name>.<start of its SHA-256>.json``. A file that
    cannot be loaded gets a report like any other: another try would not help. Raises OutOfTime
    and storage errors, after which Lambda tries again. Safe to repeat.
    """
    deadline = _Deadline(get_seconds_left)
    reports = []
    for upload in iter_uploads(event, objects.get_bucket_name()):
        with telemetry.log_run("load") as log_fields:
            report = _load(upload, deadline)
            log_fields |= {
                "key": report["key"],
                "status": report["status"],
                "refused": report["refused"],
                "error": report["error"],
            }
        reports.append(report)
    return reports


def iter_uploads(event: Mapping[str, Any], bucket: str) -> Iterator[Upload]:
    """Yield the catalogues that were put in ``bucket`` according to a notification of S3.

    Other events (S3 sends a test when notifications are set up), other buckets, other prefixes,
    and the empty objects that stand for folders are left out.
    """
    if "Records" not in event:
        return
    for record in S3Event(dict(event)).records:
        is_upload = str(record.get("eventName", "")).startswith("ObjectCreated:")
        if not is_upload or record.s3.bucket.name != bucket:
            continue
        uploaded = record.s3.get_object
        # Keys are encoded as in a form: a space is a plus sign.
        key = unquote_plus(uploaded.key)
        if key.startswith(UPLOADS_PREFIX) and not key.endswith("/"):
            yield Upload(key, uploaded.version_id)


def _load(upload: Upload, deadline: _Deadline) -> UploadReport:
    suffix = ".json.gz" if upload.name.endswith(".gz") else ".json"
    with tempfile.TemporaryDirectory() as folder, LoadReport() as load_report:
        # Under a fixed name: the key's may be longer than a file's may be.
        path = Path(folder) / f"catalogue{suffix}"
        started = clock.now().isoformat()
        try:
            sha256 = objects.download(
                upload.key, path, version_id=upload.version_id, max_bytes=MAX_BYTES
            )
        except (objects.ObjectTooLarge, objects.NoSuchObject) as error:
            # Too large or deleted: another try would find it no better.
            return _write_report(upload, started, None, load_report, error)
        try:
            load_and_log(path, upload.name, load_report, deadline.check)
        except InvalidFixture as error:
            return _write_report(upload, started, sha256, load_report, error)
        except OutOfTime as error:
            _write_report(upload, started, sha256, load_report, error)
            raise
        return _write_report(upload, started, sha256, load_report, None)


def _write_report(
    upload: Upload,
    started: str,
    sha256: str | None,
    load_report: LoadReport,
    error: Exception | None,
) -> UploadReport:
    """Write the report to the bucket, where the uploader can read it, and return it."""
    status = LOADED if load_report.finished else REFUSED
    if isinstance(error, OutOfTime):
        status = UNFINISHED
    refusals = islice(load_report.iter_refusals(), _MAX_REFUSALS)
    report = UploadReport(
        key=upload.key,
        versionId=upload.version_id,
        sha256=sha256,
        status=status,
        error=None if error is None else str(error),
        started=started,
        ended=clock.now().isoformat(),
        counts=load_report.summarize(),
        refused=load_report.refused,
        refusals=[str(refusal) for refusal in refusals],
    )
    name = f"{upload.name[:_MAX_NAME_LENGTH]}.{sha256[:16] if sha256 else 'not-read'}.json"
    objects.overwrite(REPORTS_PREFIX + name, json.dumps(report, indent=1).encode() + b"\n")
    return report
