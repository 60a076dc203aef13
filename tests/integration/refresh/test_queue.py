"""Messages of the real queue: partial failures, halves, dead letters and their redrive."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib import functions
from chalicelib.refresh import planner, queue
from chalicelib.refresh.batch import Batch, parse_message
from chalicelib.refresh.queue import QueueError
from chalicelib.storage import aws
from tests.support.aws import failing
from tests.support.queues import Queues, event, queues
from tests.support.refresh_site import EVERY, Site, read, row, stars
from tests.support.toy_host import Toy
from tools.fakehosts.replay import Replay

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def both(engine: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    with queues(monkeypatch) as found:
        yield found


def test_what_is_due_goes_through_the_queue_once(both: Queues) -> None:
    site = Site(25).build()
    with Replay.from_routes({f"GET /owner/package-{n}": stars(n) for n in range(1, 26)}) as replay:
        host = Toy(replay.url)
        planned = planner.plan({"github": host}, site.time.now(), queue.send, EVERY)
        assert (planned.batches, planned.sources) == ({"github": 3}, {"github": 25})
        again = planner.plan({"github": host}, site.time.now(), queue.send, EVERY)
        assert again.sources == {}
        assert both.drain(site.worker(host)) == 3
        assert len(replay.requests) == 25
    assert [read(n).repo_watchers for n in range(1, 26)] == list(range(1, 26))


def test_one_bad_message_does_not_fail_the_others(both: Queues) -> None:
    site = Site(1).build()
    with Replay.from_routes({"GET /owner/package-1": stars(1)}) as replay:
        good = {"MessageId": "good", "Body": site.batch().to_message()}
        bad = {"MessageId": "bad", "Body": '{"version": 2}'}
        worse = {"MessageId": "worse", "Body": "no json"}
        answer = functions.process_messages(site.worker(Toy(replay.url)), event(bad, good, worse))
    identifiers = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert identifiers == ["bad", "worse"]
    assert read(1).repo_watchers == 1


def test_a_message_that_comes_again_comes_in_halves(both: Queues) -> None:
    site = Site(5).build()
    with Replay.from_routes({f"GET /owner/package-{n}": stars(n) for n in range(1, 6)}) as replay:
        worker = site.worker(Toy(replay.url))
        queue.send([site.batch()])
        both.give_back(both.receive()[0])
        (message,) = both.receive()
        assert both.deliver(worker, message)
        halves = [parse_message(message["Body"]).packages for message in both.receive()]
        assert sorted(halves) == [(1, 2), (3, 4, 5)]
        assert replay.requests == []


def test_what_cannot_be_worked_on_is_a_dead_letter_alone_and_can_be_redriven(
    both: Queues,
) -> None:
    site = Site(4).build()
    with Replay.from_routes({f"GET /owner/package-{n}": stars(n) for n in range(1, 5)}) as replay:
        worker = site.worker(Toy(replay.url))
        queue.send([site.batch()])
        with failing("TransactWriteItems", lambda arguments: "package-3" in str(arguments)):
            both.drain(worker)
        (letter,) = both.letters()
        assert parse_message(letter).packages == (3,)
        assert [read(n).repo_watchers for n in (1, 2, 3, 4)] == [1, 2, 0, 4]
        assert queue.redrive() == 1
        assert both.letters() == []
        both.drain(worker)
        assert read(3).repo_watchers == 3


def test_a_batch_without_a_slot_waits_and_is_not_a_failure(both: Queues) -> None:
    site = Site(2).build()
    with Replay.from_routes({f"GET /owner/package-{n}": stars(n) for n in (1, 2)}) as replay:
        host = Toy(replay.url)
        host.policy = type(host.policy)(host.policy.meters, 1, 10)
        running = site.worker(host).work(site.batch(1), "other")
        next(running)
        message = {"MessageId": "x", "Body": site.batch(2).to_message()}
        assert functions.process_messages(site.worker(host), event(message)) == {
            "batchItemFailures": []
        }
        attributes = aws.client("sqs").get_queue_attributes(
            QueueUrl=both.url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
        )["Attributes"]
        assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"
        assert row(2).handled == 0


def test_many_ids_fit_their_messages(both: Queues) -> None:
    site = Site(0)
    ids = tuple(range(10**9, 10**9 + 5_000))
    sent = [Batch("index", "project", site.time.now(), ids) for _ in range(7)]
    queue.send(sent)
    found = []
    while messages := both.receive():
        found += [parse_message(message["Body"]) for message in messages]
        for message in messages:
            both.delete(message)
    assert found == sent


def test_without_a_queue_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PACKGRID_QUEUE_URL", raising=False)
    monkeypatch.delenv("PACKGRID_DEAD_LETTER_URL", raising=False)
    with pytest.raises(QueueError, match="PACKGRID_QUEUE_URL"):
        queue.send([Batch("github", "repository", Site(0).time.now(), (1,))])
    with pytest.raises(QueueError, match="PACKGRID_DEAD_LETTER_URL"):
        queue.redrive()


def test_a_message_survives_its_way() -> None:
    batch = Batch("github", "repository", Site(0).time.now(), (3, 1, 2), is_full=True)
    assert parse_message(batch.to_message()) == batch
    first, second = batch.split()
    assert (first.packages, second.packages) == ((3,), (1, 2))
    later = batch.planned + timedelta(microseconds=1)
    assert parse_message(Batch("a", "b", later, ()).to_message()).planned == later


def test_a_record_of_lambda_is_read(both: Queues) -> None:
    queue.send([Batch("github", "repository", Site(0).time.now(), (1,))])
    (message,) = both.receive()
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    (record,) = event(message)["Records"]
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
