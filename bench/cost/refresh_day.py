"""Usage of one day of refreshing, with the simulated hosts."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.cost.usage_meter import TableSize, Usage, get_cpu_seconds, measure_table, measure_usage
from chalicelib.refresh import planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.worker import NoSlot, Worker
from chalicelib.storage import models
from tests.support.upstream.asking import FakeTime
from tests.support.upstream.simulation import EVERY, Simulation
from tools.fakehosts import World

_STEP = timedelta(minutes=10)
_FIRST_REFRESH = timedelta(hours=18)
PLANS_A_DAY = round(timedelta(days=1) / _STEP)
#: SendMessageBatch takes ten messages.
_MESSAGES_PER_SEND = 10
REFRESH_TABLES = ("sources", "history", "hosts")


@dataclass(slots=True)
class RefreshDay:
    """A day of refreshing ``packages`` packages, of which ``changed`` had changed.

    ``plan`` and ``work`` are sums of the day, ``idle_plan`` is one plan that finds nothing due.
    ``messages`` were delivered and took ``sends`` requests to send. ``slept`` are the seconds that
    workers waited for a host's limit, ``sizes`` are those of the refresh's tables at the end, and
    ``history`` is the number of bytes that the day added to the history.
    """

    packages: int
    changed: int
    plans: int
    plan: Usage
    idle_plan: Usage
    work: Usage
    messages: int
    sends: int
    requests: int
    slept: float
    sizes: dict[str, TableSize] = field(default_factory=dict)
    history: int = 0


class _MeasuredSimulation(Simulation):
    """A simulation that measures plans and workers; each message gets a new worker."""

    def __init__(self, world: World, at: FakeTime) -> None:
        super().__init__(world, at)
        self.is_counting = False
        self.plan, self.worked = Usage(), Usage()
        self.plans = self.sends = self.delivered = 0
        self._cpu = 0.0
        self._sum = threading.Lock()

    def tick(self) -> None:
        now = self.time.now()

        def send(batches: Sequence[Batch]) -> None:
            self.messages += [(now.timestamp(), batch) for batch in batches]
            self.sends += -(-len(batches) // _MESSAGES_PER_SEND)

        with self._counted() as used:
            planner.plan(self.hosts, now, send, self.every)
        self.plan += used
        self.plans += 1
        with self._counted() as used:
            self.work()
        used.cpu, self._cpu = self._cpu, 0.0
        self.worked += used

    def _drain(self, worker: Worker, ready: "deque[Batch]") -> None:
        while True:
            try:
                batch = ready.popleft()
            except IndexError:
                return
            fresh = Worker(worker.hosts, worker.interval, worker.user_agent, worker.context)
            begun = get_cpu_seconds()
            try:
                for _ in fresh.work(batch, f"message {id(fresh)}"):
                    pass
            except NoSlot:
                with self._sum:
                    self.messages.append((self.time.now().timestamp() + 30, batch))
                    self.sends += 1
            with self._sum:
                self.delivered += 1
                self._cpu += get_cpu_seconds() - begun

    @contextmanager
    def _counted(self) -> Iterator[Usage]:
        if self.is_counting:
            with measure_usage() as used:
                yield used
        else:
            yield Usage()

    def settle(self, span: timedelta) -> None:
        """Run plans and workers through a span of simulated time."""
        for _ in self.run(span, _STEP):
            pass


def measure_refresh_day(folder: Path, packages: int) -> RefreshDay:
    """Run a first refresh, then measure the day after it; needs empty tables."""
    clock = FakeTime()
    with World(1, packages, clock) as world:
        simulation = _MeasuredSimulation(world, clock)
        simulation.load(folder)
        simulation.settle(_FIRST_REFRESH)
        with measure_usage() as idle:
            simulation.tick()
        before = measure_table(models.MODELS["history"].Meta.table_name)
        clock.advance(seconds=(EVERY - _FIRST_REFRESH).total_seconds())
        changes = world.advance(1)
        world.log.clear()
        clock.slept.clear()
        simulation.plan, simulation.worked = Usage(), Usage()
        simulation.plans = simulation.sends = simulation.delivered = 0
        simulation.is_counting = True
        simulation.settle(EVERY - _STEP)
        sizes = {
            name: measure_table(models.MODELS[name].Meta.table_name) for name in REFRESH_TABLES
        }
        return RefreshDay(
            packages=packages,
            changed=len({*changes.repositories, *changes.projects}),
            plans=simulation.plans,
            plan=simulation.plan,
            idle_plan=idle,
            work=simulation.worked,
            messages=simulation.delivered,
            sends=simulation.sends,
            requests=world.log.total,
            slept=sum(clock.slept),
            sizes=sizes,
            history=sizes["history"].stored_bytes - before.stored_bytes,
        )
