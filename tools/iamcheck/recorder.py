"""Record the calls to AWS of each function of ``app.py``, and refuse those its policy forbids.

A refused call fails as it would on AWS. It is recorded, too, in case the code handles the error.
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
from tools.iamcheck.permissions import (
    Permission,
    UnknownCall,
    get_disclosure_permissions,
    get_required_permissions,
)
from tools.iamcheck.policies import Grant, Policies

#: The grants that calls have used so far.
used_grants: set[Grant] = set()
#: Messages about refused calls that ``take_refusals`` has not returned yet.
_refusals: list[str] = []
_current_function: ContextVar[str | None] = ContextVar("the function that runs", default=None)


def install() -> None:
    """Check every call of this process from now on."""
    _wrap_method(Chalice, "__call__", _call_application)
    _wrap_method(EventSourceHandler, "__call__", _call_handler)
    _wrap_method(BaseClient, "_make_api_call", _check_call)
    # A thread's calls belong to the function that started it; threads do not inherit contexts.
    _wrap_method(threading.Thread, "start", _start_thread)
    _wrap_method(ThreadPoolExecutor, "submit", _submit)


def take_refusals() -> list[str]:
    """Return the refusals since the last call, and forget them."""
    refusals = _refusals[:]
    _refusals.clear()
    return refusals


@contextmanager
def suspend_checks() -> Iterator[None]:
    """Suspend the checks for calls that a test makes while a function runs."""
    with _run_as(None):
        yield


@contextmanager
def _run_as(function: str | None) -> Iterator[None]:
    token = _current_function.set(function)
    try:
        yield
    finally:
        _current_function.reset(token)


def _wrap_method(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wrapper(original, self, *args, **kwargs)

    setattr(owner, name, wrapped)


def _call_application(original: Any, self: Any, event: Any, context: Any) -> Any:
    if self is not _get_application():
        return original(self, event, context)
    with _run_as("api"):
        return original(self, event, context)


def _call_handler(original: Any, self: Any, event: Any, context: Any) -> Any:
    handlers = getattr(_get_application(), "handler_map", {})
    for name, handler in handlers.items():
        if handler is self:
            with _run_as(name):
                return original(self, event, context)
    return original(self, event, context)


def _get_application() -> Any:
    return getattr(sys.modules.get("app"), "app", None)


def _start_thread(original: Any, self: Any) -> None:
    if _current_function.get() is not None:
        self.run = _bind_current_function(self.run)
    original(self)


def _submit(original: Any, self: Any, call: Any, /, *args: Any, **kwargs: Any) -> Any:
    return original(self, _bind_current_function(call), *args, **kwargs)


def _bind_current_function(call: Callable[..., Any]) -> Callable[..., Any]:
    function = _current_function.get()

    def run(*args: Any, **kwargs: Any) -> Any:
        with _run_as(function):
            return call(*args, **kwargs)

    return run


def _check_call(original: Any, client: Any, operation: str, parameters: Any) -> Any:
    function = _current_function.get()
    if function is None:
        return original(client, operation, parameters)
    call = client.meta.service_model.service_name, operation, parameters
    try:
        permissions = get_required_permissions(*call)
    except UnknownCall as error:
        text = f"{function}: cannot tell which permissions the call needs: {error}"
        _refusals.append(text)
        raise _build_access_denied(operation, text) from error
    if missing := _find_missing_permission(function, permissions):
        _refusals.append(missing)
        raise _build_access_denied(operation, missing)
    try:
        return original(client, operation, parameters)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # This is no refusal: the code may not need to know that an object is missing.
        if unknown := _find_missing_permission(function, get_disclosure_permissions(*call, status)):
            raise _build_access_denied(operation, unknown) from error
        raise


def _find_missing_permission(function: str, permissions: Iterable[Permission]) -> str | None:
    """Return a message on the first permission a function lacks; note the others as used."""
    for permission in permissions:
        grants = _load_policies().find_grants(function, *permission)
        if not grants:
            return f"{function} may not {permission.action} on {permission.resource}"
        used_grants.update(grants)
    return None


def _build_access_denied(operation: str, text: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "AccessDenied", "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": {}},
    }
    return ClientError(response, operation)


def _load_policies() -> Policies:
    """Return the policies in the stack that the current settings describe."""
    current = settings.from_environment()
    return _load_policies_of_stack(
        tuple((kind, str(model.Meta.table_name)) for kind, model in models.MODELS.items()),
        objects.get_bucket_name(),
        current.queue_url,
        tuple(current.upstreams.token_parameters.items()),
    )


@cache
def _load_policies_of_stack(
    tables: tuple[tuple[str, str], ...],
    bucket: str,
    queue_url: str | None,
    token_parameters: tuple[tuple[str, str], ...],
) -> Policies:
    stack = policies.build_stack(dict(tables), bucket, queue_url, dict(token_parameters))
    return policies.from_files(stack)
