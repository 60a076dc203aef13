"""The Chalice application: every resource and method leads to ``dispatch``."""

import threading
from typing import Any

from chalice.app import Chalice, Response

from chalicelib import settings
from chalicelib.api import dispatch, request

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


class Application(Chalice):
    """Chalice, answering in one shape, and safe to call from several threads at once."""

    def __init__(self, app_name: str) -> None:
        self._local = threading.local()
        super().__init__(app_name=app_name)
        self.settings = settings.from_environment()

    @property
    def current_request(self) -> Any:
        """The request of this thread (Lambda has one thread; the local server has many)."""
        return getattr(self._local, "request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._local.request = value

    def answer(self) -> Response:
        """Answer the current request."""
        current = self.current_request
        result = dispatch.answer(
            lambda: request.from_chalice(current, self.settings.base_url), self.settings
        )
        return Response(result.body, dict(result.headers), result.status)
