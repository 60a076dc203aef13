"""The Chalice application: every resource and method leads to ``dispatcher.dispatch``."""

import re
import threading
from base64 import b64encode
from typing import Any

from chalice.app import Chalice
from chalice.app import Response as ChaliceResponse

from chalicelib import settings
from chalicelib.api import dispatcher, request

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
_PATH_PARAMETERS = re.compile(r"\{(\w+)\}")


class Application(Chalice):
    """A Chalice application with one dispatcher for all routes; safe to call from threads."""

    def __init__(self, app_name: str) -> None:
        self._local = threading.local()
        super().__init__(app_name=app_name)
        self.settings = settings.from_environment()
        # API Gateway decodes base64 only for clients that accept one of its binary types.
        self.api.binary_types = ["*/*"]

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Handle an API Gateway event and return the response event."""
        response: dict[str, Any] = super().__call__(_complete_event(event), context)
        return response

    @property
    def current_request(self) -> Any:
        """The request of this thread (Lambda has one thread; the local server has many)."""
        return getattr(self._local, "request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._local.request = value

    def handle_current_request(self) -> ChaliceResponse:
        """Dispatch the current request and return Chalice's response."""
        current = self.current_request
        response = dispatcher.dispatch(
            lambda: request.from_chalice(current, self.settings), self.settings
        )
        body = response.body if response.gzipped is None else response.gzipped
        return _GatewayResponse(body, dict(response.headers), response.status)


class _GatewayResponse(ChaliceResponse):
    """A response that encodes bytes, and only bytes; Chalice decides by the content type."""

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        response: dict[str, Any] = super().to_dict()
        if isinstance(self.body, bytes):
            response |= {"body": b64encode(self.body).decode(), "isBase64Encoded": True}
        return response


def _complete_event(event: Any) -> Any:
    """Return the event with every member that Chalice requires."""
    context = event.get("requestContext") or {}
    if "resourcePath" not in context:
        # Not an event of API Gateway; Chalice reports that.
        return event
    headers = event.get("headers") or {}
    # A repeated header means all its values (RFC 9110, 5.2); Chalice reads the last one.
    all_headers = event.get("multiValueHeaders") or {}
    if any(len(values) > 1 for values in all_headers.values()):
        headers = {name: ",".join(all_headers[name]) for name in all_headers}
    if not any(name.lower() == "accept" for name in headers):
        headers = headers | {"Accept": "*/*"}
    parameters = dict.fromkeys(_PATH_PARAMETERS.findall(context["resourcePath"]), "")
    method = context.get("httpMethod")
    defaults = dict.fromkeys(("multiValueQueryStringParameters", "stageVariables", "body"))
    return (defaults | event) | {
        "headers": headers,
        "pathParameters": parameters | (event.get("pathParameters") or {}),
        # Chalice routes known methods only; any other is not allowed anyway, like POST.
        # ``request.from_chalice`` reads the true method from ``httpMethod`` below.
        "requestContext": context | {"httpMethod": method if method in METHODS else "POST"},
        "httpMethod": method,
    }
