"""The index manifest: a small object in the bucket that names the current index file.

Each file format has a folder of its own, so that readers and publishers of two versions do not
meet during a deployment.
"""

import json
import re
from dataclasses import dataclass

from chalicelib.search.index_file.file_format import FORMAT

FOLDER = f"search/{FORMAT}/"
MANIFEST_KEY = f"{FOLDER}current.json"
INDEX_FILES_PREFIX = f"{FOLDER}segments/"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadManifest(ValueError):
    """The manifest cannot be read."""


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """The SHA-256 digests of the index files, newest first, and when the newest was built.

    ``built_at`` is in ISO 8601.
    """

    digests: tuple[str, ...]
    built_at: str


def build_index_key(sha256: str) -> str:
    """Return the key of an index file in the bucket."""
    return f"{INDEX_FILES_PREFIX}{sha256}.sqlite"


def format_manifest(manifest: IndexManifest) -> bytes:
    """Return a manifest as JSON."""
    return json.dumps({"segments": manifest.digests, "built": manifest.built_at}).encode()


def parse_manifest(body: bytes) -> IndexManifest:
    """Return a manifest from its JSON; raise BadManifest if it is malformed."""
    try:
        raw = json.loads(body)
        manifest = IndexManifest(tuple(map(str, raw["segments"])), str(raw["built"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadManifest(f"{MANIFEST_KEY}: {error}") from error
    if not manifest.digests or not all(map(_SHA256.fullmatch, manifest.digests)):
        raise BadManifest(f"{MANIFEST_KEY} names no index file")
    return manifest
