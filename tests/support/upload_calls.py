"""Uploads in tests, and the function that S3 tells of them."""

import hashlib
import json
from typing import Any
from urllib.parse import quote_plus

from chalice.test import Client

import app
from chalicelib.search.cache import IndexCache
from chalicelib.search.searcher import search
from chalicelib.storage import objects
from tests.support.exports import body
from tests.support.fixtures import category, grid, package, row

RECORDS = [category(), package(1, title="catkin"), package(2), grid(), row(1, 1, 2)]


class Context:
    """What Lambda tells a function of the time that it has: so much at each question."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)

    def get_remaining_time_in_millis(self) -> int:
        left = self._seconds.pop(0) if len(self._seconds) > 1 else self._seconds[0]
        return round(left * 1000)


AMPLE = 900.0


def put(key: str, content: bytes) -> str:
    """Put an object; the key of the outcome that is expected of it."""
    objects.overwrite(key, content)
    name, sha256 = key.rpartition("/")[2], hashlib.sha256(content).hexdigest()
    return f"loads/{name}.{sha256[:16]}.json"


def dump(*records: Any) -> bytes:
    return json.dumps(records).encode()


def event(*uploaded: str, bucket: str | None = None, name: str = "ObjectCreated:Put") -> Any:
    """A notification of S3; keys as it writes them."""
    client = Client(app.app)
    made = [
        client.events.generate_s3_event(bucket or objects.get_bucket_name(), quote_plus(key), name)
        for key in uploaded
    ]
    return {"Records": [record for one in made for record in one["Records"]]}


def load(happened: Any, *seconds: float) -> list[dict[str, Any]]:
    """Call the function as Lambda does."""
    done: list[dict[str, Any]] = app.load(happened, Context(*(seconds or (AMPLE,))))
    return done


def read_report(key: str) -> Any:
    return json.loads(body(key))


def finds(text: str) -> int:
    with IndexCache().acquire(0) as index:
        return len(search(index, text))
