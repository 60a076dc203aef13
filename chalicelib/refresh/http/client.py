"""Asking a host: within its budget, in bounded time, with bounded retries."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.http.deadline import Deadline
from chalicelib.refresh.http.failures import (
    BadResponse,
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.http.response import HostResponse, parse_json, read_chunks
from chalicelib.refresh.http.ssrf import ForbiddenAddress, GuardedAdapter
from chalicelib.refresh.rate_limit import add_seconds
from chalicelib.refresh.worker_context import WorkerContext

if TYPE_CHECKING:
    from chalicelib.refresh.hosts.base import Host

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 3.05, 10.0, 30.0
#: Left of the worker's time when an exchange is ended, to write down what came of it.
SPARE_SECONDS = 2.0
#: JSON of many small values takes thirty times as much as an object in memory.
MAX_BODY_BYTES = 6 << 20
MAX_REDIRECTS = 3
#: Tries of one request in all, with waits between them that grow, with full jitter.
MAX_ATTEMPTS, WAIT_BASE, WAIT_CAP = 3, 0.5, 8.0
#: A budget that is free again within this many seconds is waited for.
PATIENCE_SECONDS = 3.0
#: A token is longer; a shorter text may be an ordinary word of an answer.
_MIN_TOKEN_LENGTH = 12
_PERMANENT, _REDIRECTS = {301, 308}, {301, 302, 303, 307, 308}
#: What a try may end with that another one may mend.
_RETRYABLE_ERRORS = (RequestException, HTTPError, OSError, BadResponse)
_log = logging.getLogger(__name__)


class _RequestsSession(requests.Session):
    """Without redirects: it would read the body of one without bounds before it looks."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Never any; they are followed by Session."""


