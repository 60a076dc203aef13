"""Requests to a host: within its budget, in bounded time, with bounded retries."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
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
from chalicelib.refresh.worker_context import WorkerContext

if TYPE_CHECKING:
    from chalicelib.refresh.hosts.base import Host

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 3.05, 10.0, 30.0
#: An exchange ends this long before the worker's time does, so that its result can be written.
SPARE_SECONDS = 2.0
#: JSON of many small values takes thirty times its size in memory.
MAX_BODY_BYTES = 6 << 20
MAX_REDIRECTS = 3
#: The maximum number of tries of a request. The waits between them grow, with full jitter.
MAX_ATTEMPTS, WAIT_BASE, WAIT_CAP = 3, 0.5, 8.0
#: A session waits for the budget if it allows the request within this many seconds.
PATIENCE_SECONDS = 3.0
#: Tokens are longer; a shorter text may be an ordinary word of a response.
_MIN_TOKEN_LENGTH = 12
_MAX_ERROR_CHAIN = 10
_PERMANENT, _REDIRECTS = {301, 308}, {301, 302, 303, 307, 308}
#: Errors of a try after which another one may succeed.
_RETRYABLE_ERRORS = (RequestException, HTTPError, OSError, BadResponse)
_log = logging.getLogger(__name__)


class _RequestsSession(requests.Session):
    """A session without redirects: it would read a redirect's body without bounds."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target; Session follows redirects itself."""


class _Request(NamedTuple):
    """A request, which each try sends."""

    method: str
    path: str
    cost: Mapping[str, int]
    params: Mapping[str, str | int] | None
    headers: dict[str, str]
    body: str | None
    max_bytes: int


