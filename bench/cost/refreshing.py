"""What a day of refreshing uses, in the simulated world of hosts."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.cost.metering import Size, Used, metered, own_cpu, size_of
from chalicelib.refresh import planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.worker import NoSlot, Worker
from chalicelib.storage import models
from tests.support.upstream.asking import FakeTime
from tests.support.upstream.simulation import EVERY, Simulation
from tools.fakehosts import World

_STEP = timedelta(minutes=10)
_FIRST = timedelta(hours=18)
PLANS_A_DAY = round(timedelta(days=1) / _STEP)
#: SendMessageBatch takes ten messages.
_AT_ONCE = 10
TABLES = ("sources", "history", "hosts")


@dataclass(slots=True)
class Day:
    """A day over ``packages``, of which ``changed`` had something new.

    ``plan`` and ``work`` are the day's sums, ``idle_plan`` is one plan that finds nothing.
    ``messages`` were delivered, in ``sends`` requests sent. ``slept``: seconds that workers
    waited for a host's limit. ``sizes``: of the refresh's own tables at the end; ``history``:
    the bytes that the day added there.
    """

    packages: int
    changed: int
    plans: int
    plan: Used
    idle_plan: Used
    work: Used
    messages: int
    sends: int
    requests: int
    slept: float
    sizes: dict[str, Size] = field(default_factory=dict)
    history: int = 0


class _Counting(Simulation):
    """The simulation, telling what its parts use. A worker is new for each message, as there."""

    def __init__(self, world: World, at: FakeTime) -> None:
        super().__init__(world, at)
        self.is_counting = False
        self.plan, self.worked = Used(), Used()
        self.plans = self.sends = self.delivered = 0
        self._cpu = 0.0
        self._sum = threading.Lock()

    def tick(self) -> None:
        now = self.time.now()

        def send(batches: Sequence[Batch]) -> None:
            self.messages += [(now.timestamp(), batch) for batch in batches]
            self.sends += -(-len(batches) // _AT_ONCE)

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
            begun = own_cpu()
            try:
                for _ in fresh.work(batch, f"message {id(fresh)}"):
                    pass
            except NoSlot:
                with self._sum:
                    self.messages.append((self.time.now().timestamp() + 30, batch))
                    self.sends += 1
            with self._sum:
                self.delivered += 1
                self._cpu += own_cpu() - begun

    @contextmanager
    def _counted(self) -> Iterator[Used]:
        if self.is_counting:
            with metered() as used:
                yield used
        else:
            yield Used()

    def settle(self, span: timedelta) -> None:
        """Turn the clock through a span of time."""
        for _ in self.run(span, _STEP):
            pass


def refresh(folder: Path, packages: int) -> Day:
    """Live through a first refresh, and count the day after; needs empty tables."""
    clock = FakeTime()
    with World(1, packages, clock) as world:
        simulation = _Counting(world, clock)
        simulation.load(folder)
        simulation.settle(_FIRST)
        with metered() as idle:
            simulation.tick()
        before = size_of(models.MODELS["history"].Meta.table_name)
        clock.advance(seconds=(EVERY - _FIRST).total_seconds())
        changes = world.advance(1)
        world.log.forget()
        clock.slept.clear()
        simulation.plan, simulation.worked = Used(), Used()
        simulation.plans = simulation.sends = simulation.delivered = 0
        simulation.is_counting = True
        simulation.settle(EVERY - _STEP)
        sizes = {name: size_of(models.MODELS[name].Meta.table_name) for name in TABLES}
        return Day(
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
