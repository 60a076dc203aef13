"""Why a request brought nothing. The text of each is for an operator and holds no secret."""

from datetime import datetime


class BadResponse(Exception):
    """One that is late, cut short, no JSON, or a server's error: worth another try."""


class RequestFailed(Exception):
    """Common base."""


class RateLimited(RequestFailed):
    """The budget is spent, or the host said so: nothing of this cost before ``until``."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


class WorkerTimeout(RequestFailed):
    """The worker has to end before an answer could be had."""


class Unreachable(RequestFailed):
    """No useful answer through every retry: a fault that may pass."""


class RequestRejected(RequestFailed):
    """We do not ask, or do not read: a forbidden address, a redirect loop, a body too large."""
