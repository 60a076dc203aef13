"""Messages doubled, reordered, delayed, and workers that die: the figures end up the same."""

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chalicelib import functions
from chalicelib.refresh import planner, queue
from tests.support.deaths import dies
from tests.support.queues import Queues, event, queues
from tests.support.refresh_site import EVERY, Site, history, read, row
from tests.support.state import Rows, assert_sound, restore, rows, tables_of_a_module
from tests.support.toy_host import Toy
from tools.fakehosts.replay import Replay

COUNT = 5
GONE = -1


@pytest.fixture(scope="module", autouse=True)
def site_of_the_module(engine: object) -> Iterator[None]:
    with tables_of_a_module(), contextlib.ExitStack() as stack:
        Deliveries.before = _built()
        stack.callback(lambda: setattr(Deliveries, "before", {}))
        yield


def _built() -> Rows:
    Site(COUNT).build()
    return rows()


class Deliveries(RuleBasedStateMachine):
    """The queue is the engine's; what a person cannot wait for (timeouts) is done by hand."""

    before: ClassVar[Rows] = {}

    @initialize()
    def begin(self) -> None:
        restore(self.before)
        self.stack = contextlib.ExitStack()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        self.queues: Queues = self.stack.enter_context(queues(patch, tries=1000))
        self.stars = dict.fromkeys(range(1, COUNT + 1), 0)
        self.seen: dict[int, list[int]] = {n: [0] for n in self.stars}
        routes = {f"GET /owner/package-{n}": self._route(n) for n in self.stars}
        replay = self.stack.enter_context(Replay.from_routes(routes))
        self.site = Site(COUNT)
        self.host = Toy(replay.url, limit=100_000, batch=2)
        self.taken: list[dict[str, Any]] = []

    def _route(self, number: int) -> Any:
        def answer(request: Any) -> Any:
            stars = self.stars[number]
            return (404, {}, b"") if stars == GONE else (200, {}, {"stars": stars})

        return answer

    @rule(number=st.integers(1, COUNT), stars=st.integers(0, 9) | st.just(GONE))
    def something_changes(self, number: int, stars: int) -> None:
        self.stars[number] = stars
        if stars != GONE:
            self.seen[number].append(stars)

    @rule(hours=st.sampled_from([0.01, 1, 5, 21, 200]))
    def time_passes(self, hours: float) -> None:
        self.site.time.advance(hours=hours)

    @rule()
    def plan(self) -> None:
        planner.plan({"github": self.host}, self.site.time.now(), queue.send, EVERY)

    @rule(at=st.integers(0, 12), after=st.booleans())
    def plan_dies(self, at: int, after: bool) -> None:
        dies(self.plan, at, after)

    @rule()
    def messages_are_taken(self) -> None:
        self.taken += self.queues.receive(3)

    @precondition(lambda self: self.taken)
    @rule(place=st.integers(0, 100))
    def one_is_worked_on(self, place: int) -> None:
        message = self.taken.pop(place % len(self.taken))
        assert self.queues.deliver(self.site.worker(self.host), message)

    @precondition(lambda self: self.taken)
    @rule(place=st.integers(0, 100))
    def one_is_worked_on_and_comes_again(self, place: int) -> None:
        message = self.taken[place % len(self.taken)]
        functions.process_messages(self.site.worker(self.host), event(_once(message)))

    @precondition(lambda self: self.taken)
    @rule(place=st.integers(0, 100), at=st.integers(0, 25), after=st.booleans())
    def a_worker_dies(self, place: int, at: int, after: bool) -> None:
        message = self.taken[place % len(self.taken)]
        worker = self.site.worker(self.host)
        dies(lambda: functions.process_messages(worker, event(_once(message))), at, after)

    @precondition(lambda self: self.taken)
    @rule(place=st.integers(0, 100))
    def one_is_given_back(self, place: int) -> None:
        self.queues.give_back(self.taken.pop(place % len(self.taken)))

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        with self.stack:
            for message in self.taken:
                self.queues.give_back(message)
            self._settle()
            self._settle()
            self._check()

    def _settle(self) -> None:
        """Everything is due, planned and worked on."""
        self.site.time.advance(days=8)
        self.plan()
        self.queues.drain(self.site.worker(self.host))

    def _check(self) -> None:
        for number, stars in self.stars.items():
            figures = [found["repo_watchers"] for found in history(number)]
            # Each row tells of a change: what did not change, or is told twice, is none.
            assert all(a != b for a, b in zip([0, *figures], figures, strict=False))
            assert read(number).repo_watchers == (figures[-1] if figures else 0)
            self._assert_in_order(figures, self.seen[number])
            if stars == GONE:
                assert read(number).last_exception == "404 Not Found"
                assert row(number).gone_since is not None
            else:
                assert read(number).repo_watchers == stars
                assert float(row(number).due or 0) >= self.site.time.now().timestamp()
                assert row(number).failures == 0
        assert_sound()

    @staticmethod
    def _assert_in_order(figures: list[int], seen: list[int]) -> None:
        """Figures never go back: they are some of those that the host had, in its order."""
        left = iter(seen)
        assert all(figure in left for figure in figures), (figures, seen)


def _once(message: dict[str, Any]) -> dict[str, Any]:
    """A message as if it was received for the first time, so that it is not split."""
    return {"MessageId": message["MessageId"], "Body": message["Body"]}


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
