"""The embedded engine behind a leaner HTTP server: ``python -m tests.support.engine_server``.

The engine's own server takes longer for a call than the engine itself. This one speaks just
enough of HTTP/1.1 for botocore: it runs the same ASGI application, one request of a
connection after another, and sends each response in one piece.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import hypercorn.asyncio
from ministack.app import main

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Coroutine[Any, Any, None],
]
_END = b"\r\n\r\n"
_BODILESS = {204, 304}


async def serve(application: Application, config: Any) -> None:
    """Serve until the task is cancelled, as hypercorn's ``serve`` does."""
    lifespan = _Lifespan()
    running = asyncio.create_task(
        application(
            {"type": "lifespan", "asgi": {"version": "3.0"}}, lifespan.receive, lifespan.send
        )
    )
    await lifespan.change("startup")
    host, _, port = config.bind[0].rpartition(":")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(application), host, int(port), backlog=128
    )
    try:
        await server.serve_forever()
    finally:
        server.close()
        await lifespan.change("shutdown")
        running.cancel()


class _Lifespan:
    """Startup and shutdown of an ASGI application."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self) -> Message:
        return await self._messages.get()

    async def send(self, message: Message) -> None:
        await self._answers.put(message)

    async def change(self, name: str) -> None:
        await self._messages.put({"type": f"lifespan.{name}"})
        answer = await self._answers.get()
        assert answer["type"] == f"lifespan.{name}.complete", answer


class _Connection(asyncio.Protocol):
    """One connection: reads a request, runs the application, and reads the next one."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._buffer = b""
        self._scope: Message | None = None
        self._length: int | None = 0
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._lost.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._read()

    def _read(self) -> None:
        """Start the next request once all of it is there."""
        if self._scope is None:
            head, end, rest = self._buffer.partition(_END)
            if not end:
                return
            self._buffer = rest
            self._scope = self._parse(head)
        if self._length is None:
            body = self._unchunked()
            if body is None:
                return
        else:
            if len(self._buffer) < self._length:
                return
            body, self._buffer = self._buffer[: self._length], self._buffer[self._length :]
        scope, self._scope = self._scope, None
        self._task = asyncio.create_task(self._run(scope, body))

    def _parse(self, head: bytes) -> Message:
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.split(b" ", 2)
        headers = []
        for line in lines:
            name, _, value = line.partition(b":")
            headers.append((name.lower(), value.strip()))
        known = dict(headers)
        is_chunked = b"chunked" in known.get(b"transfer-encoding", b"").lower()
        self._length = None if is_chunked else int(known.get(b"content-length", b"0"))
        self._is_closing = known.get(b"connection", b"").lower() == b"close"
        if known.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        path, _, query = target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method.decode(),
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": self._transport.get_extra_info("peername"),
            "server": self._transport.get_extra_info("sockname"),
            "extensions": {},
        }

    def _unchunked(self) -> bytes | None:
        """The body of a chunked request; ``None`` until all of it is there."""
        body, rest = b"", self._buffer
        while True:
            size, end, rest = rest.partition(b"\r\n")
            if not end:
                return None
            length = int(size.partition(b";")[0], 16)
            if len(rest) < length + 2:
                return None
            if length == 0:
                _, end, left = (b"\r\n" + rest).partition(_END)
                if not end:
                    return None
                self._buffer = left
                return body
            body, rest = body + rest[:length], rest[length + 2 :]

    async def _run(self, scope: Message, body: bytes) -> None:
        response = _Response(self._transport, scope["method"] == "HEAD")
        requests = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if requests:
                return requests.pop()
            await self._lost.wait()
            return {"type": "http.disconnect"}

        await self._application(scope, receive, response.send)
        self._task = None
        if self._is_closing:
            self._transport.close()
        else:
            self._read()


class _Response:
    """Sends what an application answers: in one piece, or in chunks where it takes several."""

    def __init__(self, transport: Any, is_head: bool) -> None:
        self._transport = transport
        self._is_head = is_head
        self._head: bytes | None = None
        self._is_bodiless = is_head
        self._has_length = False
        self._is_chunked = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start(message["status"], message.get("headers", []))
            return
        data: bytes = message.get("body", b"")
        is_last = not message.get("more_body", False)
        parts = b""
        if self._head is not None:
            parts, self._head = self._headed(len(data), is_last), None
        if not self._is_bodiless:
            parts += self._framed(data, is_last)
        if parts:
            self._transport.write(parts)

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        phrase = ""
        with contextlib.suppress(ValueError):
            phrase = HTTPStatus(status).phrase
        self._is_bodiless = self._is_head or status in _BODILESS
        self._has_length = any(name.lower() == b"content-length" for name, _ in headers)
        lines = [f"HTTP/1.1 {status} {phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        self._head = b"\r\n".join(lines)

    def _headed(self, length: int, is_last: bool) -> bytes:
        assert self._head is not None
        if self._has_length or self._is_bodiless:
            return self._head + _END
        if is_last:
            return self._head + b"\r\nContent-Length: %d" % length + _END
        self._is_chunked = True
        return self._head + b"\r\nTransfer-Encoding: chunked" + _END

    def _framed(self, data: bytes, is_last: bool) -> bytes:
        if not self._is_chunked:
            return data
        chunk = b"%x\r\n%s\r\n" % (len(data), data) if data else b""
        return chunk + (b"0\r\n\r\n" if is_last else b"")


if __name__ == "__main__":
    servers: Any = hypercorn.asyncio
    servers.serve = serve
    main()
