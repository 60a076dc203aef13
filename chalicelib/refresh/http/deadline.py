"""One bound for the whole of an exchange: connecting, asking, and reading to the end."""

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
    """Shuts the connections of an exchange after ``seconds``, whoever waits for what on them.

    A single read may last for ever (chunk extensions, trailers, or compressed data that unpack
    to nothing), so a look at the clock between reads is not enough. Enter it for the exchange,
    and do what uses the network within ``bounding``.
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
        """Watch the connections made or used within; faults after the end are BadAnswer."""
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
        """Raise BadAnswer after the end: what was read may be cut short without a fault."""
        if self._is_over():
            raise self._build_error()

    def watch(self, sock: socket.socket) -> None:
        """Shut this connection too when the time is up.

        A descriptor of our own is held: TLS takes a socket's descriptor away from it, and one
        that was closed may be another connection's by then.
        """
        held = socket.fromfd(sock.fileno(), sock.family, sock.type)
        with self._lock:
            self._sockets.append(held)
        if self._is_over():
            self._shut_sockets()

    def _is_over(self) -> bool:
        return time.monotonic() >= self._end

    def _build_error(self) -> BadResponse:
        return BadResponse(f"an answer that takes longer than {self._seconds:.0f} s")

    def _shut_sockets(self) -> None:
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # It has ended by itself.
                    continue


def watch(sock: socket.socket) -> None:
    """Have the exchange that is under way, if any, watch a connection."""
    deadline = _current.get()
    if deadline is not None:
        deadline.watch(sock)


def check() -> None:
    """Raise BadAnswer when the exchange that is under way is out of time."""
    deadline = _current.get()
    if deadline is not None:
        deadline.check()
