"""Batches as messages of an SQS queue, and the processing of a received message.

The queue delivers a message at least once, in any order, and again if its worker died.
Refreshing a batch is idempotent, so only one thing has to be exact: a message is deleted only
after everything it asks for was written or sent anew.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from chalicelib import settings
from chalicelib.refresh.batch import Batch, parse_message
from chalicelib.refresh.worker import NoSlot, Worker
from chalicelib.storage import aws

#: SendMessageBatch takes ten messages and 262,144 bytes in all.
_BATCH_SIZE = 10
_MAX_BYTES = 200_000
#: The delay of a batch whose host had no free slot.
_NO_SLOT_SECONDS = 30
_log = logging.getLogger(__name__)


class QueueError(Exception):
    """The queue is not configured, or rejected messages."""


def send(batches: Sequence[Batch], delay: int = 0) -> None:
    """Send batches to the queue, to be delivered after ``delay`` seconds.

    Raises QueueError, or another error of ``aws.AWS_ERRORS`` if the queue cannot be reached.
    """
    for messages in _group_messages(batch.to_message() for batch in batches):
        entries = [
            {"Id": str(number), "MessageBody": text, "DelaySeconds": delay}
            for number, text in enumerate(messages)
        ]
        with _convert_errors():
            response = aws.client("sqs").send_message_batch(QueueUrl=_get_url(), Entries=entries)
        if failed := response.get("Failed"):
            raise QueueError(f"{len(failed)} messages were not sent: {failed[0].get('Code')}")


def process_message(worker: Worker, message_id: str, body: str, receive_count: int) -> None:
    """Refresh the batch of a message; raises BadMessage and storage errors.

    A message that was received before was not finished, so its batch is split into halves that
    are sent anew: if one package is the cause, it ends up alone. If the host has no free slot,
    the batch is sent again with a delay.
    """
    batch = parse_message(body)
    if receive_count > 1 and len(batch.packages) > 1:
        send(batch.split())
        return
    try:
        for result in worker.work(batch, message_id):
            _log.debug("%s: %s %s", result.package_id, result.result, result.reason)
    except NoSlot:
        send([batch], _NO_SLOT_SECONDS)


def redrive() -> int:
    """Send every dead letter to the queue again, and return their number.

    A letter is deleted after it was sent, so one may be sent twice, and none is lost. Raises the
    errors of ``send``.
    """
    source = settings.from_environment().dead_letter_url
    if source is None:
        raise QueueError("PACKGRID_DEAD_LETTER_URL is not set")
    sqs = aws.client("sqs")
    redriven = 0
    with _convert_errors():
        while True:
            # Only long polling asks all of SQS's servers ("Short and long polling").
            response = sqs.receive_message(
                QueueUrl=source, MaxNumberOfMessages=_BATCH_SIZE, WaitTimeSeconds=1
            )
            letters = response.get("Messages", [])
            if not letters:
                return redriven
            for letter in letters:
                sqs.send_message(QueueUrl=_get_url(), MessageBody=letter["Body"])
                sqs.delete_message(QueueUrl=source, ReceiptHandle=letter["ReceiptHandle"])
                redriven += 1


@contextmanager
def _convert_errors() -> Iterator[None]:
    """Convert errors that SQS answers with to QueueError."""
    try:
        yield
    except aws.ServiceError as error:
        raise QueueError(str(error)) from error


def _group_messages(messages: Iterable[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for message in messages:
        if group and (len(group) == _BATCH_SIZE or size + len(message) > _MAX_BYTES):
            yield group
            group, size = [], 0
        group.append(message)
        size += len(message)
    if group:
        yield group


def _get_url() -> str:
    url = settings.from_environment().queue_url
    if url is None:
        raise QueueError("PACKGRID_QUEUE_URL is not set")
    return url
