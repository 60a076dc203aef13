"""The base of every host: its defaults, what its answers mean, and how a batch is fetched.

A host is a subclass of ``Host`` that says what differs from the defaults. The simplest ones only
have their attributes, ``build_policy`` and ``fetch_one``; ``docs/howto/add-a-host.md`` writes one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Self, TypeVar

from chalicelib.refresh.fetch_result import (
    REPOSITORY,
    Failed,
    FetchResult,
    FetchResults,
    Gone,
    Postponed,
    Source,
)
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.http.rate_limit_headers import (
    parse_number,
    parse_reading,
    parse_retry_after,
)
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue
from chalicelib.refresh.rate_limit import Policy, Reading
from chalicelib.settings import Upstreams

#: A host that refuses its token is left alone for this long; no package is to blame.
BAD_CREDENTIALS_SECONDS = 900
#: After this many sources in a row without any answer the host is taken to be down.
DOWN_AFTER = 3
DOWN_FOR = timedelta(minutes=5)
#: Not there, no longer there, and withheld for legal reasons.
GONE_STATUSES = frozenset({404, 410, 451})


class Host(ABC):
    """A code host or the package index.

    ``name`` is the key of its budget and of its part of the queue; its settings are named after
    it (``GITHUB_TOKEN``). A host of which operators run instances of their own has a
    ``self_hosted_kind`` instead, which ``SELF_HOSTED`` names; an instance is called by its domain.
    """

    name: str
    #: Names of hosts that it asks itself; no other may be called so.
    reserved_names: tuple[str, ...] = ()
    self_hosted_kind: str | None = None
    #: ``REPOSITORY``, or ``PROJECT`` for the package index.
    kind: str = REPOSITORY
    #: Hosts of the web pages; ``www.`` before them is understood.
    domains: tuple[str, ...] = ()
    #: Where the API is without a setting, with neither path nor slash at the end. Redirects and
    #: links that lead there are followed at ``base_url``.
    public_url: str
    #: The API's own path, which an operator may have left at the end of the address.
    api_path: str = ""
    #: An address may have more than two segments, as with groups in groups.
    has_nested_paths: bool = False
    #: What may follow such an address in the URL of a page.
    page_segments: frozenset[str] = frozenset()
    takes_token: bool = True
    #: A plan sends everything that is due soon, since one request of the host serves all of it.
    takes_all_due_soon: bool = False
    media_type: str = "application/json"
    #: ``PREFIX-Limit``, ``-Remaining`` and ``-Reset`` tell what is left of the first meter.
    limit_prefix: str | None = None
    is_reset_epoch: bool = False
    #: The wait after a spent limit where the host names none.
    pause_seconds: int = 60

    def __init__(
        self, api_url: str | None = None, token: str | None = None, domain: str | None = None
    ) -> None:
        """Take the operator's ``api_url``, which may be of a private network.

        ``domain`` is that of a self-hosted instance, with its port if it has one.
        """
        if domain is not None:
            self.name, self.public_url = domain, f"https://{domain}"
        self.base_url = (api_url or self.public_url).rstrip("/").removesuffix(self.api_path)
        self.may_be_private = api_url is not None
        self._token = token if self.takes_token else None
        self.policy = self.build_policy(has_token=bool(self._token))

    @classmethod
    def from_upstreams(cls, upstreams: Upstreams, token: str | None) -> Self | None:
        """Build the public host as the settings have it; ``None`` where it cannot be asked."""
        return cls(upstreams.api_urls.get(cls.name), token)

    @abstractmethod
    def build_policy(self, *, has_token: bool) -> Policy:
        """Return the limits within which the host may be asked."""

    def headers(self) -> dict[str, str]:
        """Return the headers of every request: media type and authorisation."""
        headers = {"Accept": self.media_type}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def read_limits(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """Return what a reply's headers say of the limits."""
        if self.limit_prefix is None:
            return ()
        meter = next(iter(self.policy.meters))
        limit = parse_reading(
            reply.headers, now, meter, self.limit_prefix, is_epoch=self.is_reset_epoch
        )
        return () if limit is None else (limit,)

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Return until when the host is to be left alone, if a reply says so; at least a second.

        Where a limit is spent: Retry-After, else the end of its window, else ``pause_seconds``.
        Also where the token is refused, for who goes on asking may be locked out.
        """
        if reply.status == 401 and self._token:
            return now + timedelta(seconds=BAD_CREDENTIALS_SECONDS)
        if not is_limit(reply):
            return None
        until = parse_retry_after(reply.headers, now) or self.find_reset(reply, now)
        until = until or now + timedelta(seconds=self.pause_seconds)
        return max(until, now + timedelta(seconds=1))

    def find_reset(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Return when the window of a spent limit ends, if a reply says so."""
        return next((limit.reset for limit in self.read_limits(reply, now)), None)

    def error_outcome(self, reply: HostResponse) -> Gone | Failed | None:
        """Return what a reply without figures means for its source; ``None`` for 200 and 304."""
        if reply.status in {200, 304}:
            return None
        if reply.status in GONE_STATUSES:
            return Gone(describe_status(reply.status))
        return Failed(describe_status(reply.status))

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Yield every source of a batch with what came of it, in any order.

        Results are written as they are yielded. Never raises for what a host sends.
        """
        return fetch_each(batch, session, self.fetch_one)

    def fetch_one(self, source: Source, session: Session) -> FetchResult:
        """Return what comes of one source; raises BadValue, and as ``Session.get``."""
        raise NotImplementedError


def describe_status(status: int) -> str:
    """Return a status with its phrase, for an operator."""
    if status == 401:
        return "401 bad credentials"
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"


def is_limit(reply: HostResponse) -> bool:
    """Return whether a reply means that too much was asked: 429, or a 403 that names a limit.

    A 403 also hides code from strangers. One that means a limit, which proxies send too, has a
    Retry-After, a limit of which nothing remains, or the words.
    """
    if reply.status != 403:
        return reply.status == 429
    remaining = (
        parse_number(reply.headers, f"{name}-Remaining") for name in ("RateLimit", "X-RateLimit")
    )
    return "Retry-After" in reply.headers or 0 in remaining or "rate limit" in reply.text.lower()


def has_part(reply: HostResponse) -> bool:
    """Return whether a part of a repository is there; raises BadValue for a fault.

    A repository may keep its code to its members, or have none.
    """
    if reply.status == 200:
        return True
    if reply.status in GONE_STATUSES | {204, 403, 409}:
        return False
    raise BadValue(describe_status(reply.status))


def fetch_each(
    batch: Sequence[Source], session: Session, fetch_one: Callable[[Source, Session], FetchResult]
) -> FetchResults:
    """Fetch the sources one by one; postpones the rest once a limit or time stops it."""
    unanswered = 0
    for place, source in enumerate(batch):
        try:
            result = fetch_one(source, session)
            unanswered = 0
        except (RateLimited, WorkerTimeout) as error:
            yield from postpone(batch[place:], build_postponed(error, session))
            return
        except Unreachable as error:
            result = Failed(str(error))
            unanswered += 1
        except (RequestRejected, BadValue) as error:
            result = Failed(str(error))
        yield source, result
        if unanswered == DOWN_AFTER:
            yield from postpone(batch[place + 1 :], build_down(session))
            return


@dataclass(frozen=True, slots=True)
class Remainder:
    """Sources that a request for a group brought nothing of; ``stop``: why none is asked now."""

    sources: Sequence[Source] = ()
    stop: Postponed | None = None


Result = TypeVar("Result")
#: Yields what came of a group's sources, and returns what is left of it.
FetchGroup = Callable[[Sequence[Source]], Generator[tuple[Source, Result], None, Remainder]]


def fetch_in_groups(
    batch: Sequence[Source], size: int, fetch_group: FetchGroup[Result]
) -> Iterator[tuple[Source, Result | Postponed]]:
    """Fetch a batch in groups of ``size`` and the remainder of each in halves; stops on ``stop``.

    A request that brings nothing is never repeated as it was: the halves are smaller, so
    ``fetch_group`` must leave nothing of a single source.
    """
    waiting = [batch[start : start + size] for start in range(0, len(batch), size)][::-1]
    while waiting:
        remainder = yield from fetch_group(waiting.pop())
        middle = (len(remainder.sources) + 1) // 2
        halves = remainder.sources[middle:], remainder.sources[:middle]
        waiting += [half for half in halves if half]
        if remainder.stop is not None:
            for group in reversed(waiting):
                yield from postpone(group, remainder.stop)
            return


def postpone(sources: Sequence[Source], result: Postponed) -> Iterator[tuple[Source, Postponed]]:
    """Yield the same result for each source."""
    for source in sources:
        yield source, result


def build_postponed(error: RateLimited | WorkerTimeout, session: Session) -> Postponed:
    """Return what a spent limit, or a worker's end, means for sources that were not asked."""
    until = error.until if isinstance(error, RateLimited) else session.context.now()
    return Postponed(until, str(error))


def build_down(session: Session) -> Postponed:
    """Return what it means for sources that the host answers nobody."""
    until = session.context.now() + DOWN_FOR
    return Postponed(until, f"{session.host.name} does not answer")
