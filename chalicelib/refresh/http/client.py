"""Asking a host: within its budget, in bounded time, with bounded retries."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.http.body import pieces, with_json
from chalicelib.refresh.http.deadline import Deadline
from chalicelib.refresh.http.failures import BadAnswer, Limited, OutOfTime, Refused, Unreachable
from chalicelib.refresh.http.response import Reply
from chalicelib.refresh.http.ssrf import Adapter, ForbiddenAddress
from chalicelib.refresh.rate_limit import later
from chalicelib.refresh.worker_context import WorkerContext

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 3.05, 10.0, 30.0
#: Left of the worker's time when an exchange is ended, to write down what came of it.
SPARE_SECONDS = 2.0
#: JSON of many small values takes thirty times as much as an object in memory.
MAX_BODY_BYTES = 6 << 20
MAX_REDIRECTS = 3
#: Tries of one request in all, with waits between them that grow, with full jitter.
ATTEMPTS, WAIT_BASE, WAIT_CAP = 3, 0.5, 8.0
#: A budget that is free again within this many seconds is waited for.
PATIENCE_SECONDS = 3.0
#: A token is longer; a shorter text may be an ordinary word of an answer.
_LEAST_TOKEN = 12
_PERMANENT, _REDIRECTS = {301, 308}, {301, 302, 303, 307, 308}
#: What a try may end with that another one may mend.
_FAULTS = (RequestException, HTTPError, OSError, BadAnswer)
_log = logging.getLogger(__name__)


class _Requests(requests.Session):
    """Without redirects: it would read the body of one without bounds before it looks."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Never any; they are followed by Session."""


class _Asked(NamedTuple):
    """What each try of a request has in common."""

    method: str
    path: str
    cost: Mapping[str, int]
    params: Mapping[str, str | int] | None
    headers: dict[str, str]
    body: str | None
    max_bytes: int


