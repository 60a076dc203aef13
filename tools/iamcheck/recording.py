"""Which function of ``app.py`` makes a call to AWS, and whether its policy allows that.

A call that it does not allow ends as AWS would end it, and is remembered, for code that goes on.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from chalice.app import Chalice, EventSourceHandler

from chalicelib import settings
from chalicelib.storage import models, objects
from tools.iamcheck import policies
from tools.iamcheck.calls import Need, UnknownCall, needed, needed_to_know
from tools.iamcheck.policies import Grant, Policies

#: What was needed of the policies so far.
used: set[Grant] = set()
#: What was called against a policy, and not asked for yet.
_refused: list[str] = []
_running: ContextVar[str | None] = ContextVar("the function that runs", default=None)


def install() -> None:
    """Watch every call of this process from now on."""
    _replace(Chalice, "__call__", _running_application)
    _replace(EventSourceHandler, "__call__", _running_handler)
    _replace(BaseClient, "_make_api_call", _checked)
    # What a thread does is done by the function that started it; contexts are not handed on.
    _replace(threading.Thread, "start", _started)
    _replace(ThreadPoolExecutor, "submit", _submitted)


def refusals() -> list[str]:
    """What was refused since this was asked last."""
    found = _refused[:]
    _refused.clear()
    return found


@contextmanager
def outside() -> Iterator[None]:
    """Of what a test does in the middle of a function the function knows nothing."""
    with _as(None):
        yield


@contextmanager
def _as(function: str | None) -> Iterator[None]:
    token = _running.set(function)
    try:
        yield
    finally:
        _running.reset(token)


def _replace(owner: Any, name: str, by: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def replaced(self: Any, *args: Any, **kwargs: Any) -> Any:
        return by(original, self, *args, **kwargs)

    setattr(owner, name, replaced)


def _running_application(original: Any, self: Any, event: Any, context: Any) -> Any:
    if self is not _application():
        return original(self, event, context)
    with _as("api"):
        return original(self, event, context)


def _running_handler(original: Any, self: Any, event: Any, context: Any) -> Any:
    handlers = getattr(_application(), "handler_map", {})
    for name, handler in handlers.items():
        if handler is self:
            with _as(name):
                return original(self, event, context)
    return original(self, event, context)


def _application() -> Any:
    return getattr(sys.modules.get("app"), "app", None)


def _started(original: Any, self: Any) -> None:
    if _running.get() is not None:
        self.run = _handed_on(self.run)
    original(self)


def _submitted(original: Any, self: Any, call: Any, /, *args: Any, **kwargs: Any) -> Any:
    return original(self, _handed_on(call), *args, **kwargs)


def _handed_on(call: Callable[..., Any]) -> Callable[..., Any]:
    function = _running.get()

    def run(*args: Any, **kwargs: Any) -> Any:
        with _as(function):
            return call(*args, **kwargs)

    return run


def _checked(original: Any, client: Any, operation: str, parameters: Any) -> Any:
    function = _running.get()
    if function is None:
        return original(client, operation, parameters)
    call = client.meta.service_model.service_name, operation, parameters
    try:
        needs = needed(*call)
    except UnknownCall as error:
        text = f"{function}: nobody knows what it needs: {error}"
        _refused.append(text)
        raise _denied(operation, text) from error
    if missing := _missing(function, needs):
        _refused.append(missing)
        raise _denied(operation, missing)
    try:
        return original(client, operation, parameters)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # What S3 does not tell is no fault: the code may do as well without.
        if unknown := _missing(function, needed_to_know(*call, status)):
            raise _denied(operation, unknown) from error
        raise


def _missing(function: str, needs: Iterable[Need]) -> str | None:
    """What of this a function may not do; the rest is noted as used."""
    for need in needs:
        grants = _policies().granting(function, *need)
        if not grants:
            return f"{function} may not {need.action} on {need.resource}"
        used.update(grants)
    return None


def _denied(operation: str, text: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": "AccessDenied", "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": {}},
    }
    return ClientError(answer, operation)


def _policies() -> Policies:
    """The policies in the stack that the settings of this moment tell of."""
    now = settings.from_environment()
    return _policies_in(
        tuple((kind, str(model.Meta.table_name)) for kind, model in models.MODELS.items()),
        objects.get_bucket_name(),
        now.queue_url,
        tuple(now.upstreams.token_parameters.items()),
    )


@cache
def _policies_in(
    tables: tuple[tuple[str, str], ...],
    bucket: str,
    queue_url: str | None,
    token_parameters: tuple[tuple[str, str], ...],
) -> Policies:
    stack = policies.stack(dict(tables), bucket, queue_url, dict(token_parameters))
    return policies.from_files(stack)
