"""A run of ``refresh``: which sources, in what batches, and what its exit code is."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib import settings
from chalicelib.cli import refresh_tables
from chalicelib.cli.command import CANNOT
from chalicelib.cli.output import say
from chalicelib.cli.progress_board import ProgressBoard
from chalicelib.cli.refresh_wait import Waiting
from chalicelib.refresh import local_runner, planner, service
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.settings import Settings
from chalicelib.storage import sources


@dataclass(frozen=True, slots=True)
class Selection:
    """The sources to refresh: those that are due, unless it is all or one package's.

    ``host`` and ``limit`` (per host) narrow it down. The hosts are asked in full, instead of for
    changes only, about all or about one package.
    """

    is_all: bool = False
    package: str | None = None
    host: str | None = None
    limit: int | None = None

    @property
    def is_full(self) -> bool:
        """True if every part of a source is fetched, due or not."""
        return self.is_all or self.package is not None


def check_hosts() -> None:
    """Raise BadSetting for settings with which enrolment would fail, before anything is written."""
    service.check_hosts()


def enrol() -> None:
    """Enrol the sources of all packages, and print how many are new."""
    enrolled = service.enrol()
    if enrolled.written or enrolled.removed:
        print(
            f"refresh: {enrolled.sources} sources, {enrolled.written} new, "
            f"{enrolled.removed} removed"
        )


def find_package(slug: str) -> int | None:
    """Return the id of the package with this slug; report it if there is none."""
    identifier = sources.find_package_id(slug)
    if identifier is None:
        say(f"no package has the slug {slug!r}")
    return identifier


def run_refresh(
    selection: Selection,
    on_changed: Callable[[], object],
    *,
    wait: bool = False,
    dry_run: bool = False,
    context: WorkerContext | None = None,
) -> int:
    """Ask the hosts for the selected figures; return an exit code.

    It is 1 if a package failed or other workers held every slot, 2 for a wrong name.
    ``on_changed`` is called at the end if any figures changed, also after an error, but not after
    a second Ctrl-C.
    """
    configured = settings.from_environment()
    hosts = service.load_hosts(configured)
    context = context or WorkerContext()
    if selection.host is not None and selection.host not in hosts:
        say(f"no host {selection.host}: one of {', '.join(hosts)}")
        return CANNOT
    identifier = None
    if selection.package is not None and (identifier := find_package(selection.package)) is None:
        return CANNOT
    if not dry_run:
        enrol()
    batches = _select_batches(selection, identifier, hosts, context)
    if identifier is not None and not batches:
        place = f"at {selection.host}" if selection.host else "that can be asked"
        print(f"{selection.package} has no source {place}")
        return 0
    if dry_run:
        refresh_tables.print_plan(hosts, batches)
        return 0
    board = ProgressBoard(hosts, context)
    waiting = Waiting(board, selection.is_full) if wait else None
    return _refresh_and_publish(configured, board, batches, waiting, on_changed)


def _select_batches(
    selection: Selection,
    identifier: int | None,
    hosts: Mapping[str, Host],
    context: WorkerContext,
) -> Sequence[Batch]:
    now = context.now()
    if identifier is not None:
        return [
            Batch(str(row.host), str(row.kind), now, (identifier,), is_full=True)
            for row in sources.get_package_sources(identifier)
            if row.host in hosts and selection.host in {None, row.host}
        ]
    batches: list[Batch] = []
    for host in hosts.values():
        if selection.host not in {None, host.name}:
            continue
        if selection.is_all:
            rows = planner.get_all_sources(host)
        else:
            rows = planner.get_due_sources(host, now.timestamp())
        rows = rows[: selection.limit]
        batches += planner.build_batches(host, rows, now, is_full=selection.is_all)
    return batches


def _refresh_and_publish(
    configured: Settings,
    board: ProgressBoard,
    batches: Sequence[Batch],
    waiting: Waiting | None,
    on_changed: Callable[[], object],
) -> int:
    """Work on the batches, publish changes, report hosts without a slot; return an exit code."""
    try:
        without_slot = _run_batches(configured, board, batches, waiting)
    except BaseException as error:
        if board.has_changed:
            _publish_after_error(on_changed, error)
        raise
    if board.has_changed:
        on_changed()
    for host in without_slot:
        _report_held_slots(board.hosts[host], board.context)
    return 1 if board.results()[RefreshStatus.FAILED] or board.is_all_without_slot() else 0


def _run_batches(
    configured: Settings,
    board: ProgressBoard,
    batches: Sequence[Batch],
    waiting: Waiting | None,
) -> list[str]:
    """Work on the batches, then, if waiting, on what they postponed; print a summary.

    Return the names of the hosts whose slots other workers held in the end.
    """
    without_slot: list[Batch] = []
    try:
        with board:
            while batches:
                board.expect(batches)
                without_slot = local_runner.run(
                    board.hosts,
                    batches,
                    lambda: service.build_worker(configured, board.hosts, board.context),
                    board.count,
                    board.count_requests,
                    lambda: board.note(
                        "finishing the requests in progress; press Ctrl-C again to stop at once"
                    ),
                )
                batches = waiting.next_batches(without_slot) if waiting else ()
    finally:
        # Also after an interruption, because what was printed as changed is written.
        refresh_tables.print_results(board)
    return sorted({batch.host for batch in without_slot})


def _publish_after_error(on_changed: Callable[[], object], error: BaseException) -> None:
    """Call ``on_changed``, but report the first error in the end."""
    if isinstance(error, local_runner.Stopped):
        say("the search index is out of date: `index` publishes a new one")
        return
    try:
        on_changed()
    except Exception as second_error:  # noqa: BLE001 - the first error is the one that is raised
        say(f"the search index is out of date: {second_error}")


def _report_held_slots(host: Host, context: WorkerContext) -> None:
    until, now = local_runner.get_slot_end(host), context.now().timestamp()
    minutes = max(1, math.ceil(((until or now) - now) / 60))
    say(
        f"another worker, or one that died, holds the slots of {host.name}; "
        f"try again in {minutes} minute{'s' if minutes > 1 else ''}"
    )
