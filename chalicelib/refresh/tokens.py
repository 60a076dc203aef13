"""Tokens of upstreams: from the environment, or from SSM Parameter Store; never logged."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chalicelib import telemetry
from chalicelib.settings import Upstreams
from chalicelib.storage.aws import AWS_ERRORS, client, error_code

#: A process reads a parameter again after so long, so that a rotated token is taken up.
_MAX_AGE_SECONDS = 300.0
_cache: dict[str, tuple[float, str]] = {}
_MISSING = "ParameterNotFound"
#: What may stand in a header. Anything else would be refused later, by errors that quote it.
_TOKEN = re.compile(r"[!-~]+")
#: botocore writes whole answers to this log at DEBUG.
_RESPONSE_LOG = logging.getLogger("botocore.parsers")
_log = logging.getLogger(__name__)


class TokenUnavailable(Exception):
    """There is no telling what the token is; the text names its place, not the token."""


def get_tokens(upstreams: Upstreams, clock: Callable[[], float] = time.monotonic) -> dict[str, str]:
    """The tokens by host; the environment's go before Parameter Store's. TokenUnavailable.

    A host whose parameter does not exist is left out, with a warning: it is asked without a
    token. Where Parameter Store cannot be asked that would be a mistake, so that is an error.
    """
    found = {
        host: _validate(token.strip(), f"the token of {host}")
        for host, token in upstreams.tokens.items()
    }
    for host, parameter in upstreams.token_parameters.items():
        if host in found:
            continue
        token = _get_parameter(parameter, clock())
        if token is None:
            _log.warning("%s is asked without a token: no parameter %s", host, parameter)
        else:
            found[host] = token
    return found


def _get_parameter(name: str, now: float) -> str | None:
    if name in _cache and now - _cache[name][0] < _MAX_AGE_SECONDS:
        return _cache[name][1]
    try:
        with _mute_response_log():
            answer = client("ssm").get_parameter(Name=name, WithDecryption=True)
    except AWS_ERRORS as error:
        code = error_code(error) or type(error).__name__
        if code == _MISSING:
            _cache.pop(name, None)
            return None
        if name in _cache:
            # An old token mostly still works; without one the budget would be a hundredth.
            return _cache[name][1]
        raise TokenUnavailable(f"parameter {name}: {code}") from None
    value = _validate(str(answer["Parameter"]["Value"]).strip(), f"parameter {name}")
    _cache[name] = now, value
    return value


def _validate(token: str, place: str) -> str:
    telemetry.add_secret(token)
    if not _TOKEN.fullmatch(token):
        raise TokenUnavailable(f"{place} has characters that no token has")
    return token


@contextmanager
def _mute_response_log() -> Iterator[None]:
    """Keep the answers that this thread gets out of botocore's log."""
    thread = threading.get_ident()

    def is_kept(record: logging.LogRecord) -> bool:
        return record.thread != thread

    _RESPONSE_LOG.addFilter(is_kept)
    try:
        yield
    finally:
        _RESPONSE_LOG.removeFilter(is_kept)
