"""Tokens of the hosts, from the environment or from SSM Parameter Store. They are never logged."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chalicelib import telemetry
from chalicelib.settings import Upstreams
from chalicelib.storage.aws import AWS_ERRORS, client, error_code

#: A process reads a parameter again after this many seconds, to pick up a rotated token.
_MAX_AGE_SECONDS = 300.0
#: The time of reading and the value of each parameter, by name.
_cache: dict[str, tuple[float, str]] = {}
_MISSING = "ParameterNotFound"
#: Characters that a header may contain. Others would fail later, with an error that quotes them.
_TOKEN = re.compile(r"[!-~]+")
#: botocore logs whole responses here at DEBUG level.
_RESPONSE_LOG = logging.getLogger("botocore.parsers")
_log = logging.getLogger(__name__)


class TokenUnavailable(Exception):
    """A token cannot be read or used; the message names its place, not the token."""


def get_tokens(upstreams: Upstreams, clock: Callable[[], float] = time.monotonic) -> dict[str, str]:
    """Return the tokens by host; the environment takes precedence over Parameter Store.

    If a parameter does not exist, its host is left out with a warning, and requests to it are
    sent without a token. If Parameter Store does not answer, the token that was read last is
    used. If there is none, TokenUnavailable is raised: without its token, a host would be used
    within the wrong limits.
    """
    tokens = {
        host: _validate(token.strip(), f"the token of {host}")
        for host, token in upstreams.tokens.items()
    }
    for host, parameter in upstreams.token_parameters.items():
        if host in tokens:
            continue
        token = _get_parameter(parameter, clock())
        if token is None:
            _log.warning("no parameter %s: requests to %s have no token", parameter, host)
        else:
            tokens[host] = token
    return tokens


def _get_parameter(name: str, now: float) -> str | None:
    if name in _cache and now - _cache[name][0] < _MAX_AGE_SECONDS:
        return _cache[name][1]
    try:
        with _mute_response_log():
            response = client("ssm").get_parameter(Name=name, WithDecryption=True)
    except AWS_ERRORS as error:
        code = error_code(error) or type(error).__name__
        if code == _MISSING:
            _cache.pop(name, None)
            return None
        if name in _cache:
            # An old token mostly still works; without one the limits would be a hundredth.
            return _cache[name][1]
        raise TokenUnavailable(f"parameter {name}: {code}") from None
    token = _validate(str(response["Parameter"]["Value"]).strip(), f"parameter {name}")
    _cache[name] = now, token
    return token


def _validate(token: str, place: str) -> str:
    telemetry.add_secret(token)
    if not _TOKEN.fullmatch(token):
        raise TokenUnavailable(f"{place} contains characters that a token cannot contain")
    return token


@contextmanager
def _mute_response_log() -> Iterator[None]:
    """Keep this thread's responses out of botocore's log."""
    thread = threading.get_ident()

    def is_other_thread(record: logging.LogRecord) -> bool:
        return record.thread != thread

    _RESPONSE_LOG.addFilter(is_other_thread)
    try:
        yield
    finally:
        _RESPONSE_LOG.removeFilter(is_other_thread)
