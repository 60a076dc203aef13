"""What scheduled and queued functions tell their operator: lines of JSON on standard output.

Lambda hands that output to CloudWatch Logs, which takes metrics out of lines that are in its
Embedded Metric Format. So nothing is called, and no permission is needed. Elsewhere than on
Lambda nothing is written, unless ``PACKGRID_METRICS`` asks for it.
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
#: The one dimension that every metric has.
STAGE = "Stage"


class Metric(StrEnum):
    """Every metric there is; what each means is in docs/metrics.md.

    Each is paid for by the month, so only what has an alarm is one; the rest are fields of lines.
    """

    STALENESS = "StalenessSeconds"
    BUDGETS_EXHAUSTED = "BudgetsExhausted"


#: The unit of each metric, as CloudWatch calls it, by the metric's name.
METRICS: Mapping[str, str] = {Metric.STALENESS: "Seconds", Metric.BUDGETS_EXHAUSTED: "Count"}

#: A token is longer; a shorter text may be an ordinary word.
_MIN_SECRET_LENGTH = 12
_MAX_MESSAGE_LENGTH, _MAX_CAUSES = 500, 4
_USERINFO = re.compile(r"//[^/?#\s@]*@")
_secrets: set[str] = set()


def add_secret(secret: str) -> None:
    """From now on, write ``[token]`` in place of this text."""
    if len(secret) >= _MIN_SECRET_LENGTH:
        _secrets.add(secret)


def write_metrics(values: Mapping[Metric, float]) -> None:
    """Write one document of metrics."""
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
    """Write one line: what happened, how bad it is (``INFO``...), and ``fields`` (JSON)."""
    configured = settings.from_environment()
    if configured.metrics:
        _write(_redact({"level": level, "event": event, "stage": configured.stage, **fields}))


def log_error(event: str, error: Exception, **fields: Any) -> None:
    """Write a line of what failed, and what that came from.

    Passwords of URLs are left out, as hidden texts are.
    """
    causes = [f"{type(one).__name__}: {_format_message(one)}" for one in _iter_causes(error)]
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
    """Write a line at the end of what is done inside: how long it took, and how it failed.

    Yields the line's fields, to be added to. Errors are passed on.
    """
    begun = time.monotonic()
    fields: dict[str, Any] = {}
    try:
        yield fields
    except Exception as error:
        log_error(event, error, **fields, seconds=_get_elapsed(begun))
        raise
    log("INFO", event, **fields, seconds=_get_elapsed(begun))


def _format_message(error: BaseException) -> str:
    return _USERINFO.sub("//", _redact(str(error)))[:_MAX_MESSAGE_LENGTH]


def _iter_causes(error: BaseException) -> Iterator[BaseException]:
    """What an error was raised from, the nearest first, as a traceback would show it."""
    for _ in range(_MAX_CAUSES):
        cause = error.__cause__
        # What was raised "from" itself, as it was passed on, hides nothing.
        if cause is error or not error.__suppress_context__:
            cause = error.__context__
        if cause is None:
            return
        yield cause
        error = cause


def _get_elapsed(begun: float) -> float:
    return round(time.monotonic() - begun, 3)


def _redact(value: Any) -> Any:
    """The same without what is to be hidden."""
    if isinstance(value, str):
        # The longest first: one may be the beginning of another.
        for secret in sorted(_secrets, key=len, reverse=True):
            value = value.replace(secret, "[token]")
        return value
    if isinstance(value, Mapping):
        return {_redact(name): _redact(one) for name, one in value.items()}
    return [_redact(one) for one in value] if isinstance(value, list | tuple) else value


def _write(document: Mapping[str, Any]) -> None:
    """One line at once. JSON in ASCII has no line break or control character of anybody else."""
    sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    sys.stdout.flush()