class Session:
    """Requests to one host. ``requests_sent`` counts every request that went out."""

    def __init__(
        self, host: Host, budget: SharedBudget, runtime: WorkerContext, user_agent: str
    ) -> None:
        self.host = host
        self.runtime = runtime
        self.user_agent = user_agent
        self.budget = budget
        self.requests_sent = 0
        self._session = _Requests()
        # Neither proxies nor passwords from the surroundings: the address check is ours.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = user_agent
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, Adapter(host.may_be_private))

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def get(
        self,
        path: str,
        *,
        cost: Mapping[str, int],
        params: Mapping[str, str | int] | None = None,
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Reply:
        """GET a path of the host, or a URL that it named (a Link, a redirect).

        ``cost`` is what it costs by meter; ``etag`` makes it conditional. Returns an answer of
        any status below 500 that is neither a redirect nor a limit; a 200 has its JSON. Raises
        Limited, OutOfTime, Unreachable or Refused.
        """
        sent = dict(headers or {})
        if etag:
            sent["If-None-Match"] = etag
        return self._retried(_Asked("GET", path, cost, params, sent, None, max_bytes))

    def post(
        self, path: str, payload: Any, *, cost: Mapping[str, int], attempts: int = ATTEMPTS
    ) -> Reply:
        """POST JSON that asks and changes nothing (GraphQL), ``attempts`` times. As ``get``."""
        body = json.dumps(payload)
        sent = {"Content-Type": "application/json"}
        return self._retried(_Asked("POST", path, cost, None, sent, body, MAX_BODY_BYTES), attempts)

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        cost: Mapping[str, int],
        headers: Mapping[str, str],
        max_bytes: int,
        seconds: float,
    ) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """GET what is too large to hold: the answer without its body, and the body's pieces.

        One try; raises as ``get``, also while pieces are taken.
        """
        self._spend(cost)
        with self._deadline(seconds) as deadline:
            try:
                response = self._open("GET", self._url(path), None, dict(headers), None, deadline)
            except _FAULTS as error:
                raise _no_answer(error) from error
            with response:
                reply = Reply(response.status_code, response.headers)
                self._check_limits(reply, cost)
                if reply.status >= 500 or reply.status in _REDIRECTS:
                    raise Unreachable(f"status {reply.status}")
                yield reply, _taken(pieces(response, max_bytes, deadline))

    def _retried(self, asked: _Asked, attempts: int = ATTEMPTS) -> Reply:
        reason = ""
        for attempt in range(attempts):
            if attempt:
                self._pause(self.runtime.uniform(0, min(WAIT_CAP, WAIT_BASE * 2**attempt)))
            try:
                return self._once(asked)
            except _FAULTS as error:
                if forbidden := _forbidden(error):
                    raise Refused(str(forbidden)) from error
                reason = _words(error)
                _log.info("%s: try %d: %s", self.host.name, attempt + 1, reason)
        raise Unreachable(reason)

    def _once(self, asked: _Asked) -> Reply:
        """One try, with the redirects that it takes."""
        url, params, is_moved = self._url(asked.path), asked.params, False
        for _ in range(MAX_REDIRECTS + 1):
            self._spend(asked.cost)
            with (
                self._deadline(TOTAL_SECONDS) as deadline,
                self._open(
                    asked.method, url, params, asked.headers, asked.body, deadline
                ) as response,
            ):
                content = self._unechoed(b"".join(pieces(response, asked.max_bytes, deadline)))
            reply = Reply(response.status_code, response.headers, content, None, is_moved)
            self._check_limits(reply, asked.cost)
            if reply.status in _REDIRECTS and "Location" in reply.headers:
                is_moved = is_moved or reply.status in _PERMANENT
                url, params = self._url(_target(url, reply.headers["Location"])), None
                continue
            if reply.status >= 500:
                raise BadAnswer(f"status {reply.status}")
            return with_json(reply)
        raise Refused(f"more than {MAX_REDIRECTS} redirects")

    def _open(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None,
        headers: dict[str, str],
        body: str | None,
        deadline: Deadline,
    ) -> requests.Response:
        self.requests_sent += 1
        try:
            with deadline.bounding():
                return self._session.request(
                    method,
                    url,
                    params=params,
                    data=body,
                    headers={**self.host.headers(), **headers},
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,
                )
        except ValueError as error:
            # What a stranger's URL or header makes of a library that expects it to be sound.
            raise BadAnswer(type(error).__name__) from error

    def _deadline(self, seconds: float) -> Deadline:
        """For one exchange: ``seconds``, or what the worker has left if that is less."""
        return Deadline(min(seconds, self.runtime.seconds_left() - SPARE_SECONDS))

    def _unechoed(self, body: bytes) -> bytes:
        """The body without our token, should the host repeat it: errors are stored and shown."""
        token = self.host.headers().get("Authorization", "").rpartition(" ")[2].encode()
        return body if len(token) < _LEAST_TOKEN else body.replace(token, b"[token]")

    def _url(self, path: str) -> str:
        """The URL to ask: of this host's API and no other; raises Refused."""
        if path.startswith("/"):
            return self.host.base_url + path
        for base in (self.host.base_url, self.host.public_url):
            if path == base or path.startswith((base + "/", base + "?")):
                return self.host.base_url + path[len(base) :]
        raise Refused(f"leads away from {self.host.name}'s API")

    def _spend(self, cost: Mapping[str, int]) -> None:
        """Take ``cost`` from the shared budget, after a short wait if that is all it needs."""
        for _ in range(ATTEMPTS):
            if self.runtime.seconds_left() < CONNECT_SECONDS + READ_SECONDS:
                raise OutOfTime("the worker's time is up")
            wait = self.budget.spend(self.host, cost, self.runtime.now())
            if not wait:
                return
            if wait > PATIENCE_SECONDS:
                break
            self._pause(wait)
        raise Limited("the budget is spent", later(self.runtime.now(), wait))

    def _check_limits(self, reply: Reply, cost: Mapping[str, int]) -> None:
        now = self.runtime.now()
        for reading in self.host.readings(reply, now):
            self.budget.note(self.host, reading, now)
        until = self.host.limited_until(reply, now)
        if until is not None:
            self.budget.block(self.host, cost, until)
            reason = f"the host's limit is spent (status {reply.status})"
            raise Limited("401 bad credentials" if reply.status == 401 else reason, until)

    def _pause(self, seconds: float) -> None:
        if self.runtime.seconds_left() < seconds + CONNECT_SECONDS + READ_SECONDS:
            raise OutOfTime("the worker's time is up")
        self.runtime.sleep(seconds)


def _target(url: str, location: str) -> str:
    """Where a redirect leads; raises Refused for what is no URL."""
    try:
        # http.client reads headers as Latin-1; what is not ASCII in a URL is UTF-8 if anything.
        return str(urljoin(url, location.encode("latin-1").decode()))
    except ValueError as error:
        raise Refused("a redirect to what is no URL") from error


def _taken(body: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from body
    except _FAULTS as error:
        raise _no_answer(error) from error


def _forbidden(error: BaseException | None) -> ForbiddenAddress | None:
    """The forbidden address in the chain of an error, if that is what stopped it."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, ForbiddenAddress):
            return error
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


def _no_answer(error: Exception) -> Unreachable | Refused:
    forbidden = _forbidden(error)
    return Refused(str(forbidden)) if forbidden else Unreachable(_words(error))


def _words(error: Exception) -> str:
    """What happened, without the URL: that may hold what must not be logged."""
    return str(error) if isinstance(error, BadAnswer) else type(error).__name__
