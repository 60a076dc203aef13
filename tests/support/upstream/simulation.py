"""A refresh of a simulated world: the clock is turned, plans and workers do the rest.

The same code as on Lambda: a plan every so often, batches, several workers at once. Only the
queue is a list; the real one is in tests/integration/refresh/ (test_queue, test_any_delivery).
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Lock

from chalicelib import settings
from chalicelib.importer.loader import load
from chalicelib.importer.report import LoadReport as Loaded
from chalicelib.refresh import enrolment, planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.registry import build_hosts
from chalicelib.refresh.worker import NoSlot, PackageResult, Worker
from chalicelib.refresh.worker_context import WorkerContext
from tests.support.upstream.asking import FakeTime
from tools.fakehosts import World

WORKERS = 4
#: How often a source is asked unless an operator wants it otherwise.
EVERY = timedelta(seconds=settings.Settings().refresh_seconds)


class Simulation:
    """Refreshes a world whose catalogue is in the tables.

    ``deliveries`` may return more batches than it was given, or in another order, as the queue
    may. ``done`` is told of every package that was worked on.
    """

    def __init__(
        self,
        world: World,
        time: FakeTime,
        *,
        downloads: bool = False,
        every: timedelta = EVERY,
        done: Callable[[str, PackageResult], None] = lambda host, done: None,
    ) -> None:
        environment = world.get_environment()
        if not downloads:
            del environment["DOWNLOADS_URL"]
        self.world = world
        self.time = time
        self.upstreams = settings.from_environment(environment).upstreams
        self.every = every
        self.hosts: Mapping[str, Host] = build_hosts(self.upstreams, self.upstreams.tokens)
        self.requests: dict[str, int] = {}
        self.messages: deque[tuple[float, Batch]] = deque()
        self._done = done
        self._lock = Lock()
        self._workers = [self._worker(seed) for seed in range(WORKERS)]

    def load(self, folder: Path) -> None:
        """Put the world's catalogue into the tables, and enrol it."""
        file = folder / "world.json"
        file.write_text(json.dumps(self.world.build_records()))
        with Loaded() as outcome:
            load(file, outcome, lambda stage, done, total: None)
        assert not outcome.refused
        self.enrol()

    def enrol(self) -> None:
        """Bring the sources up to date."""
        enrolment.enrol(self.upstreams, self.time.now().timestamp())

    def tick(self) -> None:
        """Plan what is due, and work on all that is there, with all workers at once."""
        now = self.time.now()

        def send(batches: object) -> None:
            assert isinstance(batches, list)
            self.messages += [(now.timestamp(), batch) for batch in batches]

        planner.plan(self.hosts, now, send, self.every)
        self.work()

    def work(self) -> None:
        """Work on the messages that are there."""
        ready = deque(batch for at, batch in self.messages if at <= self.time.now().timestamp())
        self.messages = deque(
            (at, batch) for at, batch in self.messages if at > self.time.now().timestamp()
        )
        if not ready:
            return
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda worker: self._drain(worker, ready), self._workers))
        for worker in self._workers:
            for host, sent in worker.requests.items():
                self.requests[host] = self.requests.get(host, 0) + sent
            worker.requests.clear()

    def _drain(self, worker: Worker, ready: deque[Batch]) -> None:
        while True:
            try:
                batch = ready.popleft()
            except IndexError:
                return
            try:
                for done in worker.work(batch, f"worker {id(worker)}"):
                    with self._lock:
                        self._done(batch.host, done)
            except NoSlot:
                later = self.time.now().timestamp() + 30
                with self._lock:
                    self.messages.append((later, batch))

    def _worker(self, seed: int) -> Worker:
        drawn = FakeTime(self.time.now(), seed=seed)
        context = WorkerContext(self.time.now, self.time.sleep, drawn.uniform)
        return Worker(self.hosts, self.every, "packgrid/test", context)

    def run(self, span: timedelta, step: timedelta) -> Iterator[None]:
        """Ticks over a span of time; yields after each, so that a test may look."""
        end = self.time.now() + span
        while self.time.now() < end:
            self.tick()
            yield
            self.time.advance(seconds=step.total_seconds())


@contextmanager
def simulated(
    packages: int, time: FakeTime, folder: Path, *, seed: int = 1, has_tokens: bool = True
) -> Iterator[Simulation]:
    """A world and its refresh, loaded and enrolled; needs tables."""
    with World(seed, packages, time, has_tokens=has_tokens) as world:
        simulation = Simulation(world, time)
        simulation.load(folder)
        yield simulation
