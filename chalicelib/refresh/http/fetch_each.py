"""Asking a host package by package."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from chalicelib.refresh.fetch_result import Failed, FetchResult, FetchResults, Postponed, Source
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.json_fields import BadValue

#: So many packages in a row without any answer, and the host is taken to be down.
DOWN_AFTER = 3
DOWN_FOR = timedelta(minutes=5)


def each(
    batch: Sequence[Source], session: Session, one: Callable[[Source, Session], FetchResult]
) -> FetchResults:
    """What comes of ``one`` for each source; what cannot be asked any more is postponed."""
    silent = 0
    for place, source in enumerate(batch):
        try:
            outcome = one(source, session)
            silent = 0
        except RateLimited as error:
            yield from postponed(batch[place:], Postponed(error.until, str(error)))
            return
        except WorkerTimeout as error:
            until = session.context.now()
            yield from postponed(batch[place:], Postponed(until, str(error)))
            return
        except Unreachable as error:
            outcome = Failed(str(error))
            silent += 1
        except (RequestRejected, BadValue) as error:
            outcome = Failed(str(error))
        yield source, outcome
        if silent == DOWN_AFTER:
            until = session.context.now() + DOWN_FOR
            reason = f"{session.host.name} does not answer"
            yield from postponed(batch[place + 1 :], Postponed(until, reason))
            return


def postponed(batch: Sequence[Source], outcome: Postponed) -> FetchResults:
    """The same for every source that is left."""
    for source in batch:
        yield source, outcome
