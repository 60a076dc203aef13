"""Objects in the bucket (S3): small ones as bytes, large ones as files, writes conditional."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import settings

CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 5
#: Tries of a call in all; botocore waits between them, longer each time, with jitter.
MAX_ATTEMPTS = 3
_CHUNK_BYTES = 1 << 18
#: A conditional write that met another one: its condition failed, or both were under way.
_LOST = {"PreconditionFailed", "ConditionalRequestConflict"}
_ABSENT = {"NoSuchKey", "NoSuchBucket", "NoSuchVersion"}


class ObjectError(Exception):
    """The bucket did not do what was asked of it."""


class NoSuchObject(ObjectError):
    """There is no such object, or no bucket."""


class ObjectExists(ObjectError):
    """There is another object of that key already."""


class ObjectTooLarge(ObjectError):
    """The object is larger than the caller has room for."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The bytes of an object, and its ETag, which changes with them."""

    body: bytes
    etag: str


def read(key: str, known_etag: str | None = None) -> StoredObject | None:
    """An object, or ``None`` if it still has the ETag known; raises ObjectError."""
    condition = {} if known_etag is None else {"IfNoneMatch": known_etag}
    try:
        answer = _client().get_object(Bucket=bucket(), Key=key, **condition)
        return StoredObject(answer["Body"].read(), answer["ETag"])
    except (ClientError, BotoCoreError) as error:
        if _code(error) == "304":
            return None
        raise _object_error(key, error) from error


def download(
    key: str, path: Path, *, version_id: str | None = None, most: int | None = None
) -> str:
    """Write an object to a file; returns the SHA-256 of what came.

    ``version_id``: this version of it; ``most``: bytes at most. Raises ObjectError.
    """
    digest = hashlib.sha256()
    which = {} if version_id is None else {"VersionId": version_id}
    try:
        answer = _client().get_object(Bucket=bucket(), Key=key, **which)
        if most is not None and answer["ContentLength"] > most:
            answer["Body"].close()
            raise ObjectTooLarge(f"{answer['ContentLength']:,} bytes, at most {most:,} are taken")
        with path.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
    except (ClientError, BotoCoreError) as error:
        raise _object_error(key, error) from error
    return digest.hexdigest()


def upload(key: str, path: Path) -> None:
    """Write a file under a name that says what is in it, unless it is there; ObjectError."""
    try:
        with path.open("rb") as file:
            _client().put_object(Bucket=bucket(), Key=key, Body=file, IfNoneMatch="*")
    except (ClientError, BotoCoreError) as error:
        if _code(error) not in _LOST:
            raise _object_error(key, error) from error


def create(key: str, body: bytes) -> str:
    """Write an object that must not be there; its ETag. Raises ObjectExists and ObjectError."""
    try:
        answer = _client().put_object(Bucket=bucket(), Key=key, Body=body, IfNoneMatch="*")
        return str(answer["ETag"])
    except (ClientError, BotoCoreError) as error:
        if _code(error) not in _LOST:
            raise _object_error(key, error) from error
    # A write that is tried again, since its answer was lost, meets what it wrote itself.
    found = read(key)
    assert found is not None, "no ETag was given"
    if found.body != body:
        raise ObjectExists(f"{key}: there is another one already")
    return found.etag


def overwrite(key: str, body: bytes) -> None:
    """Write an object over whatever is there; raises ObjectError."""
    try:
        _client().put_object(Bucket=bucket(), Key=key, Body=body)
    except (ClientError, BotoCoreError) as error:
        raise _object_error(key, error) from error


def replace(key: str, body: bytes, known_etag: str | None) -> bool:
    """Write an object if it is as it was read (``None``: not there); whether it was done.

    Raises ObjectError.
    """
    condition = {"IfNoneMatch": "*"} if known_etag is None else {"IfMatch": known_etag}
    try:
        _client().put_object(Bucket=bucket(), Key=key, Body=body, **condition)
    except (ClientError, BotoCoreError) as error:
        if _code(error) in _LOST:
            return False
        raise _object_error(key, error) from error
    return True


def listed(prefix: str) -> Iterator[tuple[str, datetime]]:
    """The keys that start with ``prefix`` and when each was written; raises ObjectError."""
    for entry in _entries(prefix):
        yield entry["Key"], entry["LastModified"]


def sizes(prefix: str) -> Iterator[tuple[str, int]]:
    """The keys that start with ``prefix``, in order, and their bytes; raises ObjectError."""
    for entry in _entries(prefix):
        yield entry["Key"], int(entry["Size"])


def _entries(prefix: str) -> Iterator[dict[str, Any]]:
    try:
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket(), Prefix=prefix)
        for page in pages:
            yield from page.get("Contents", ())
    except (ClientError, BotoCoreError) as error:
        raise _object_error(prefix, error) from error


def delete(key: str) -> None:
    """Delete an object if it is there; raises ObjectError."""
    try:
        _client().delete_object(Bucket=bucket(), Key=key)
    except (ClientError, BotoCoreError) as error:
        raise _object_error(key, error) from error


def create_bucket() -> bool:
    """Create the bucket if it does not exist; whether it was created. Raises ObjectError."""
    client = _client()
    try:
        client.head_bucket(Bucket=bucket())
    except (ClientError, BotoCoreError) as error:
        if _code(error) != "404":
            raise _object_error(bucket(), error) from error
    else:
        return False
    region = client.meta.region_name
    # S3 refuses to be told the region that it takes by default.
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    options = {"CreateBucketConfiguration": where} if where else {}
    try:
        client.create_bucket(Bucket=bucket(), **options)
    except (ClientError, BotoCoreError) as error:
        if _code(error) != "BucketAlreadyOwnedByYou":
            raise _object_error(bucket(), error) from error
        return False
    return True


def bucket() -> str:
    """The bucket's name."""
    return settings.from_environment().bucket


@cache
def _client() -> Any:
    # Late: answers that need no object must not wait for boto3 to be imported.
    import boto3

    return boto3.session.Session().client(
        "s3",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        ),
    )


def _code(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def _object_error(name: str, error: Exception) -> ObjectError:
    kind = NoSuchObject if _code(error) in _ABSENT else ObjectError
    return kind(f"{name}: {error}")
