"""Exports in the bucket, and their manifests.

An export has, below its prefix, for each table: ``<table>/manifest-summary.json``,
``<table>/manifest-files.json`` (a line for each data file) and ``<table>/data/*.json.gz``.
DynamoDB itself writes the same below ``AWSDynamoDB/<id>/``. Packgrid's exports begin with
``_started`` and end with the manifest ``export.json``, which names the tables and the SHA-256 of
every other object; without it an export is unfinished.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from chalicelib.backup.dynamodb_json import check_text
from chalicelib.settings import TABLES
from chalicelib.storage import objects, raw_items

EXPORTS_PREFIX = "exports/"
STARTED_NAME = "_started"
MANIFEST_NAME = "export.json"
SUMMARY_NAME = "manifest-summary.json"
FILES_NAME = "manifest-files.json"
DATA_PREFIX = "data/"
#: Manifests of another version are not read.
MANIFEST_VERSION = 1
#: A catalogue restored without one of these would be inconsistent; the others are optional.
CATALOGUE_TABLES = ("packages", "grids", "categories", "memberships", "directory", "names")
FINISHED, UNFINISHED = "finished", "unfinished"
OF_DYNAMODB, UNREADABLE = "by DynamoDB", "unreadable"
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")
_PARSE_ERRORS = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)


class UnusableExport(Exception):
    """An export cannot be restored; nothing was written, and the text says why."""


@dataclass(frozen=True, slots=True)
class ExportEntry:
    """An export in a list of exports; ``items`` is ``None`` where their number is unknown."""

    prefix: str
    state: str
    items: int | None
    size: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file: the number of its items, and the base64 of its MD5."""

    key: str
    items: int
    md5: str


