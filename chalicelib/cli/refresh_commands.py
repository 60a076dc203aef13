"""The commands that refresh figures and tell how fresh they are."""

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence

from chalicelib import settings
from chalicelib.cli import status_tables
from chalicelib.cli.output import plain
from chalicelib.cli.progress_board import Board
from chalicelib.cli.refresh_wait import Waiting
from chalicelib.refresh import local_runner, planner, queue, service
from chalicelib.refresh import status as standing
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.settings import Settings
from chalicelib.storage import sources


def enrol() -> None:
    """Bring the sources up to date, and say what changed."""
    done = service.enrol()
    if done.written or done.removed:
        print(f"refresh: {done.sources} sources, {done.written} new, {done.removed} removed")


def refresh(
    options: argparse.Namespace,
    on_changed: Callable[[], object],
    runtime: WorkerContext | None = None,
) -> int:
    """Ask the hosts for what the options name.

    Returns 1 if something failed or others held every slot, 2 for a wrong name. ``on_changed``
    is called at the end, if any figures changed; also at a bad one, unless a person wants it
    to be at once.
    """
    configured = settings.from_environment()
    hosts = service.all_hosts(configured)
    runtime = runtime or WorkerContext()
    if options.host is not None and options.host not in hosts:
        print(f"packgrid: no host {options.host}: one of {', '.join(hosts)}", file=sys.stderr)
        return 2
    identifier = None
    if options.package is not None and (identifier := _package(options.package)) is None:
        return 2
    if not options.dry_run:
        enrol()
    batches = _selected(options, identifier, hosts, runtime)
    if identifier is not None and not batches:
        where = f"at {options.host}" if options.host else "that can be asked"
        print(f"{options.package} has no source {where}")
        return 0
    if options.dry_run:
        status_tables.print_plan(hosts, batches)
        return 0
    return _ask(options, configured, Board(hosts, runtime), batches, on_changed)


def _ask(
    options: argparse.Namespace,
    configured: Settings,
    board: Board,
    batches: Sequence[Batch],
    on_changed: Callable[[], object],
) -> int:
    """Ask, publish what changed, and say whose slots others hold; the exit code."""
    try:
        without_slot = _run(options, configured, board, batches)
    except BaseException as error:
        if board.has_changed:
            _call_anyway(on_changed, error)
        raise
    if board.has_changed:
        on_changed()
    for host in without_slot:
        _tell_of_slots(board.hosts[host], board.runtime)
    return 1 if board.results()[RefreshStatus.FAILED] or board.is_all_without_slot() else 0


def _call_anyway(on_changed: Callable[[], object], error: BaseException) -> None:
    """Call it at a bad end, too, which is what is told of in the end."""
    if isinstance(error, local_runner.Stopped):
        print("packgrid: search does not know all yet: `index` publishes it", file=sys.stderr)
        return
    try:
        on_changed()
    except Exception as another:  # noqa: BLE001 - the first error is the one that is raised
        print(f"packgrid: search does not know all yet: {plain(another)}", file=sys.stderr)


def _tell_of_slots(host: Host, runtime: WorkerContext) -> None:
    until, now = local_runner.held_until(host), runtime.now().timestamp()
    minutes = max(1, math.ceil(((until or now) - now) / 60))
    print(
        f"packgrid: a worker elsewhere, or one that died, holds the slots of {plain(host.name)}; "
        f"try again in {minutes} minute{'s' if minutes > 1 else ''}",
        file=sys.stderr,
    )


def _run(
    options: argparse.Namespace,
    configured: Settings,
    board: Board,
    batches: Sequence[Batch],
) -> list[str]:
    """Work on batches, with ``--wait`` also on what was put off; prints a summary.

    Returns the hosts that others left no slot of in the end.
    """
    is_whole = options.all or options.package is not None
    waiting = Waiting(board, board.hosts, board.runtime, is_whole)
    left: list[Batch] = []
    try:
        with board:
            while batches:
                board.expect(batches)
                left = local_runner.run(
                    board.hosts,
                    batches,
                    lambda: service.worker_of(configured, board.hosts, board.runtime),
                    board.tell,
                    board.sent,
                    lambda: board.note("ending what is under way; Ctrl-C again stops at once"),
                )
                batches = waiting.later(left) if options.wait else ()
    finally:
        # Also of a run that was interrupted: what it says is written.
        status_tables.print_results(board)
    return sorted({batch.host for batch in left})


def _selected(
    options: argparse.Namespace,
    identifier: int | None,
    hosts: Mapping[str, Host],
    runtime: WorkerContext,
) -> Sequence[Batch]:
    now = runtime.now()
    if identifier is not None:
        return [
            Batch(str(row.host), str(row.kind), now, (identifier,), is_whole=True)
            for row in sources.of_package(identifier)
            if row.host in hosts and options.host in {None, row.host}
        ]
    found: list[Batch] = []
    for host in hosts.values():
        if options.host not in {None, host.name}:
            continue
        rows = planner.everything_at(host) if options.all else planner.due_at(host, now.timestamp())
        rows = rows[: options.limit]
        found += planner.batches_of(host, rows, now, is_whole=options.all)
    return found


def _package(slug: str) -> int | None:
    """The id of the package with this slug; says so if there is none."""
    identifier = sources.package_id_of(slug)
    if identifier is None:
        print(f"packgrid: no package has the slug {slug!r}", file=sys.stderr)
    return identifier


def plan(options: argparse.Namespace) -> int:
    """Send what is due to the queue."""
    planned = service.plan()
    total = sum(planned.sources.values())
    print(f"planned {total} sources in {sum(planned.batches.values())} batches")
    return 0


def redrive(options: argparse.Namespace) -> int:
    """Send dead letters to the queue again."""
    print(f"{queue.redrive()} dead letters are in the queue again")
    return 0


def status(options: argparse.Namespace) -> int:
    """Tell how fresh everything is, or where one package's figures are from."""
    now = WorkerContext().now().timestamp()
    if options.package is not None:
        identifier = _package(options.package)
        if identifier is None:
            return 2
        status_tables.print_package(sources.of_package(identifier), now)
        return 0
    hosts = service.all_hosts(settings.from_environment())
    status_tables.print_standing(standing.standing(now), standing.budgets(hosts, now), now)
    return 0
