"""The Chalice application: every resource and method leads to ``dispatch``."""

import re
import threading
from base64 import b64encode
from typing import Any

from chalice.app import Chalice, Response

from chalicelib import settings
from chalicelib.api import dispatcher, request

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
_NAMES = re.compile(r"\{(\w+)\}")


class Application(Chalice):
    """Chalice, answering in one shape, and safe to call from several threads at once."""

    def __init__(self, app_name: str) -> None:
        self._local = threading.local()
        super().__init__(app_name=app_name)
        self.settings = settings.from_environment()
        # What API Gateway is told of: it decodes base64 for those who accept one of these only.
        self.api.binary_types = ["*/*"]

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer an event of API Gateway."""
        answer: dict[str, Any] = super().__call__(_amended(event), context)
        return answer

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
        result = dispatcher.dispatch(
            lambda: request.from_chalice(current, self.settings), self.settings
        )
        body = result.body if result.packed is None else result.packed
        return _Response(body, dict(result.headers), result.status)


class _Response(Response):
    """Bytes are sent in base64 and text as it is; Chalice itself goes by the content type."""

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = super().to_dict()
        if isinstance(self.body, bytes):
            answer |= {"body": b64encode(self.body).decode(), "isBase64Encoded": True}
        return answer


def _amended(event: Any) -> Any:
    """The event with all that Chalice wants to find in it."""
    context = event.get("requestContext") or {}
    if "resourcePath" not in context:
        # Not of API Gateway; Chalice says so.
        return event
    headers = event.get("headers") or {}
    # A header that is sent twice means both values (RFC 9110, 5.2); Chalice reads the last.
    sent = event.get("multiValueHeaders") or {}
    if any(len(values) > 1 for values in sent.values()):
        headers = {name: ",".join(sent[name]) for name in sent}
    if not any(name.lower() == "accept" for name in headers):
        headers = headers | {"Accept": "*/*"}
    names = dict.fromkeys(_NAMES.findall(context["resourcePath"]), "")
    method = context.get("httpMethod")
    absent = dict.fromkeys(("multiValueQueryStringParameters", "stageVariables", "body"))
    return (absent | event) | {
        "headers": headers,
        "pathParameters": names | (event.get("pathParameters") or {}),
        # Any other method is one more that is not allowed; ``request`` has the true one.
        "requestContext": context | {"httpMethod": method if method in METHODS else "POST"},
        "httpMethod": method,
    }
