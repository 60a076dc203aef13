"""Loading what was put in the bucket, as the command ``load`` does, within Lambda's time."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from chalicelib import clock, telemetry
from chalicelib.importer.fixture import NotAFixture
from chalicelib.importer.load_log import load_recorded
from chalicelib.importer.notifications import Upload, uploads_of
from chalicelib.importer.report import LoadReport
from chalicelib.refresh import service
from chalicelib.search import publisher
from chalicelib.storage import objects
from chalicelib.storage.errors import STORAGE_ERRORS

OUTCOMES = "loads/"
#: Of the 512 MB that Lambda has in /tmp; the rest is for refusals and for the search index.
MAX_BYTES = 256 << 20
#: Loading stops when no more is left: enough to end a transaction and to write the outcome.
MARGIN_SECONDS = 20.0
#: With less left, what follows a load is left to the schedules.
AFTERWARDS_SECONDS = 60.0
#: So many refusals are named.
_NAMED = 1000
_NAME_LENGTH = 200
LOADED, REFUSED, UNFINISHED = "loaded", "refused", "unfinished"
Result = dict[str, Any]


class OutOfTime(Exception):
    """Time ran out. Another try goes on where this one stopped: what is there is not written."""


@dataclass(frozen=True, slots=True)
class _Time:
    left: Callable[[], float]

    def check(self, stage: str, done: int, total: int) -> None:
        """Called while a load goes on, between its writes."""
        if self.left() < MARGIN_SECONDS:
            raise OutOfTime(f"out of time: {stage}, {done:,} of {total:,}")


def load(event: Mapping[str, Any], seconds_left: Callable[[], float]) -> list[Result]:
    """Load every catalogue that a notification of S3 names; what became of each.

    Each outcome is also written to ``loads/<file name>.<start of its SHA-256>.json``. A file that
    cannot be loaded is an outcome like another: it would be no better when tried again. Raises
    OutOfTime and storage errors, after which Lambda tries again. Safe to repeat.
    """
    time = _Time(seconds_left)
    results = []
    for upload in uploads_of(event, objects.get_bucket_name()):
        with telemetry.reported("load") as said:
            result = _load(upload, time)
            counts = {name: result[name] for name in ("key", "status", "refused", "error")}
            said |= counts
        results.append(result)
    if any(result["status"] == LOADED for result in results):
        _follow_up(time)
    return results


def _load(upload: Upload, time: _Time) -> Result:
    suffix = ".json.gz" if upload.name.endswith(".gz") else ".json"
    with tempfile.TemporaryDirectory() as folder, LoadReport() as outcome:
        # Under a name of our own: the key's may be longer than a file's may be.
        path = Path(folder) / f"catalogue{suffix}"
        begun = clock.now().isoformat()
        try:
            sha256 = objects.download(
                upload.key, path, version_id=upload.version_id, max_bytes=MAX_BYTES
            )
        except (objects.ObjectTooLarge, objects.NoSuchObject) as error:
            # Deleted, or too large: neither is another time.
            return _told(upload, begun, None, outcome, error)
        try:
            load_recorded(path, upload.name, outcome, time.check)
        except NotAFixture as error:
            return _told(upload, begun, sha256, outcome, error)
        except OutOfTime as error:
            _told(upload, begun, sha256, outcome, error)
            raise
        return _told(upload, begun, sha256, outcome, None)


def _told(
    upload: Upload, begun: str, sha256: str | None, outcome: LoadReport, error: Exception | None
) -> Result:
    """Write what became of an upload where who put it there can read it."""
    status = LOADED if outcome.finished else REFUSED
    if isinstance(error, OutOfTime):
        status = UNFINISHED
    result: Result = {
        "key": upload.key,
        "versionId": upload.version_id,
        "sha256": sha256,
        "status": status,
        "error": None if error is None else str(error),
        "started": begun,
        "ended": clock.now().isoformat(),
        "counts": outcome.summary(),
        "refused": outcome.refused,
        "refusals": [str(one) for one in islice(outcome.refusals(), _NAMED)],
    }
    name = f"{upload.name[:_NAME_LENGTH]}.{sha256[:16] if sha256 else 'not-read'}.json"
    objects.overwrite(OUTCOMES + name, json.dumps(result, indent=1).encode() + b"\n")
    return result


def _follow_up(time: _Time) -> None:
    """Have the search and the refresh know of what was loaded, as after the command.

    Both also happen by schedule, so that they fail, or that no time is left, is no reason to load
    again.
    """
    for step in (service.enrol, publisher.publish):
        if time.left() < AFTERWARDS_SECONDS:
            telemetry.log("WARNING", "load: left to the schedule", step=step.__name__)
            continue
        try:
            step()
        except STORAGE_ERRORS as error:
            telemetry.log_error("load: left to the schedule", error, step=step.__name__)
