"""Why a request brought nothing. The text of each is for an operator and holds no secret."""

from datetime import datetime


class BadAnswer(Exception):
    """One that is late, cut short, no JSON, or a server's error: worth another try."""


class NoAnswer(Exception):
    """Common base."""


class Limited(NoAnswer):
    """The budget is spent, or the host said so: nothing of this cost before ``until``."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


class OutOfTime(NoAnswer):
    """The worker has to end before an answer could be had."""


class Unreachable(NoAnswer):
    """No useful answer through every retry: a fault that may pass."""


class Refused(NoAnswer):
    """We do not ask, or do not read: a forbidden address, a redirect loop, a body too large."""
