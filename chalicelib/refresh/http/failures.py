"""Errors of requests to hosts. Their messages are for operators and contain no secrets."""

from datetime import datetime


class BadResponse(Exception):
    """A response that is late, cut short, not JSON, or a server error; a retry may help."""


class RequestFailed(Exception):
    """Base class of the errors below."""


class RateLimited(RequestFailed):
    """The budget is spent, or the host says so; nothing may be spent before ``until``."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


class WorkerTimeout(RequestFailed):
    """The worker has too little time left for a request."""


class Unreachable(RequestFailed):
    """No try brought a usable response; the failure may be temporary."""


class RequestRejected(RequestFailed):
    """The request may not be sent, or its response not read.

    Reasons are a forbidden address, a redirect loop, and a body that is too large.
    """
