"""Errors as answers: one class a status, one shape, ``{"detail": ...}``.

Texts are Django REST Framework's where it has one, because consumers may compare them.
"""


class APIError(Exception):
    """An error that has an answer."""

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
    """Nothing is there."""

    status = 404
    detail = "Not found."


class MethodNotAllowed(APIError):
    """The resource is there, but not for this method."""

    status = 405

    def __init__(self, method: str) -> None:
        super().__init__(f'Method "{method}" not allowed.')


class NotAcceptable(APIError):
    """No renderer makes what the Accept header asks for."""

    status = 406
    detail = "Could not satisfy the request Accept header."


class Unavailable(APIError):
    """The storage does not answer; it is worth trying again."""

    status = 503
    detail = "Service temporarily unavailable, try again later."
