"""Queues on the embedded engine, and taking messages from them as Lambda does."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib import functions
from chalicelib.refresh.worker import Worker
from chalicelib.storage import aws


@dataclass(frozen=True, slots=True)
class Queues:
    """The queue and its dead letters, by URL."""

    url: str
    dead: str

    def receive(self, most: int = 10) -> list[dict[str, Any]]:
        """Messages that are there now; nobody else gets them until they are given back."""
        answer = aws.client("sqs").receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=600,
            AttributeNames=["ApproximateReceiveCount"],
        )
        return list(answer.get("Messages", []))

    def give_back(self, message: dict[str, Any]) -> None:
        """As when the visibility timeout has passed."""
        aws.client("sqs").change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )

    def delete(self, message: dict[str, Any]) -> None:
        """The message was worked on."""
        aws.client("sqs").delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def deliver(self, worker: Worker, message: dict[str, Any]) -> bool:
        """Hand one message to a worker; whether it was worked on, and so deleted."""
        failures = functions.process_messages(worker, event(message))["batchItemFailures"]
        if failures:
            self.give_back(message)
            return False
        self.delete(message)
        return True

    def drain(self, worker: Worker, most: int = 200) -> int:
        """Work on messages until there are none; how many deliveries that took."""
        done = 0
        while messages := self.receive():
            for message in messages:
                self.deliver(worker, message)
                done += 1
                assert done <= most, "messages without end"
        return done

    def letters(self) -> list[str]:
        """The texts of the dead letters."""
        answer = aws.client("sqs").receive_message(
            QueueUrl=self.dead, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [message["Body"] for message in answer.get("Messages", [])]


def event(*messages: Mapping[str, Any]) -> dict[str, Any]:
    """The event that Lambda gets with received messages."""
    once = {"ApproximateReceiveCount": "1"}
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "body": message["Body"],
                "attributes": message.get("Attributes", once),
            }
            for message in messages
        ]
    }


@contextmanager
def queues(monkeypatch: pytest.MonkeyPatch, tries: int = 3) -> Iterator[Queues]:
    """Two queues of the test's own; after ``tries`` deliveries a message is a dead letter."""
    client = aws.client("sqs")
    name = f"test-{uuid.uuid4().hex}"
    dead = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = (
        f'{{"deadLetterTargetArn": "{arn["Attributes"]["QueueArn"]}", "maxReceiveCount": {tries}}}'
    )
    url = client.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    monkeypatch.setenv("PACKGRID_QUEUE_URL", url)
    monkeypatch.setenv("PACKGRID_DEAD_LETTER_URL", dead)
    try:
        yield Queues(url, dead)
    finally:
        client.delete_queue(QueueUrl=url)
        client.delete_queue(QueueUrl=dead)
