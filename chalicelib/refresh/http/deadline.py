"""A time limit for a whole exchange: connecting, sending the request, reading the response."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from chalicelib.refresh.http.failures import BadResponse

_current: ContextVar["Deadline | None"] = ContextVar("deadline", default=None)


class Deadline:
    """Shuts the connections of an exchange down after ``seconds``, even during a read.

    A single read may last forever (chunk extensions, trailers, or compressed data that unpack to
    nothing), so checking the clock between reads is not enough. Enter the deadline for the
    exchange, and use the network inside ``enforce``.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = max(0.0, seconds)
        self._end = time.monotonic() + self._seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(self._seconds, self._shut_sockets)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    @contextmanager
    def enforce(self) -> Iterator[None]:
        """Watch the connections used inside; errors after the end become BadResponse."""
        token = _current.set(self)
        try:
            yield
        except (RequestException, HTTPError, OSError) as error:
            if self._is_over():
                raise self._build_error() from error
            raise
        finally:
            _current.reset(token)

    def check(self) -> None:
        """Raise BadResponse after the end: what was read may be cut short without an error."""
        if self._is_over():
            raise self._build_error()

    def watch(self, sock: socket.socket) -> None:
        """Shut this connection down, too, at the end.

        This duplicates the descriptor: TLS detaches a socket from its descriptor, and the number
        of a closed descriptor may belong to another connection by then.
        """
        duplicate = socket.fromfd(sock.fileno(), sock.family, sock.type)
        with self._lock:
            self._sockets.append(duplicate)
        if self._is_over():
            self._shut_sockets()

    def _is_over(self) -> bool:
        return time.monotonic() >= self._end

    def _build_error(self) -> BadResponse:
        return BadResponse(f"response took longer than {self._seconds:.0f} s")

    def _shut_sockets(self) -> None:
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # The connection was closed already.
                    continue


def watch(sock: socket.socket) -> None:
    """Put a connection under the deadline of the current exchange, if there is one."""
    deadline = _current.get()
    if deadline is not None:
        deadline.watch(sock)


def check() -> None:
    """Raise BadResponse if the current exchange is past its deadline."""
    deadline = _current.get()
    if deadline is not None:
        deadline.check()
