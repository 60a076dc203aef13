"""Having the files of an export here, each of them verified before anything is written."""

import base64
import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chalicelib.backup import dynamodb_json
from chalicelib.backup.attribute_values import NotAnItem
from chalicelib.backup.manifest import DataFile, Export, UnusableExport
from chalicelib.storage import dump, objects
from chalicelib.storage.capacity import MAX_ITEM_BYTES, item_size
from chalicelib.storage.dump import Item

#: No line of an item is longer, of the 400 KB that it may have: not if each of them is escaped,
#: nor if each number is written out with 125 zeros.
_MAX_LINE = 32 << 20
_WRONG = (OSError, EOFError, zlib.error, ValueError, ArithmeticError, RecursionError)
Files = Mapping[str, Sequence[Path]]


def fetch(export: Export, folder: Path) -> Files:
    """Download the data files into ``folder``; by table.

    Raises UnusableExport if one is missing, is not what the manifests say or cannot be read to
    its end, and storage errors.
    """
    found: dict[str, list[Path]] = {}
    for kind, table in export.tables.items():
        found[kind] = []
        for number, file in enumerate(table.files):
            path = folder / f"{kind}-{number}.json.gz"
            _fetch_one(file, path, export.sha256)
            _verify(kind, file, path)
            found[kind].append(path)
    return found


def items(path: Path) -> Iterator[Item]:
    """The items of a data file that was fetched."""
    with gzip.open(path, "rb") as file:
        while line := file.readline(_MAX_LINE + 1):
            if len(line) > _MAX_LINE:
                raise NotAnItem(f"a line of more than {_MAX_LINE:,} bytes")
            yield dynamodb_json.decode(line)


def _fetch_one(file: DataFile, path: Path, sums: Mapping[str, str]) -> None:
    try:
        sha256 = objects.download(file.key, path)
    except objects.NoSuchObject as error:
        raise UnusableExport(f"{file.key} is missing") from error
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).digest()
    md5 = base64.b64encode(digest).decode("ascii")
    if md5 != file.md5 or (sums and sums.get(file.key) != sha256):
        raise UnusableExport(f"{file.key}: its checksum is not the one in the manifest")


def _verify(kind: str, file: DataFile, path: Path) -> None:
    """Read a file to its end: every line is an item that the table takes, and as many as said."""
    count = 0
    try:
        for item in items(path):
            _check(kind, item)
            count += 1
    except NotAnItem as error:
        raise UnusableExport(f"{file.key}: item {count + 1}: {error}") from error
    except _WRONG as error:
        raise UnusableExport(f"{file.key}: item {count + 1}: {error!r}") from error
    if count != file.items:
        raise UnusableExport(f"{file.key}: {count} items, the manifest says {file.items}")


def _check(kind: str, item: Item) -> None:
    if fault := dump.fault_of_keys(kind, item):
        raise NotAnItem(fault)
    if (size := item_size(item)) > MAX_ITEM_BYTES:
        raise NotAnItem(f"{size:,} bytes, DynamoDB takes {MAX_ITEM_BYTES:,}")
