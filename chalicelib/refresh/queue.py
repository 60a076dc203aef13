"""Batches as messages of a queue (SQS), and the worker that takes them from it.

The queue delivers a message at least once, in any order, and again when a worker died with it.
Working on a batch is idempotent, so nothing here has to be exact but one thing: a message is
deleted only after all that it asks for was written or sent off anew.
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
#: How long a batch waits that found no slot.
_NO_SLOT_SECONDS = 30
_log = logging.getLogger(__name__)


class QueueError(Exception):
    """Messages were not taken by the queue."""


def send(batches: Sequence[Batch], delay: int = 0) -> None:
    """Send batches to the queue; raises QueueError, or BotoCoreError where nobody answers."""
    for messages in _group_messages(batch.to_message() for batch in batches):
        entries = [
            {"Id": str(number), "MessageBody": text, "DelaySeconds": delay}
            for number, text in enumerate(messages)
        ]
        with _convert_errors():
            answer = aws.client("sqs").send_message_batch(QueueUrl=_get_url(), Entries=entries)
        if refused := answer.get("Failed"):
            raise QueueError(f"{len(refused)} messages: {refused[0].get('Code')}")


def process_message(worker: Worker, message_id: str, body: str, receive_count: int) -> None:
    """Refresh the batch of a message; raises BadMessage, and errors of the storage.

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
    """Send every dead letter to the queue again; how many.

    A letter is deleted after it was sent, so one may come twice, and none is lost. Raises as
    ``send``.
    """
    source = settings.from_environment().dead_letter_url
    if source is None:
        raise QueueError("PACKGRID_DEAD_LETTER_URL is not set")
    done = 0
    with _convert_errors():
        while True:
            # Only who waits is told of all that is there (SQS, "Short and long polling").
            answer = aws.client("sqs").receive_message(
                QueueUrl=source, MaxNumberOfMessages=_BATCH_SIZE, WaitTimeSeconds=1
            )
            letters = answer.get("Messages", [])
            if not letters:
                return done
            for letter in letters:
                aws.client("sqs").send_message(QueueUrl=_get_url(), MessageBody=letter["Body"])
                aws.client("sqs").delete_message(
                    QueueUrl=source, ReceiptHandle=letter["ReceiptHandle"]
                )
                done += 1


@contextmanager
def _convert_errors() -> Iterator[None]:
    """What SQS refuses becomes a QueueError."""
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
