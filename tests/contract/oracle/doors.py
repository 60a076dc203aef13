"""The same request put to both: Django's WSGI handler, and our app behind its local gateway."""

import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction

from tests.contract.oracle.catalogue import records
from tests.contract.oracle.directory.models import MODELS
from tests.support.api_client import Reply, exchange, replies
from tests.support.fixtures import load_records
from tests.support.serving import answering
from tests.support.tables import empty


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. The target is what stands in the request line, one character a byte."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __str__(self) -> str:
        """The request for a person; what repeats often is shown once."""
        lines = [
            f"{self.method} {self.target}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        text = " | ".join(lines) + (f" | {self.body!r}" if self.body else "")
        return re.sub(
            r"(.{1,20}?)\1{30,}", lambda run: f"{run[1]}<{len(run[0]) // len(run[1])} times>", text
        )

    @property
    def path(self) -> str:
        """The path as sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query string as sent."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """A header as servers pass it on: repeated ones joined with commas; None if absent."""
        values = [value for other, value in self.headers if other.lower() == name.lower()]
        return ",".join(values) if values else None


class Oracle:
    """The implementation in Django REST Framework; only for the thread that made it."""

    def __init__(self, port: int) -> None:
        """``port`` is what links carry where a request names no host."""
        self._port = port
        self._handler = WSGIHandler()
        _fill()

    def ask(self, asked: Asked) -> Reply:
        """Its answer; 500 where it raises."""
        started: list[Any] = []
        response = self._handler(self._environ(asked), lambda *head: started.extend(head))
        try:
            body = b"".join(response)
        finally:
            response.close()
        status, headers = started
        return Reply(int(status[:3]), {name.lower(): value for name, value in headers}, body)

    def _environ(self, asked: Asked) -> dict[str, Any]:
        """What a WSGI server makes of a request (PEP 3333)."""
        names = {name.lower() for name, _ in asked.headers}
        environ: dict[str, Any] = {
            f"HTTP_{name.upper().replace('-', '_')}": asked.header(name) for name in names
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if (value := environ.pop(f"HTTP_{name}", None)) is not None:
                environ[name] = value
        return environ | {
            "REQUEST_METHOD": asked.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(asked.path.encode("latin-1")).decode("latin-1"),
            "QUERY_STRING": asked.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self._port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(asked.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }


@cache
def _fill() -> None:
    """Make the tables in memory and put the catalogue into them, once a process."""
    with connection.schema_editor() as editor:
        for model in MODELS.values():
            editor.create_model(model)
    with transaction.atomic():
        for record in records():
            model = MODELS[record["model"]]
            columns = {f.name: f.attname for f in model._meta.concrete_fields}
            fields = record["fields"].items()
            known = {columns[name]: value for name, value in fields if name in columns}
            model.objects.create(id=record["pk"], **known)


@dataclass(frozen=True, slots=True)
class Ours:
    """Our app behind two gateways: one tells the query string as sent, one does not."""

    port: int
    port_of_decoded: int

    def ask(self, asked: Asked, *, raw_query: bool = True) -> Reply:
        """Its answer over HTTP."""
        lines = [f"{asked.method} {asked.target} HTTP/1.1", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in asked.headers]
        if asked.header("Host") is None and not raw_query:
            # As the first gateway has it, which is where the oracle stands too.
            lines.append(f"Host: 127.0.0.1:{self.port}")
        raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + asked.body
        port = self.port if raw_query else self.port_of_decoded
        (reply,) = replies(exchange(port, raw), bodiless=asked.method == "HEAD")
        return reply


@contextmanager
def serving() -> Iterator[Ours]:
    """Our app with nothing but the catalogue in the tables of the engine that is bound."""
    with empty():
        with tempfile.TemporaryDirectory() as folder:
            loaded = load_records(Path(folder), *records())
        assert loaded.has_only("created"), loaded.refusals
        with answering(raw_query=True) as port, answering(raw_query=False) as decoded:
            yield Ours(port, decoded)
