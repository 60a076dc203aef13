"""Errors that are responses: one class per status, one shape, ``{"detail": ...}``.

The texts are Django REST Framework's where it has one, because clients may compare them.
"""


class APIError(Exception):
    """An error with a status and a detail."""

    status = 500
    detail = "A server error occurred."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail


class BadRequest(APIError):
    """The request is malformed."""

    status = 400
    detail = "Bad request."


class NotFound(APIError):
    """The path or the item does not exist."""

    status = 404
    detail = "Not found."


class MethodNotAllowed(APIError):
    """The resource exists but does not support the method."""

    status = 405

    def __init__(self, method: str) -> None:
        super().__init__(f'Method "{method}" not allowed.')


class NotAcceptable(APIError):
    """No renderer produces an accepted media type."""

    status = 406
    detail = "Could not satisfy the request Accept header."


class Unavailable(APIError):
    """The storage did not respond; the client may retry."""

    status = 503
    detail = "Service temporarily unavailable, try again later."
