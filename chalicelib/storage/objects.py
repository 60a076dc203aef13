"""Objects in the bucket (S3): small ones as bytes, large ones as files; conditional writes."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib import settings
from chalicelib.storage.aws import AWS_ERRORS, client, error_code

_CHUNK_BYTES = 1 << 18
#: A conditional write met another one: its condition failed, or both were under way.
_CONFLICT_CODES = {"PreconditionFailed", "ConditionalRequestConflict"}
_MISSING_CODES = {"NoSuchKey", "NoSuchBucket", "NoSuchVersion"}


class ObjectError(Exception):
    """A call to the bucket failed."""


class NoSuchObject(ObjectError):
    """There is no such object, or no bucket."""


class ObjectExists(ObjectError):
    """There is another object with that key already."""


class ObjectTooLarge(ObjectError):
    """The object is larger than the caller accepts."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The bytes of an object, and its ETag, which changes with them."""

    body: bytes
    etag: str


def read(key: str) -> StoredObject:
    """Return an object; raises ObjectError."""
    try:
        return _get(key, {})
    except AWS_ERRORS as error:
        raise _build_error(key, error) from error


def read_if_changed(key: str, known_etag: str | None) -> StoredObject | None:
    """Return an object, or ``None`` if it still has the known ETag; raises ObjectError."""
    try:
        return _get(key, {} if known_etag is None else {"IfNoneMatch": known_etag})
    except AWS_ERRORS as error:
        if error_code(error) == "304":
            return None
        raise _build_error(key, error) from error


def _get(key: str, condition: Mapping[str, str]) -> StoredObject:
    response = client("s3").get_object(Bucket=get_bucket_name(), Key=key, **condition)
    return StoredObject(response["Body"].read(), response["ETag"])


def download(
    key: str, path: Path, *, version_id: str | None = None, max_bytes: int | None = None
) -> str:
    """Write an object (or one version of it) to a file; return the SHA-256 of its bytes.

    Raises ObjectError; ObjectTooLarge if the object has more than ``max_bytes``.
    """
    digest = hashlib.sha256()
    version = {} if version_id is None else {"VersionId": version_id}
    try:
        response = client("s3").get_object(Bucket=get_bucket_name(), Key=key, **version)
        size = response["ContentLength"]
        with closing(response["Body"]) as body:
            if max_bytes is not None and size > max_bytes:
                raise ObjectTooLarge(f"{size:,} bytes, at most {max_bytes:,} are taken")
            with path.open("wb") as file:
                for chunk in body.iter_chunks(_CHUNK_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
    except AWS_ERRORS as error:
        raise _build_error(key, error) from error
    return digest.hexdigest()


def upload(key: str, path: Path) -> None:
    """Write a file under a key that identifies its content, unless it is there.

    Raises ObjectError.
    """
    try:
        with path.open("rb") as file:
            _put(key, file, {"IfNoneMatch": "*"})
    except AWS_ERRORS as error:
        if error_code(error) not in _CONFLICT_CODES:
            raise _build_error(key, error) from error


def create(key: str, body: bytes) -> str:
    """Write an object that must not exist; return its ETag.

    Raises ObjectExists and ObjectError.
    """
    try:
        return _put(key, body, {"IfNoneMatch": "*"})
    except AWS_ERRORS as error:
        if error_code(error) not in _CONFLICT_CODES:
            raise _build_error(key, error) from error
    # If the response to a write is lost, the retry finds the object that the first one wrote.
    stored = read(key)
    if stored.body != body:
        raise ObjectExists(f"{key}: there is another one already")
    return stored.etag


def overwrite(key: str, body: bytes) -> None:
    """Write an object, whether or not it exists; raises ObjectError."""
    try:
        _put(key, body, {})
    except AWS_ERRORS as error:
        raise _build_error(key, error) from error


def replace(key: str, body: bytes, known_etag: str | None) -> bool:
    """Write an object if it still has the known ETag (``None``: if it does not exist).

    Returns whether it was written. Raises ObjectError.
    """
    condition = {"IfNoneMatch": "*"} if known_etag is None else {"IfMatch": known_etag}
    try:
        _put(key, body, condition)
    except AWS_ERRORS as error:
        if error_code(error) in _CONFLICT_CODES:
            return False
        raise _build_error(key, error) from error
    return True


def _put(key: str, body: Any, condition: Mapping[str, str]) -> str:
    response = client("s3").put_object(Bucket=get_bucket_name(), Key=key, Body=body, **condition)
    return str(response["ETag"])


def iter_keys(prefix: str) -> Iterator[tuple[str, datetime]]:
    """Yield the keys that start with ``prefix``, in order, and when each was written.

    Raises ObjectError.
    """
    for entry in _iter_entries(prefix):
        yield entry["Key"], entry["LastModified"]


def iter_sizes(prefix: str) -> Iterator[tuple[str, int]]:
    """Yield the keys that start with ``prefix``, in order, and their bytes; raises ObjectError."""
    for entry in _iter_entries(prefix):
        yield entry["Key"], int(entry["Size"])


def _iter_entries(prefix: str) -> Iterator[dict[str, Any]]:
    try:
        paginator = client("s3").get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=get_bucket_name(), Prefix=prefix):
            yield from page.get("Contents", ())
    except AWS_ERRORS as error:
        raise _build_error(prefix, error) from error


def delete(key: str) -> None:
    """Delete an object if it exists; raises ObjectError."""
    try:
        client("s3").delete_object(Bucket=get_bucket_name(), Key=key)
    except AWS_ERRORS as error:
        raise _build_error(key, error) from error


def create_bucket() -> bool:
    """Create the bucket unless it exists; return whether it was created. Raises ObjectError."""
    s3, name = client("s3"), get_bucket_name()
    try:
        s3.head_bucket(Bucket=name)
    except AWS_ERRORS as error:
        if error_code(error) != "404":
            raise _build_error(name, error) from error
    else:
        return False
    region = s3.meta.region_name
    # S3 refuses its default region as a location constraint.
    location = {} if region == "us-east-1" else {"LocationConstraint": region}
    options = {"CreateBucketConfiguration": location} if location else {}
    try:
        s3.create_bucket(Bucket=name, **options)
    except AWS_ERRORS as error:
        if error_code(error) != "BucketAlreadyOwnedByYou":
            raise _build_error(name, error) from error
        return False
    return True


def get_bucket_name() -> str:
    """Return the bucket's name."""
    return settings.from_environment().bucket


def _build_error(name: str, error: Exception) -> ObjectError:
    kind = NoSuchObject if error_code(error) in _MISSING_CODES else ObjectError
    return kind(f"{name}: {error}")
