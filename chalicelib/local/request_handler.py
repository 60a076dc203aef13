"""A handler of HTTP requests with any method, for the local gateway and other servers here."""

import socket
from abc import abstractmethod
from http.server import BaseHTTPRequestHandler
from typing import Any


class AnyMethodHandler(BaseHTTPRequestHandler):
    """Calls ``handle_request`` for every method, and sends responses without delay."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Send even small responses at once."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __getattr__(self, name: str) -> Any:
        # BaseHTTPRequestHandler looks for do_METHOD.
        if name.startswith("do_"):
            return self.handle_request
        raise AttributeError(name)

    @abstractmethod
    def handle_request(self) -> None:
        """Respond to ``command`` at ``path``."""
