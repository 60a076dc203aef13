"""Which objects an event notification of S3 is about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

UPLOADS = "catalogues/"


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that was put in the bucket; ``version_id`` where the bucket keeps versions."""

    key: str
    version_id: str | None

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]


def uploads_of(event: Mapping[str, Any], bucket: str) -> Iterator[Upload]:
    """The catalogues that were put in ``bucket``.

    Left out are other events (S3 sends a test when notifications are set up), other buckets,
    other places, and the empty objects that stand for folders.
    """
    for record in event.get("Records", ()):
        found = record.get("s3", {})
        if not str(record.get("eventName", "")).startswith("ObjectCreated:"):
            continue
        if found.get("bucket", {}).get("name") != bucket:
            continue
        # As in a form: a space is a plus sign.
        key = unquote_plus(found["object"]["key"])
        if key.startswith(UPLOADS) and not key.endswith("/"):
            yield Upload(key, found["object"].get("versionId"))
