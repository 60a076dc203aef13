"""Which exports are in the bucket, and what belongs to one."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from chalicelib.backup import export_layout
from chalicelib.backup.attribute_values import a_text
from chalicelib.settings import TABLES
from chalicelib.storage import dump, objects

#: Without these a restored catalogue would not hold together; the others come by themselves.
CATALOGUE = ("packages", "grids", "categories", "memberships", "directory", "names")
FINISHED, UNFINISHED = "finished", "unfinished"
OF_DYNAMODB, UNREADABLE = "by DynamoDB", "unreadable"
_INSTANT = re.compile(r"\d{8}T\d{6}Z")
_WRONG = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)


class UnusableExport(Exception):
    """An export that is not restored, and why: nothing was written."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An export in the bucket; ``items`` is ``None`` where that cannot be told."""

    prefix: str
    state: str
    items: int | None
    size: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file: how many items, and the base64 of the MD5 of its bytes."""

    key: str
    items: int
    md5: str


@dataclass(frozen=True, slots=True)
class TableExport:
    """What an export has of one table; ``at`` is the instant that DynamoDB says it is of."""

    kind: str
    items: int
    at: str | None
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class _Mark:
    """``export.json``: the summary of each table and its items, and SHA-256 by key."""

    tables: Mapping[str, tuple[str, int]]
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Export:
    """An export that is whole by its manifests; ``sha256`` by key, where the mark names it."""

    prefix: str
    tables: Mapping[str, TableExport]
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """Tables that it has nothing of."""
        return [kind for kind in TABLES if kind not in self.tables]

    @property
    def instants(self) -> list[str]:
        """The different instants that its tables are of."""
        return sorted({table.at for table in self.tables.values() if table.at})


def listed() -> Iterator[Listed]:
    """Every export below ``exports/``, oldest first; raises a storage error."""
    place = len(export_layout.EXPORTS)
    everything = (
        entry for entry in objects.sizes(export_layout.EXPORTS) if "/" in entry[0][place:]
    )
    for folder, entries in groupby(everything, lambda entry: entry[0][place:].partition("/")[0]):
        found = dict(entries)
        prefix = f"{export_layout.EXPORTS}{folder}/"
        try:
            state, items = _state(prefix, found)
        except UnusableExport:
            state, items = UNREADABLE, None
        yield Listed(prefix, state, items, sum(found.values()))


def _state(prefix: str, keys: Mapping[str, int]) -> tuple[str, int | None]:
    if prefix + export_layout.MARK in keys:
        return FINISHED, sum(items for _, items in _mark(prefix).tables.values())
    summaries = [key for key in keys if key.endswith("/" + export_layout.SUMMARY)]
    if prefix + export_layout.CLAIM in keys or not summaries:
        return UNFINISHED, None
    return OF_DYNAMODB, sum(_table("", key, _json(key), {}).items for key in summaries)


def find(prefix: str) -> Export:
    """The export below a prefix (of ours, the instant is enough), by its manifests.

    Which table a summary of DynamoDB's is of: that of a folder between the prefix and its own
    (``packages/AWSDynamoDB/...``), or else the one that its ``tableArn`` names. Raises
    UnusableExport and storage errors.
    """
    prefix = prefix.strip("/") + "/"
    if _INSTANT.fullmatch(prefix.rstrip("/")):
        prefix = export_layout.EXPORTS + prefix
    keys = {key for key, _ in objects.sizes(prefix)}
    if not keys:
        raise UnusableExport(f"there is nothing below {prefix}")
    if prefix + export_layout.MARK in keys:
        return _ours(prefix)
    if prefix + export_layout.CLAIM in keys:
        raise UnusableExport(f"{prefix} is unfinished: it has no {export_layout.MARK}")
    tables: dict[str, TableExport] = {}
    for key in sorted(keys):
        if not key.endswith("/" + export_layout.SUMMARY):
            continue
        summary = _json(key)
        kind = _kind_of(prefix, key, summary)
        if kind in tables:
            raise UnusableExport(f"{prefix} has two exports of {kind}: {key} is one of them")
        tables[kind] = _table(kind, key, summary, {})
    return _whole(Export(prefix, tables))


def _ours(prefix: str) -> Export:
    mark = _mark(prefix)
    if not mark.sha256:
        raise UnusableExport(f"{prefix}{export_layout.MARK} is without checksums")
    tables = {}
    for kind, (key, items) in mark.tables.items():
        tables[kind] = _table(kind, key, _json(key, mark.sha256), mark.sha256)
        if tables[kind].items != items:
            raise UnusableExport(f"{key}: not as many items as {export_layout.MARK} says")
    return _whole(Export(prefix, tables, mark.sha256))


def _whole(export: Export) -> Export:
    if unknown := export.tables.keys() - set(TABLES):
        raise UnusableExport(f"{export.prefix} has tables of a newer version: {sorted(unknown)}")
    if absent := [kind for kind in CATALOGUE if kind not in export.tables]:
        raise UnusableExport(f"{export.prefix} has no finished export of {', '.join(absent)}")
    return export


def _mark(prefix: str) -> _Mark:
    key = prefix + export_layout.MARK
    mark = _json(key)
    if mark.get("version") != export_layout.VERSION:
        raise UnusableExport(f"{key} is of another version: {mark.get('version')!r}")
    try:
        tables = {
            str(kind): (prefix + a_text(table["manifest"]), int(table["itemCount"]))
            for kind, table in mark["tables"].items()
        }
        sums = {prefix + name: str(sha256) for name, sha256 in mark["sha256"].items()}
    except _WRONG as error:
        raise UnusableExport(f"{key}: {error!r}") from error
    return _Mark(tables, sums)


def _kind_of(prefix: str, key: str, summary: Mapping[str, Any]) -> str:
    folders = key.removeprefix(prefix).split("/")
    for folder in folders:
        if folder in TABLES:
            return folder
    name = str(summary.get("tableArn")).rpartition("/")[2]
    kind = _kind_called(name)
    if kind is not None:
        return kind
    raise UnusableExport(
        f"{key} is of a table {name!r}, which is none of ours; "
        "to say which it is, have it in a folder of that name, such as packages/"
    )


def _kind_called(name: str) -> str | None:
    """The kind of a table called as here, ``stack-PackagesTable-1ABC`` or ``prefix-packages``."""
    parts = name.lower().split("-")
    for kind in TABLES:
        if dump.table_of(kind) == name:
            return kind
    for part in reversed(parts):
        for kind in TABLES:
            if part in {kind, f"{kind}table"}:
                return kind
    return next((kind for kind in TABLES if name.endswith(kind)), None)


def _table(kind: str, key: str, summary: Mapping[str, Any], sums: Mapping[str, str]) -> TableExport:
    """What a summary leads to. The objects are looked for beside it, so that it may be copied."""
    if summary.get("outputFormat") != "DYNAMODB_JSON":
        raise UnusableExport(f"{key}: the format is not DYNAMODB_JSON")
    if summary.get("exportType", "FULL_EXPORT") != "FULL_EXPORT":
        raise UnusableExport(f"{key}: not a full export")
    folder = key.removesuffix(export_layout.SUMMARY)
    manifest = _read(folder + export_layout.FILES, sums)
    try:
        entries = [json.loads(line) for line in manifest.splitlines() if line.strip()]
        files = tuple(
            DataFile(
                folder + export_layout.DATA + a_text(entry["dataFileS3Key"]).rpartition("/")[2],
                int(entry["itemCount"]),
                str(entry["md5Checksum"]),
            )
            for entry in entries
        )
        items = int(summary["itemCount"])
        at = None if summary.get("exportTime") is None else a_text(summary["exportTime"])
    except _WRONG as error:
        raise UnusableExport(f"{folder}{export_layout.FILES} or its summary: {error!r}") from error
    if sum(file.items for file in files) != items:
        raise UnusableExport(f"{key}: not as many items as {export_layout.FILES} has")
    return TableExport(kind, items, at, files)


def _json(key: str, sums: Mapping[str, str] | None = None) -> dict[str, Any]:
    body = _read(key, sums or {})
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnusableExport(f"{key}: {error}") from error
    if not isinstance(found, dict):
        raise UnusableExport(f"{key} is no JSON object")
    return found


def _read(key: str, sums: Mapping[str, str]) -> bytes:
    """A manifest; its checksum is that of the mark, or that DynamoDB wrote beside it."""
    try:
        found = objects.read(key)
    except objects.NoSuchObject as error:
        raise UnusableExport(f"{key} is missing") from error
    assert found is not None, "no ETag was given"
    if sums and sums.get(key) != hashlib.sha256(found.body).hexdigest():
        raise UnusableExport(f"{key}: its checksum is not the one in {export_layout.MARK}")
    if not sums and key.endswith((export_layout.SUMMARY, export_layout.FILES)):
        _check_beside(key, found.body)
    return found.body


def _check_beside(key: str, body: bytes) -> None:
    """Compare with ``manifest-....checksum``, an MD5; some copies leave that away."""
    try:
        found = objects.read(key.removesuffix(".json") + ".checksum")
    except objects.NoSuchObject:
        return
    assert found is not None, "no ETag was given"
    md5 = hashlib.md5(body, usedforsecurity=False).digest()
    if _md5_of(found.body.strip()) not in {md5, None}:
        raise UnusableExport(f"{key}: its checksum is not the one beside it")


def _md5_of(text: bytes) -> bytes | None:
    """The MD5 that a text says in base64 or hexadecimal; ``None`` if it says none."""
    for decode in (binascii.unhexlify, base64.b64decode):
        try:
            found = decode(text)
        except ValueError:
            continue
        if len(found) == hashlib.md5(usedforsecurity=False).digest_size:
            return found
    return None
