"""Refreshing batches in this process, several at a time, without a queue.

Each host has as many *lanes* as its policy allows batches at once. Threads take the lanes in
turn, and a lane refreshes one batch of its host after the other.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread

from chalicelib.refresh.batch import Batch
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import NoSlot, PackageResult, Worker
from chalicelib.storage import refresh_state

#: More threads gain little: DynamoDB's clients are the bottleneck then, not the hosts.
MAX_THREADS = 8
#: The reason of packages whose host had no free slot.
NO_SLOT = "other workers hold every slot"
OnResult = Callable[[str, PackageResult], None]
OnSent = Callable[[Mapping[str, int]], None]
Lane = tuple[str, int]


class Stopped(KeyboardInterrupt):
    """A person interrupted a second time; the batches under way were abandoned."""


def run(
    hosts: Mapping[str, Host],
    batches: Sequence[Batch],
    build_worker: Callable[[], Worker],
    on_result: OnResult,
    on_sent: OnSent,
    on_interrupted: Callable[[], None] = lambda: None,
    threads: int = MAX_THREADS,
) -> list[Batch]:
    """Refresh all batches, and return those whose host had no free slot.

    ``on_result(host, result)`` is called for every package, from several threads; ``on_sent``
    with the requests sent by host, once at the end, even if the run fails. The first storage
    error ends the run and is raised; what was not refreshed stays due. The first interruption
    by a person also ends it: ``on_interrupted`` is called, the batches under way are finished,
    and KeyboardInterrupt is raised. The second raises Stopped at once.
    """
    local_run = _Run(build_worker, on_result)
    for batch in batches:
        local_run.waiting.setdefault(batch.host, deque()).append(batch)
    lanes = [
        (host, number)
        for host, waiting in local_run.waiting.items()
        for number in range(min(hosts[host].policy.concurrency, len(waiting)))
    ]
    try:
        local_run.run_lanes(lanes, max(1, min(threads, len(lanes))), on_interrupted)
    finally:
        on_sent(local_run.count_requests())
    return local_run.report_without_slot()


def get_slot_end(host: Host) -> float | None:
    """Return when the first slot of a host is free if its holder died."""
    return refresh_state.get_first_slot_end(host.name, host.policy.concurrency)


@dataclass(slots=True)
class _Run:
    """The state that the threads of one run share; ``waiting`` are the batches by host."""

    build_worker: Callable[[], Worker]
    on_result: OnResult
    waiting: dict[str, deque[Batch]] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    stop: Event = field(default_factory=Event)
    errors: list[BaseException] = field(default_factory=list)

    def run_lanes(
        self, lanes: Sequence[Lane], thread_count: int, on_interrupted: Callable[[], None]
    ) -> None:
        """Run all lanes; raises the first error or interruption after all threads ended."""
        queue = SimpleQueue[Lane]()
        for lane in lanes:
            queue.put(lane)
        # An event for each end, because Python 3.11 takes a thread for ended if its join is
        # interrupted. Daemons, because Python waits for others at exit, and a person must be
        # able to stop at once.
        ends = [Event() for _ in range(thread_count)]
        threads = [Thread(target=self._take_lanes, args=(queue, end), daemon=True) for end in ends]
        try:
            for thread in threads:
                thread.start()
            _wait(threads, ends)
        except KeyboardInterrupt:
            self._finish(threads, ends, on_interrupted)
            raise
        if self.errors:
            raise self.errors[0]

    def _take_lanes(self, lanes: SimpleQueue[Lane], end: Event) -> None:
        try:
            while not self.stop.is_set():
                self._run_lane(*lanes.get_nowait())
        except Empty:
            pass
        except BaseException as error:  # noqa: BLE001 - run_lanes raises it
            self.errors.append(error)
            self.stop.set()
        finally:
            end.set()

    def _run_lane(self, host: str, number: int) -> None:
        worker = self.build_worker()
        self.workers.append(worker)
        waiting = self.waiting[host]
        while waiting and not self.stop.is_set():
            try:
                batch = waiting.popleft()
            except IndexError:
                return
            try:
                self._work(worker, batch, f"cli-{number}-{batch.planned.isoformat()}")
            except NoSlot:
                # Another lane of this run may have a slot, and continues with this batch.
                waiting.appendleft(batch)
                return

    def _work(self, worker: Worker, batch: Batch, holder: str) -> None:
        remaining = set(batch.packages)
        for result in worker.work(batch, holder):
            remaining.discard(result.package_id)
            self.on_result(batch.host, result)
        for package_id in remaining:
            # Another worker refreshed it since the batch was planned, or it was removed.
            self.on_result(batch.host, PackageResult(package_id, RefreshStatus.SUPERSEDED))

    def _finish(
        self, threads: Sequence[Thread], ends: Sequence[Event], on_interrupted: Callable[[], None]
    ) -> None:
        """Finish the batches under way and start no other; raises Stopped if interrupted."""
        try:
            self.stop.set()
            on_interrupted()
            _wait(threads, ends)
        except KeyboardInterrupt as error:
            raise Stopped from error

    def count_requests(self) -> dict[str, int]:
        """Return the requests that all workers sent, by host."""
        totals: dict[str, int] = {}
        for worker in list(self.workers):
            for host, sent in dict(worker.requests).items():
                totals[host] = totals.get(host, 0) + sent
        return totals

    def report_without_slot(self) -> list[Batch]:
        """Return the batches without a slot, and report their packages as postponed."""
        without_slot = [batch for waiting in self.waiting.values() for batch in waiting]
        for batch in without_slot:
            for package_id in batch.packages:
                result = PackageResult(package_id, RefreshStatus.POSTPONED, NO_SLOT)
                self.on_result(batch.host, result)
        return without_slot


def _wait(threads: Sequence[Thread], ends: Sequence[Event]) -> None:
    for thread, end in zip(threads, ends, strict=True):
        if thread.ident is not None:
            end.wait()
