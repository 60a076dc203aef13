"""Log lines and metrics of scheduled and queued functions: JSON on standard output.

Lambda passes the output to CloudWatch Logs, which extracts metrics from lines in its Embedded
Metric Format (EMF). So no service is called, and no permission is needed. Off Lambda nothing is
written unless ``PACKGRID_METRICS`` is 1. docs/decisions/0001-dependencies.md says why Powertools
does not write these lines.
"""

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from chalicelib import clock, settings

NAMESPACE = "Packgrid"
#: The only dimension of every metric.
STAGE = "Stage"


class Metric(StrEnum):
    """The metrics; docs/metrics.md describes them.

    CloudWatch charges for each by the month, so only values with an alarm are metrics. The others
    are fields of log lines.
    """

    STALENESS = "StalenessSeconds"
    BUDGETS_EXHAUSTED = "BudgetsExhausted"


#: CloudWatch's name for the unit of each metric.
METRICS: Mapping[str, str] = {Metric.STALENESS: "Seconds", Metric.BUDGETS_EXHAUSTED: "Count"}

#: Tokens are longer; a shorter text may be an ordinary word.
_MIN_SECRET_LENGTH = 12
_MAX_MESSAGE_LENGTH, _MAX_CAUSES = 500, 4
_USERINFO = re.compile(r"//[^/?#\s@]*@")
_secrets: set[str] = set()


def add_secret(secret: str) -> None:
    """Replace this text by ``[token]`` in everything that is written from now on."""
    if len(secret) >= _MIN_SECRET_LENGTH:
        _secrets.add(secret)


def write_metrics(values: Mapping[Metric, float]) -> None:
    """Write one line of metrics in EMF; raises ValueError if a value is not finite."""
    configured = settings.from_environment()
    if not configured.metrics:
        return
    definitions = [{"Name": name, "Unit": METRICS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[STAGE]], "Metrics": definitions}
    timestamp = round(clock.now().timestamp() * 1000)
    metadata = {"Timestamp": timestamp, "CloudWatchMetrics": [directive]}
    numbers = {str(name): value for name, value in values.items()}
    _write({"_aws": metadata, STAGE: configured.stage, **numbers})


def log(level: str, event: str, **fields: Any) -> None:
    """Write a log line with a level (``INFO``...), an event and further fields (JSON)."""
    configured = settings.from_environment()
    if configured.metrics:
        _write(_redact({"level": level, "event": event, "stage": configured.stage, **fields}))


def log_error(event: str, error: Exception, **fields: Any) -> None:
    """Write a log line about an error and its causes, without secrets and passwords in URLs."""
    causes = [f"{type(cause).__name__}: {_format_message(cause)}" for cause in _iter_causes(error)]
    log(
        "ERROR",
        event,
        **fields,
        error=type(error).__name__,
        message=_format_message(error),
        causes=causes,
    )


@contextmanager
def log_run(event: str) -> Iterator[dict[str, Any]]:
    """Write a log line when the block ends, with its duration and, if it failed, the error.

    Yields the fields of the line, to which the block adds its own. Errors are raised again.
    """
    started = time.monotonic()
    fields: dict[str, Any] = {}
    try:
        yield fields
    except Exception as error:
        log_error(event, error, **fields, seconds=_get_elapsed(started))
        raise
    log("INFO", event, **fields, seconds=_get_elapsed(started))


def _format_message(error: BaseException) -> str:
    return _USERINFO.sub("//", _redact(str(error)))[:_MAX_MESSAGE_LENGTH]


def _iter_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the causes of an error, the nearest first, as a traceback shows them."""
    for _ in range(_MAX_CAUSES):
        cause = error.__cause__
        # An error raised "from" itself does not suppress its context.
        if cause is error or not error.__suppress_context__:
            cause = error.__context__
        if cause is None:
            return
        yield cause
        error = cause


def _get_elapsed(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _redact(value: Any) -> Any:
    """Return a JSON value without secrets."""
    if isinstance(value, str):
        # The longest first, because a secret may be the beginning of another.
        for secret in sorted(_secrets, key=len, reverse=True):
            value = value.replace(secret, "[token]")
        return value
    if isinstance(value, Mapping):
        return {_redact(name): _redact(member) for name, member in value.items()}
    return [_redact(element) for element in value] if isinstance(value, list | tuple) else value


def _write(document: Mapping[str, Any]) -> None:
    """Write one line at once. JSON in ASCII has no line breaks or control characters."""
    sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    sys.stdout.flush()
