"""Download of an export's files, each of which is verified before anything is written."""

import base64
import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chalicelib.backup import dynamodb_json
from chalicelib.backup.dynamodb_json import InvalidItem
from chalicelib.backup.manifest import DataFile, Export, UnusableExport
from chalicelib.storage import objects, raw_items
from chalicelib.storage.capacity import MAX_ITEM_BYTES, compute_item_size
from chalicelib.storage.raw_items import RawItem

#: No line of an item is longer, of the 400 KB that it may have: not if each of them is escaped,
#: nor if each number is written out with 125 zeros.
_MAX_LINE_BYTES = 32 << 20
_READ_ERRORS = (OSError, EOFError, zlib.error, ValueError, ArithmeticError, RecursionError)
#: Data files by table.
Files = Mapping[str, Sequence[Path]]


def download_export(export: Export, folder: Path) -> Files:
    """Download the data files into ``folder`` and verify them.

    Raises UnusableExport if one is missing, differs from the manifests or cannot be read to its
    end, and storage errors.
    """
    files: dict[str, list[Path]] = {}
    for kind, table in export.tables.items():
        files[kind] = []
        for number, file in enumerate(table.files):
            path = folder / f"{kind}-{number}.json.gz"
            _download_file(file, path, export.sha256)
            _verify_file(kind, file, path)
            files[kind].append(path)
    return files


def iter_items(path: Path) -> Iterator[RawItem]:
    """Yield the items of a downloaded data file; raises InvalidItem."""
    with gzip.open(path, "rb") as file:
        while line := file.readline(_MAX_LINE_BYTES + 1):
            if len(line) > _MAX_LINE_BYTES:
                raise InvalidItem(f"a line of more than {_MAX_LINE_BYTES:,} bytes")
            yield dynamodb_json.decode_item(line)


def _download_file(file: DataFile, path: Path, checksums: Mapping[str, str]) -> None:
    try:
        sha256 = objects.download(file.key, path)
    except objects.NoSuchObject as error:
        raise UnusableExport(f"{file.key} is missing") from error
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).digest()
    md5 = base64.b64encode(digest).decode("ascii")
    if md5 != file.md5 or (checksums and checksums.get(file.key) != sha256):
        raise UnusableExport(f"{file.key}: its checksum is not the one in the manifest")


def _verify_file(kind: str, file: DataFile, path: Path) -> None:
    """Read a file to its end: check each item, and their number."""
    count = 0
    try:
        for item in iter_items(path):
            _check_item(kind, item)
            count += 1
    except InvalidItem as error:
        raise UnusableExport(f"{file.key}: item {count + 1}: {error}") from error
    except _READ_ERRORS as error:
        raise UnusableExport(f"{file.key}: item {count + 1}: {error!r}") from error
    if count != file.items:
        raise UnusableExport(f"{file.key}: {count} items, the manifest says {file.items}")


def _check_item(kind: str, item: RawItem) -> None:
    if fault := raw_items.find_key_fault(kind, item):
        raise InvalidItem(fault)
    if (size := compute_item_size(item)) > MAX_ITEM_BYTES:
        raise InvalidItem(f"{size:,} bytes, DynamoDB takes {MAX_ITEM_BYTES:,}")
