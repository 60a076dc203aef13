"""The bodies of the Lambda functions that no request waits for.

The schedule calls ``publish``, ``plan``, ``enrol`` and ``export``; the queue calls ``work``, and
the bucket calls ``load``. Each function parses its event and calls the package that does the work;
``app.py`` connects it to its trigger. Commands do not import this module: they call the same
packages.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    ExceptionInfo,
    FailureResponse,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib import settings, telemetry
from chalicelib.backup import exporter
from chalicelib.importer import upload
from chalicelib.importer.upload import UploadReport
from chalicelib.refresh import metrics, queue, service
from chalicelib.refresh.worker import Worker
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.search import publisher
from chalicelib.storage.errors import STORAGE_ERRORS

#: Seconds of a function's time that a worker keeps for its last writes.
_MARGIN_SECONDS = 10.0
#: With fewer seconds left, the follow-up of a load is left to the schedules.
FOLLOW_UP_SECONDS = 60.0
_log = logging.getLogger(__name__)


class LambdaContext(Protocol):
    """The part of Lambda's context object that these functions use."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until Lambda ends the function."""
        ...


def publish() -> None:
    """Build the search index and publish it."""
    publisher.publish()


def plan() -> None:
    """Send the sources that are due to the queue, one batch a message."""
    service.plan()


def enrol() -> None:
    """Update the table of sources from the catalogue."""
    service.enrol()


def export() -> None:
    """Write all tables to the bucket."""
    exporter.export_tables()


def load(event: Mapping[str, Any], context: LambdaContext) -> list[UploadReport]:
    """Load the catalogues that an S3 notification names, and return a report for each."""

    def get_seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    reports = upload.load_uploads(event, get_seconds_left)
    if any(report["status"] == upload.LOADED for report in reports):
        _follow_up_load(get_seconds_left)
    return reports


def _follow_up_load(get_seconds_left: Callable[[], float]) -> None:
    """Enrol the sources of what was loaded, and publish a search index that has it.

    Both also run on a schedule, so neither a failure nor a lack of time is a reason to repeat the
    load.
    """
    for step in (service.enrol, publisher.publish):
        if get_seconds_left() < FOLLOW_UP_SECONDS:
            telemetry.log("WARNING", "load: left to the schedule", step=step.__name__)
            continue
        try:
            step()
        except STORAGE_ERRORS as error:
            telemetry.log_error("load: left to the schedule", error, step=step.__name__)


def work(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Refresh the batches of an SQS event; return the messages to deliver again."""
    worker_context = WorkerContext(seconds_left=_start_countdown(context))
    with telemetry.log_run("work") as log_fields:
        configured = settings.from_environment()
        hosts = service.load_hosts(configured)
        worker = service.build_worker(configured, hosts, worker_context)
        response = process_messages(worker, event)
        metrics.report_work(worker, response["batchItemFailures"], log_fields)
    return response


def process_messages(worker: Worker, event: Mapping[str, Any]) -> dict[str, Any]:
    """Process each message of an SQS event, and return those to deliver again.

    The response has the shape of ``ReportBatchItemFailures`` (AWS Lambda, "Using Lambda with
    Amazon SQS"). The queue delivers a failed message again, and moves it to the dead letters
    after the maximum number of tries.
    """

    def process(record: SQSRecord) -> None:
        receive_count = int(record.attributes.approximate_receive_count)
        queue.process_message(worker, record.message_id, record.body, receive_count)

    return dict(process_partial_response(dict(event), process, _MessageProcessor()))


class _MessageProcessor(BatchProcessor):
    """Processes messages, logs each failure, and reports it even if all messages failed."""

    def __init__(self) -> None:
        super().__init__(EventType.SQS, raise_on_entire_batch_failure=False)

    def failure_handler(self, record: SQSRecord, exception: ExceptionInfo) -> FailureResponse:
        """Log a failed message before it is reported."""
        _, error, _ = exception
        _log.error("message %s", record.message_id, exc_info=error)
        if isinstance(error, Exception):
            telemetry.log_error("message", error, id=record.message_id)
        return super().failure_handler(record, exception)


def _start_countdown(context: LambdaContext) -> Callable[[], float]:
    """Return a function that tells how many seconds the worker has left."""
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
    return lambda: end - time.monotonic()
