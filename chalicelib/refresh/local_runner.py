"""Working on batches here and now, side by side, without a queue."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread

from chalicelib.refresh.batch import Batch
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import NoSlot, PackageResult, Worker
from chalicelib.storage import refresh_state

#: The most threads; what keeps them from being more useful is DynamoDB's clients, not hosts.
MAX_THREADS = 8
#: The reason of what found no slot.
NO_SLOT = "others are asking"
OnDone = Callable[[str, PackageResult], None]
OnSent = Callable[[Mapping[str, int]], None]


class Stopped(KeyboardInterrupt):
    """A person interrupted a second time: batches under way were left as they are."""


def run(
    hosts: Mapping[str, Host],
    batches: Sequence[Batch],
    make_worker: Callable[[], Worker],
    on_done: OnDone,
    on_sent: OnSent,
    on_interrupted: Callable[[], None] = lambda: None,
    threads: int = MAX_THREADS,
) -> list[Batch]:
    """Work on all batches, each host in as many lanes as it may be asked in at once.

    ``on_done(host, done)`` is called for every package, from several threads; ``on_sent`` once
    at the end, however it ends, with the requests sent by host. The first storage error ends
    it and is raised; what was not worked on stays due. So does the first interruption by a
    person: ``on_interrupted`` is called, the batches under way end, KeyboardInterrupt is raised;
    at the second, Stopped at once. Returns the batches for which others left no slot.
    """
    waiting: dict[str, deque[Batch]] = {}
    for batch in batches:
        waiting.setdefault(batch.host, deque()).append(batch)
    lanes = [
        (name, number)
        for name, queue in waiting.items()
        for number in range(min(hosts[name].policy.concurrency, len(queue)))
    ]
    workers: list[Worker] = []
    stop = Event()

    def lane(name: str, number: int) -> None:
        worker = make_worker()
        workers.append(worker)
        while waiting[name] and not stop.is_set():
            try:
                batch = waiting[name].popleft()
            except IndexError:
                return
            try:
                _work(worker, batch, f"cli-{number}-{batch.planned.isoformat()}", on_done)
            except NoSlot:
                # Another lane of ours may have one: it goes on with this batch, too.
                waiting[name].appendleft(batch)
                return

    try:
        _run_lanes(lane, lanes, max(1, min(threads, len(lanes))), stop, on_interrupted)
    finally:
        on_sent(_sum_requests(workers))
    return _report_without_slot(waiting, on_done)


def _report_without_slot(waiting: Mapping[str, deque[Batch]], on_done: OnDone) -> list[Batch]:
    """The batches without a slot, told of: workers elsewhere are at it."""
    left = [batch for queue in waiting.values() for batch in queue]
    for batch in left:
        for identifier in batch.packages:
            on_done(batch.host, PackageResult(identifier, RefreshStatus.POSTPONED, NO_SLOT))
    return left


def get_slot_end(host: Host) -> float | None:
    """When the first of a host's slots is free at the latest if its holder died."""
    return refresh_state.get_first_slot_end(host.name, host.policy.concurrency)


def _run_lanes(
    lane: Callable[[str, int], None],
    lanes: Sequence[tuple[str, int]],
    threads: int,
    stop: Event,
    on_interrupted: Callable[[], None],
) -> None:
    """Run all lanes; raises the first error, or the interruption by a person, when all ended."""
    errors: list[BaseException] = []
    waiting = SimpleQueue[tuple[str, int]]()
    for one in lanes:
        waiting.put(one)

    def go(end: Event) -> None:
        try:
            while not stop.is_set():
                lane(*waiting.get_nowait())
        except Empty:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)
            stop.set()
        finally:
            end.set()

    # Not join: Python 3.11 takes a thread for ended whose join is interrupted. And daemons, for
    # which Python does not wait at its end, so that a person can stop at once.
    ends = [Event() for _ in range(threads)]
    running = [Thread(target=go, args=(end,), daemon=True) for end in ends]
    try:
        for thread in running:
            thread.start()
        _wait(running, ends)
    except KeyboardInterrupt:
        _stop_lanes(running, ends, stop, on_interrupted)
        raise
    if errors:
        raise errors[0]


def _stop_lanes(
    threads: Sequence[Thread],
    ends: Sequence[Event],
    stop: Event,
    on_interrupted: Callable[[], None],
) -> None:
    """Have the batches under way end, and no further one begin; raises Stopped."""
    try:
        stop.set()
        on_interrupted()
        _wait(threads, ends)
    except KeyboardInterrupt as error:
        raise Stopped from error


def _wait(threads: Sequence[Thread], ends: Sequence[Event]) -> None:
    for thread, end in zip(threads, ends, strict=True):
        if thread.ident is not None:
            end.wait()


def _work(worker: Worker, batch: Batch, holder: str, on_done: OnDone) -> None:
    left = set(batch.packages)
    for done in worker.work(batch, holder):
        left.discard(done.package_id)
        on_done(batch.host, done)
    for identifier in left:
        # Left out, for somebody has asked since it was planned, or it is gone from here.
        on_done(batch.host, PackageResult(identifier, RefreshStatus.SUPERSEDED))


def _sum_requests(workers: Sequence[Worker]) -> dict[str, int]:
    total: dict[str, int] = {}
    for worker in list(workers):
        for name, sent in dict(worker.requests).items():
            total[name] = total.get(name, 0) + sent
    return total