class Session:
    """Requests to one host. ``requests_sent`` counts every request that was sent."""

    def __init__(
        self, host: "Host", budget: SharedBudget, context: WorkerContext, user_agent: str
    ) -> None:
        self.host = host
        self.context = context
        self.user_agent = user_agent
        self.budget = budget
        self.requests_sent = 0
        self._session = _RequestsSession()
        # No proxies or passwords from the environment: they would bypass the address check.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = user_agent
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, GuardedAdapter(host.may_be_private))

    def close(self) -> None:
        """Close the connections."""
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
        """GET a path of the host, or a URL that the host named (a Link, a redirect).

        ``cost`` is in units by meter; ``etag`` makes the request conditional. Returns a response
        with any status below 500 that is neither a redirect nor a rate limit. The response of a
        200 has its JSON. Raises RateLimited, WorkerTimeout, Unreachable or RequestRejected.
        """
        sent = dict(headers or {})
        if etag:
            sent["If-None-Match"] = etag
        return self._send_with_retries(_Request("GET", path, cost, params, sent, None, max_bytes))

    def post(
        self, path: str, payload: Any, *, cost: Mapping[str, int], attempts: int = MAX_ATTEMPTS
    ) -> HostResponse:
        """POST JSON that only reads (GraphQL), with at most ``attempts`` tries; see ``get``."""
        body = json.dumps(payload)
        headers = {"Content-Type": "application/json"}
        request = _Request("POST", path, cost, None, headers, body, MAX_BODY_BYTES)
        return self._send_with_retries(request, attempts)

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
        """GET a body that is too large for memory, as a response without body and its chunks.

        There is one try. Raises the errors of ``get``, also while chunks are read.
        """
        self._spend(cost)
        with self._start_deadline(seconds) as deadline:
            try:
                url = self._get_url(path)
                response = self._open("GET", url, None, dict(headers), None, deadline)
            except _RETRYABLE_ERRORS as error:
                raise _convert_error(error) from error
            with response:
                head = HostResponse(response.status_code, response.headers)
                self._check_limits(head, cost)
                if head.status >= 500 or head.status in _REDIRECTS:
                    raise Unreachable(f"status {head.status}")
                yield head, _convert_stream_errors(read_chunks(response, max_bytes, deadline))

    def _send_with_retries(self, request: _Request, attempts: int = MAX_ATTEMPTS) -> HostResponse:
        reason = ""
        for attempt in range(attempts):
            if attempt:
                self._pause(self.context.uniform(0, min(WAIT_CAP, WAIT_BASE * 2**attempt)))
            try:
                return self._send_once(request)
            except _RETRYABLE_ERRORS as error:
                if forbidden := _find_forbidden_address(error):
                    raise RequestRejected(str(forbidden)) from error
                reason = _describe(error)
                _log.info("%s: try %d: %s", self.host.name, attempt + 1, reason)
        raise Unreachable(reason)

    def _send_once(self, request: _Request) -> HostResponse:
        """Send a request, and follow its redirects."""
        url, params, is_moved = self._get_url(request.path), request.params, False
        for _ in range(MAX_REDIRECTS + 1):
            self._spend(request.cost)
            with (
                self._start_deadline(TOTAL_SECONDS) as deadline,
                self._open(
                    request.method, url, params, request.headers, request.body, deadline
                ) as opened,
            ):
                body = b"".join(read_chunks(opened, request.max_bytes, deadline))
            response = HostResponse(
                opened.status_code, opened.headers, self._redact_token(body), None, is_moved
            )
            self._check_limits(response, request.cost)
            if response.status in _REDIRECTS and "Location" in response.headers:
                is_moved = is_moved or response.status in _PERMANENT
                target = _resolve_redirect(url, response.headers["Location"])
                url, params = self._get_url(target), None
                continue
            if response.status >= 500:
                raise BadResponse(f"status {response.status}")
            return parse_json(response)
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
            # The library raises it for malformed URLs and headers.
            raise BadResponse(type(error).__name__) from error

    def _start_deadline(self, seconds: float) -> Deadline:
        """Return the deadline of an exchange: ``seconds``, or less if the worker has less left."""
        return Deadline(min(seconds, self.context.seconds_left() - SPARE_SECONDS))

    def _redact_token(self, body: bytes) -> bytes:
        """Remove the token from a body that repeats it: errors are stored and shown."""
        token = self.host.headers().get("Authorization", "").rpartition(" ")[2].encode()
        return body if len(token) < _MIN_TOKEN_LENGTH else body.replace(token, b"[token]")

    def _get_url(self, path: str) -> str:
        """Return the URL of a path or URL of this host's API; raises RequestRejected for others."""
        if path.startswith("/"):
            return self.host.base_url + path
        for base in (self.host.base_url, self.host.public_url):
            if path == base or path.startswith((base + "/", base + "?")):
                return self.host.base_url + path[len(base) :]
        raise RequestRejected(f"URL outside {self.host.name}'s API")

    def _spend(self, cost: Mapping[str, int]) -> None:
        """Take ``cost`` from the shared budget, after a short wait if necessary."""
        for _ in range(MAX_ATTEMPTS):
            self._check_time_left()
            wait = self.budget.spend(self.host, cost, self.context.now())
            if not wait:
                return
            if wait > PATIENCE_SECONDS:
                break
            self._pause(wait)
        raise RateLimited("the budget is spent", self.context.now() + timedelta(seconds=wait))

    def _check_limits(self, response: HostResponse, cost: Mapping[str, int]) -> None:
        now = self.context.now()
        for reading in self.host.read_limits(response, now):
            self.budget.record_reading(self.host, reading, now)
        until = self.host.limited_until(response, now)
        if until is not None:
            self.budget.block(self.host, cost, until)
            reason = f"the host's limit is spent (status {response.status})"
            raise RateLimited("401 bad credentials" if response.status == 401 else reason, until)

    def _pause(self, seconds: float) -> None:
        self._check_time_left(seconds)
        self.context.sleep(seconds)

    def _check_time_left(self, pause: float = 0.0) -> None:
        """Raise WorkerTimeout if too little time is left for a request after a pause."""
        if self.context.seconds_left() < pause + CONNECT_SECONDS + READ_SECONDS:
            raise WorkerTimeout("the worker's time is up")


def _resolve_redirect(url: str, location: str) -> str:
    """Return the target of a redirect; raises RequestRejected if it is not a URL."""
    try:
        # http.client decodes headers as Latin-1; non-ASCII characters of a URL are UTF-8.
        return str(urljoin(url, location.encode("latin-1").decode()))
    except ValueError as error:
        raise RequestRejected("redirect to an invalid URL") from error


def _convert_stream_errors(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except _RETRYABLE_ERRORS as error:
        raise _convert_error(error) from error


def _find_forbidden_address(error: BaseException | None) -> ForbiddenAddress | None:
    """Return the ForbiddenAddress in the chain of an error, if there is one."""
    for _ in range(_MAX_ERROR_CHAIN):
        if error is None or isinstance(error, ForbiddenAddress):
            return error
        error = error.__cause__ or error.__context__
    return None


def _convert_error(error: Exception) -> Unreachable | RequestRejected:
    forbidden = _find_forbidden_address(error)
    return RequestRejected(str(forbidden)) if forbidden else Unreachable(_describe(error))


def _describe(error: Exception) -> str:
    """Return the kind of an error without its URL, which may contain secrets."""
    return str(error) if isinstance(error, BadResponse) else type(error).__name__
