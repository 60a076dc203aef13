"""A worker, or the plan, dies at every call it makes, one after the other; then it goes on.

Enumerated, not sampled: before and after each call to DynamoDB, to the queue, and to the host.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.refresh import planner, queue
from chalicelib.refresh.leases import LEASE_SECONDS
from tests.support.deaths import calls_of, dies
from tests.support.queues import Queues, queues
from tests.support.refresh_site import EVERY, Site
from tests.support.state import Rows, assert_sound, contents, restore, rows, tables_of_a_module
from tests.support.toy_host import Toy
from tools.fakehosts.replay import Replay, Routes

#: One package of each kind of outcome: changed, unchanged, gone, failed, moved, put off.
ROUTES: Routes = {
    "GET /owner/package-1": [(200, {"ETag": '"a"'}, {"stars": 11})],
    "GET /owner/package-2": [(304, {}, b"")],
    "GET /owner/package-3": [(404, {}, b"")],
    "GET /owner/package-4": [(200, {}, {"stars": "many"})],
    "GET /owner/package-5": [(200, {}, {"stars": 15, "moved": "new-owner/new-name"})],
    "GET /owner/package-6": [(200, {}, {"stars": 16, "moved": "owner/package-1"})],
    "GET /owner/package-7": [(429, {"Retry-After": "60"}, b"")],
}
COUNT = len(ROUTES) + 1


@pytest.fixture(scope="module")
def start(engine: object) -> Iterator[tuple[Site, Rows]]:
    with tables_of_a_module():
        site = Site(COUNT).build()
        yield site, rows()


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    with queues(monkeypatch, tries=10) as found:
        yield found


def final() -> Rows:
    """What there is, without versions, and without the hosts' budgets, which count tries."""
    return {place: row for place, row in contents(rows()).items() if place[0] != "hosts"}


def test_a_batch_is_finished_whatever_the_worker_dies_of(start: tuple[Site, Rows]) -> None:
    site, before = start
    restore(before)
    with Replay.from_routes(ROUTES) as replay:
        host, batch = Toy(replay.url), site.batch()

        def run() -> None:
            site.work(host, batch)

        run()
        wanted = final()
        assert len([place for place in wanted if place[0] == "history"]) == 3
        restore(before)
        names = calls_of(run)
        assert names.count("HTTP") == 7
        for at in range(len(names)):
            for after in (False, True):
                restore(before)
                assert dies(run, at, after)
                run()
                assert final() == wanted, (at, after, names[at])
        assert_sound()


def test_what_is_due_is_sent_whatever_the_plan_dies_of(
    start: tuple[Site, Rows], both: Queues
) -> None:
    site, before = start
    restore(before)
    with Replay.from_routes(ROUTES) as replay:
        host = Toy(replay.url, batch=3)

        def plan() -> None:
            planner.plan({"github": host}, site.time.now(), queue.send, EVERY)

        def finish() -> None:
            plan()
            both.drain(site.worker(host))

        finish()
        wanted = final()
        names = _calls_of_plan(plan, before, both)
        for at in range(len(names)):
            for after in (False, True):
                restore(before)
                assert dies(plan, at, after)
                finish()
                assert final() == wanted, (at, after, names[at])


def _calls_of_plan(plan: Callable[[], None], before: Rows, both: Queues) -> list[str]:
    restore(before)
    names = calls_of(plan)
    for message in both.receive():
        both.delete(message)
    assert "SendMessageBatch" in names
    return names


def test_a_worker_that_always_dies_leaves_a_dead_letter_and_the_plan_goes_on(
    start: tuple[Site, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, before = start
    restore(before)
    with queues(monkeypatch, tries=2) as found, Replay.from_routes(ROUTES) as replay:
        host = Toy(replay.url)
        queue.send([site.batch(1)])
        for _ in range(2):
            (message,) = found.receive()
            assert dies(partial(found.deliver, site.worker(host), message), 4, False)
            found.give_back(message)
        assert found.receive() == []
        assert len(found.letters()) == 1
        # It is due as before, so the next plan sends it again all the same.
        sent: list[Any] = []
        later = site.time.now() + timedelta(seconds=LEASE_SECONDS)
        planner.plan({"github": host}, later, sent.extend, EVERY)
        assert 1 in sent[0].packages