class _Request(NamedTuple):
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
        self, host: "Host", budget: SharedBudget, context: WorkerContext, user_agent: str
    ) -> None:
        self.host = host
        self.context = context
        self.user_agent = user_agent
        self.budget = budget
        self.requests_sent = 0
        self._session = _RequestsSession()
        # Neither proxies nor passwords from the surroundings: the address check is ours.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = user_agent
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, GuardedAdapter(host.may_be_private))

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
    ) -> HostResponse:
        """GET a path of the host, or a URL that it named (a Link, a redirect).

        ``cost`` is what it costs by meter; ``etag`` makes it conditional. Returns an answer of
        any status below 500 that is neither a redirect nor a limit; a 200 has its JSON. Raises
        Limited, OutOfTime, Unreachable or Refused.
        """
        sent = dict(headers or {})
        if etag:
            sent["If-None-Match"] = etag
        return self._send_with_retries(_Request("GET", path, cost, params, sent, None, max_bytes))

    def post(
        self, path: str, payload: Any, *, cost: Mapping[str, int], attempts: int = MAX_ATTEMPTS
    ) -> HostResponse:
        """POST JSON that asks and changes nothing (GraphQL), ``attempts`` times. As ``get``."""
        body = json.dumps(payload)
        sent = {"Content-Type": "application/json"}
        return self._send_with_retries(
            _Request("POST", path, cost, None, sent, body, MAX_BODY_BYTES), attempts
        )

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        cost: Mapping[str, int],
        headers: Mapping[str, str],
        max_bytes: int,
        seconds: float,
    ) -> Iterator[tuple[HostResponse, Iterator[bytes]]]:
        """GET what is too large to hold: the answer without its body, and the body's pieces.

        One try; raises as ``get``, also while pieces are taken.
        """
        self._spend(cost)
        with self._start_deadline(seconds) as deadline:
            try:
                response = self._open(
                    "GET", self._get_url(path), None, dict(headers), None, deadline
                )
            except _RETRYABLE_ERRORS as error:
                raise _convert_error(error) from error
            with response:
                reply = HostResponse(response.status_code, response.headers)
                self._check_limits(reply, cost)
                if reply.status >= 500 or reply.status in _REDIRECTS:
                    raise Unreachable(f"status {reply.status}")
                yield reply, _convert_stream_errors(read_chunks(response, max_bytes, deadline))

    def _send_with_retries(self, asked: _Request, attempts: int = MAX_ATTEMPTS) -> HostResponse:
        reason = ""
        for attempt in range(attempts):
            if attempt:
                self._pause(self.context.uniform(0, min(WAIT_CAP, WAIT_BASE * 2**attempt)))
            try:
                return self._send_once(asked)
            except _RETRYABLE_ERRORS as error:
                if forbidden := _find_forbidden_address(error):
                    raise RequestRejected(str(forbidden)) from error
                reason = _describe(error)
                _log.info("%s: try %d: %s", self.host.name, attempt + 1, reason)
        raise Unreachable(reason)

    def _send_once(self, asked: _Request) -> HostResponse:
        """One try, with the redirects that it takes."""
        url, params, is_moved = self._get_url(asked.path), asked.params, False
        for _ in range(MAX_REDIRECTS + 1):
            self._spend(asked.cost)
            with (
                self._start_deadline(TOTAL_SECONDS) as deadline,
                self._open(
                    asked.method, url, params, asked.headers, asked.body, deadline
                ) as response,
            ):
                content = self._redact_token(
                    b"".join(read_chunks(response, asked.max_bytes, deadline))
                )
            reply = HostResponse(response.status_code, response.headers, content, None, is_moved)
            self._check_limits(reply, asked.cost)
            if reply.status in _REDIRECTS and "Location" in reply.headers:
                is_moved = is_moved or reply.status in _PERMANENT
                url, params = self._get_url(_resolve_redirect(url, reply.headers["Location"])), None
                continue
            if reply.status >= 500:
                raise BadResponse(f"status {reply.status}")
            return parse_json(reply)
        raise RequestRejected(f"more than {MAX_REDIRECTS} redirects")

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
            with deadline.enforce():
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
            raise BadResponse(type(error).__name__) from error

    def _start_deadline(self, seconds: float) -> Deadline:
        """For one exchange: ``seconds``, or what the worker has left if that is less."""
        return Deadline(min(seconds, self.context.seconds_left() - SPARE_SECONDS))

    def _redact_token(self, body: bytes) -> bytes:
        """The body without our token, should the host repeat it: errors are stored and shown."""
        token = self.host.headers().get("Authorization", "").rpartition(" ")[2].encode()
        return body if len(token) < _MIN_TOKEN_LENGTH else body.replace(token, b"[token]")

    def _get_url(self, path: str) -> str:
        """The URL to ask: of this host's API and no other; raises Refused."""
        if path.startswith("/"):
            return self.host.base_url + path
        for base in (self.host.base_url, self.host.public_url):
            if path == base or path.startswith((base + "/", base + "?")):
                return self.host.base_url + path[len(base) :]
        raise RequestRejected(f"leads away from {self.host.name}'s API")

    def _spend(self, cost: Mapping[str, int]) -> None:
        """Take ``cost`` from the shared budget, after a short wait if that is all it needs."""
        for _ in range(MAX_ATTEMPTS):
            if self.context.seconds_left() < CONNECT_SECONDS + READ_SECONDS:
                raise WorkerTimeout("the worker's time is up")
            wait = self.budget.spend(self.host, cost, self.context.now())
            if not wait:
                return
            if wait > PATIENCE_SECONDS:
                break
            self._pause(wait)
        raise RateLimited("the budget is spent", add_seconds(self.context.now(), wait))

    def _check_limits(self, reply: HostResponse, cost: Mapping[str, int]) -> None:
        now = self.context.now()
        for reading in self.host.read_limits(reply, now):
            self.budget.record_reading(self.host, reading, now)
        until = self.host.limited_until(reply, now)
        if until is not None:
            self.budget.block(self.host, cost, until)
            reason = f"the host's limit is spent (status {reply.status})"
            raise RateLimited("401 bad credentials" if reply.status == 401 else reason, until)

    def _pause(self, seconds: float) -> None:
        if self.context.seconds_left() < seconds + CONNECT_SECONDS + READ_SECONDS:
            raise WorkerTimeout("the worker's time is up")
        self.context.sleep(seconds)


def _resolve_redirect(url: str, location: str) -> str:
    """Where a redirect leads; raises Refused for what is no URL."""
    try:
        # http.client reads headers as Latin-1; what is not ASCII in a URL is UTF-8 if anything.
        return str(urljoin(url, location.encode("latin-1").decode()))
    except ValueError as error:
        raise RequestRejected("a redirect to what is no URL") from error


def _convert_stream_errors(body: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from body
    except _RETRYABLE_ERRORS as error:
        raise _convert_error(error) from error


def _find_forbidden_address(error: BaseException | None) -> ForbiddenAddress | None:
    """The forbidden address in the chain of an error, if that is what stopped it."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, ForbiddenAddress):
            return error
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


def _convert_error(error: Exception) -> Unreachable | RequestRejected:
    forbidden = _find_forbidden_address(error)
    return RequestRejected(str(forbidden)) if forbidden else Unreachable(_describe(error))


def _describe(error: Exception) -> str:
    """What happened, without the URL: that may hold what must not be logged."""
    return str(error) if isinstance(error, BadResponse) else type(error).__name__
