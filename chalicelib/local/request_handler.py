"""HTTP requests of any method, as a gateway and a proxy take them."""

import socket
from abc import abstractmethod
from http.server import BaseHTTPRequestHandler
from typing import Any


class AnyMethod(BaseHTTPRequestHandler):
    """Every method leads to ``_handle``; what it means is for whoever answers."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Answers leave at once, however small."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __getattr__(self, name: str) -> Any:
        # BaseHTTPRequestHandler looks for do_METHOD.
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    @abstractmethod
    def _handle(self) -> None:
        """Answer ``command`` at ``path``."""