@dataclass(frozen=True, slots=True)
class TableExport:
    """One table of an export; ``exported_at`` is DynamoDB's ``exportTime``."""

    kind: str
    items: int
    exported_at: str | None
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class _ExportManifest:
    """``export.json``: summary key and number of items by table, and SHA-256 by key."""

    tables: Mapping[str, tuple[str, int]]
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Export:
    """A complete export, according to its manifests; ``sha256`` is by key, for our own."""

    prefix: str
    tables: Mapping[str, TableExport]
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The tables that it does not have."""
        return [kind for kind in TABLES if kind not in self.tables]

    @property
    def export_times(self) -> list[str]:
        """The different export times of its tables."""
        times = {table.exported_at for table in self.tables.values()}
        return sorted(time for time in times if time)


def iter_exports() -> Iterator[ExportEntry]:
    """Yield every export below ``exports/``, oldest first; raises storage errors."""
    start = len(EXPORTS_PREFIX)
    entries = (entry for entry in objects.iter_sizes(EXPORTS_PREFIX) if "/" in entry[0][start:])
    for folder, group in groupby(entries, lambda entry: entry[0][start:].partition("/")[0]):
        sizes = dict(group)
        prefix = f"{EXPORTS_PREFIX}{folder}/"
        try:
            state, items = _get_state(prefix, sizes)
        except UnusableExport:
            state, items = UNREADABLE, None
        yield ExportEntry(prefix, state, items, sum(sizes.values()))


def _get_state(prefix: str, keys: Mapping[str, int]) -> tuple[str, int | None]:
    if prefix + MANIFEST_NAME in keys:
        return FINISHED, sum(items for _, items in _read_manifest(prefix).tables.values())
    summaries = [key for key in keys if key.endswith("/" + SUMMARY_NAME)]
    if prefix + STARTED_NAME in keys or not summaries:
        return UNFINISHED, None
    return OF_DYNAMODB, sum(_read_table("", key, _read_json(key), {}).items for key in summaries)


def find_export(prefix: str) -> Export:
    """Return the export below a prefix, by its manifests; of our own, the timestamp is enough.

    A summary of DynamoDB's belongs to the table that a folder between the prefix and its own is
    named after (``packages/AWSDynamoDB/...``), or else to the one that its ``tableArn`` names.
    Raises UnusableExport and storage errors.
    """
    prefix = prefix.strip("/") + "/"
    if _TIMESTAMP.fullmatch(prefix.rstrip("/")):
        prefix = EXPORTS_PREFIX + prefix
    keys = {key for key, _ in objects.iter_sizes(prefix)}
    if not keys:
        raise UnusableExport(f"there is nothing below {prefix}")
    if prefix + MANIFEST_NAME in keys:
        return _read_own_export(prefix)
    if prefix + STARTED_NAME in keys:
        raise UnusableExport(f"{prefix} is unfinished: it has no {MANIFEST_NAME}")
    tables: dict[str, TableExport] = {}
    for key in sorted(keys):
        if not key.endswith("/" + SUMMARY_NAME):
            continue
        summary = _read_json(key)
        kind = _get_kind(prefix, key, summary)
        if kind in tables:
            raise UnusableExport(f"{prefix} has two exports of {kind}: {key} is one of them")
        tables[kind] = _read_table(kind, key, summary, {})
    return _check_tables(Export(prefix, tables))


def _read_own_export(prefix: str) -> Export:
    manifest = _read_manifest(prefix)
    if not manifest.sha256:
        raise UnusableExport(f"{prefix}{MANIFEST_NAME} is without checksums")
    tables = {}
    for kind, (key, items) in manifest.tables.items():
        summary = _read_json(key, manifest.sha256)
        tables[kind] = _read_table(kind, key, summary, manifest.sha256)
        if tables[kind].items != items:
            raise UnusableExport(f"{key}: not as many items as {MANIFEST_NAME} says")
    return _check_tables(Export(prefix, tables, manifest.sha256))


def _check_tables(export: Export) -> Export:
    if unknown := export.tables.keys() - set(TABLES):
        raise UnusableExport(f"{export.prefix} has tables of a newer version: {sorted(unknown)}")
    if absent := [kind for kind in CATALOGUE_TABLES if kind not in export.tables]:
        raise UnusableExport(f"{export.prefix} has no finished export of {', '.join(absent)}")
    return export


def _read_manifest(prefix: str) -> _ExportManifest:
    key = prefix + MANIFEST_NAME
    content = _read_json(key)
    if content.get("version") != MANIFEST_VERSION:
        raise UnusableExport(f"{key} is of another version: {content.get('version')!r}")
    try:
        tables = {
            str(kind): (prefix + check_text(table["manifest"]), int(table["itemCount"]))
            for kind, table in content["tables"].items()
        }
        checksums = {prefix + name: str(sha256) for name, sha256 in content["sha256"].items()}
    except _PARSE_ERRORS as error:
        raise UnusableExport(f"{key}: {error!r}") from error
    return _ExportManifest(tables, checksums)


def _get_kind(prefix: str, key: str, summary: Mapping[str, Any]) -> str:
    """Return the table of a summary; raises UnusableExport."""
    for folder in key.removeprefix(prefix).split("/"):
        if folder in TABLES:
            return folder
    name = str(summary.get("tableArn")).rpartition("/")[2]
    kind = _find_kind(name)
    if kind is not None:
        return kind
    raise UnusableExport(
        f"{key} is of a table {name!r}, which is none of Packgrid's; "
        "move it to a folder named after its table, such as packages/"
    )


def _find_kind(name: str) -> str | None:
    """Return the kind of a table named as here, ``stack-PackagesTable-1ABC`` or ``x-packages``."""
    parts = name.lower().split("-")
    for kind in TABLES:
        if raw_items.get_table_name(kind) == name:
            return kind
    for part in reversed(parts):
        for kind in TABLES:
            if part in {kind, f"{kind}table"}:
                return kind
    return next((kind for kind in TABLES if name.endswith(kind)), None)


def _read_table(
    kind: str, key: str, summary: Mapping[str, Any], checksums: Mapping[str, str]
) -> TableExport:
    """Return the table of a summary. Its objects are beside the summary, so it may be copied."""
    if summary.get("outputFormat") != "DYNAMODB_JSON":
        raise UnusableExport(f"{key}: the format is not DYNAMODB_JSON")
    if summary.get("exportType", "FULL_EXPORT") != "FULL_EXPORT":
        raise UnusableExport(f"{key}: not a full export")
    folder = key.removesuffix(SUMMARY_NAME)
    lines = _read_object(folder + FILES_NAME, checksums).splitlines()
    try:
        entries = [json.loads(line) for line in lines if line.strip()]
        files = tuple(_parse_data_file(folder, entry) for entry in entries)
        items = int(summary["itemCount"])
        time = summary.get("exportTime")
        exported_at = None if time is None else check_text(time)
    except _PARSE_ERRORS as error:
        raise UnusableExport(f"{folder}{FILES_NAME} or its summary: {error!r}") from error
    if sum(file.items for file in files) != items:
        raise UnusableExport(f"{key}: not as many items as {FILES_NAME} has")
    return TableExport(kind, items, exported_at, files)


def _parse_data_file(folder: str, entry: Any) -> DataFile:
    name = check_text(entry["dataFileS3Key"]).rpartition("/")[2]
    return DataFile(folder + DATA_PREFIX + name, int(entry["itemCount"]), str(entry["md5Checksum"]))


def _read_json(key: str, checksums: Mapping[str, str] | None = None) -> dict[str, Any]:
    body = _read_object(key, checksums or {})
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnusableExport(f"{key}: {error}") from error
    if not isinstance(content, dict):
        raise UnusableExport(f"{key} is no JSON object")
    return content


def _read_object(key: str, checksums: Mapping[str, str]) -> bytes:
    """Return a manifest; its checksum is our manifest's, or the one DynamoDB wrote beside it."""
    try:
        stored = objects.read(key)
    except objects.NoSuchObject as error:
        raise UnusableExport(f"{key} is missing") from error
    if checksums and checksums.get(key) != hashlib.sha256(stored.body).hexdigest():
        raise UnusableExport(f"{key}: its checksum is not the one in {MANIFEST_NAME}")
    if not checksums and key.endswith((SUMMARY_NAME, FILES_NAME)):
        _check_md5_object(key, stored.body)
    return stored.body


def _check_md5_object(key: str, body: bytes) -> None:
    """Compare with ``manifest-....checksum``, an MD5, which some copies leave out."""
    try:
        stored = objects.read(key.removesuffix(".json") + ".checksum")
    except objects.NoSuchObject:
        return
    md5 = hashlib.md5(body, usedforsecurity=False).digest()
    if _parse_md5(stored.body.strip()) not in {md5, None}:
        raise UnusableExport(f"{key}: its checksum is not the one beside it")


def _parse_md5(text: bytes) -> bytes | None:
    """Return the MD5 that a text has in base64 or hexadecimal; ``None`` if it has none."""
    for decode in (binascii.unhexlify, base64.b64decode):
        try:
            digest = decode(text)
        except ValueError:
            continue
        if len(digest) == hashlib.md5(usedforsecurity=False).digest_size:
            return digest
    return None
