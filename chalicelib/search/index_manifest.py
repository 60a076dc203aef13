"""The pointer: a small object that says which segment is the one to use.

Each format of segments has a folder of its own, so that a new version's reader and an old one's
do not meet while one replaces the other.
"""

import json
import re
from dataclasses import dataclass

from chalicelib.search.index_file.file_format import FORMAT

FOLDER = f"search/{FORMAT}/"
KEY = f"{FOLDER}current.json"
SEGMENTS = f"{FOLDER}segments/"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadManifest(ValueError):
    """The pointer cannot be read."""


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """The SHA-256 of segments, the newest first, and when that was built (ISO 8601)."""

    segments: tuple[str, ...]
    built: str


def key_of(sha256: str) -> str:
    """The key of a segment."""
    return f"{SEGMENTS}{sha256}.sqlite"


def write(pointer: IndexManifest) -> bytes:
    """A pointer as JSON."""
    return json.dumps({"segments": pointer.segments, "built": pointer.built}).encode()


def read(body: bytes) -> IndexManifest:
    """A pointer from JSON; raises BadPointer."""
    try:
        raw = json.loads(body)
        pointer = IndexManifest(tuple(map(str, raw["segments"])), str(raw["built"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadManifest(f"{KEY}: {error}") from error
    if not pointer.segments or not all(map(_SHA256.fullmatch, pointer.segments)):
        raise BadManifest(f"{KEY} names no segment")
    return pointer
