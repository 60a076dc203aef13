"""Planning: sending the sources that are due to the queue, in batches of one host each."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from chalicelib.refresh.batch import Batch, get_early_limit
from chalicelib.refresh.budget import read_budget
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.http.client import PATIENCE_SECONDS
from chalicelib.refresh.leases import LEASE_SECONDS, MAX_LEASES, HostLeases
from chalicelib.refresh.rate_limit import Budget
from chalicelib.storage import sources
from chalicelib.storage.sources import DueSource

_END_OF_TIME = 1e12
_log = logging.getLogger(__name__)

Send = Callable[[Sequence[Batch]], None]


@dataclass(frozen=True, slots=True)
class PlanReport:
    """The batches that a plan sent, and the state it found before, by host.

    ``batches`` and ``sources``: how many were sent. ``due``: how many sources were due and not
    leased, if the host may be asked; no more per host than one plan sends. ``oldest``: since when
    the longest-waiting source is due. ``exhausted``: until when the host has no budget. Both are
    in seconds since the epoch, and only contain hosts with such a source or without budget.
    """

    batches: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, float] = field(default_factory=dict)
    exhausted: dict[str, float] = field(default_factory=dict)


def plan(hosts: Mapping[str, Host], now: datetime, send: Send, interval: timedelta) -> PlanReport:
    """Send the sources that are due and not leased, and lease them.

    Sources are leased after they were sent: a plan that dies in between sends them again, which
    is harmless, while the other order would forget them. Hosts whose budget is blocked are left
    out. ``interval`` is how often a source is refreshed. If a host fails, the others are planned,
    and the first error is raised at the end.
    """
    report, errors = PlanReport(), list[Exception]()
    for host in hosts.values():
        try:
            _plan_host(report, host, now, send, interval)
        except Exception as error:  # noqa: BLE001 - the other hosts go on; it is raised below
            _log.exception("planning %s", host.name)
            errors.append(error)
    _log.info("planned %s", report.sources)
    if errors:
        raise errors[0]
    return report


def _plan_host(
    report: PlanReport, host: Host, now: datetime, send: Send, interval: timedelta
) -> None:
    instant = now.timestamp()
    budget, _ = read_budget(host.name)
    if wait := _get_wait_seconds(host, budget, instant):
        report.exhausted[host.name] = instant + wait
    if _is_blocked(host, budget, instant):
        # One source is enough to report how long it has been waiting.
        _report_oldest(report, host, get_due_sources(host, instant, 1))
        return
    leases = HostLeases(host.name, instant)
    due = _read_unleased(host, leases, instant)
    _report_oldest(report, host, due)
    if due:
        report.due[host.name] = len(due)
    to_send = _fill_batches(host, leases, due[: MAX_LEASES - len(leases)], instant, interval)
    batches = list(build_batches(host, to_send, now))
    if not batches:
        return
    send(batches)
    leases.add(to_send)
    report.batches[host.name], report.sources[host.name] = len(batches), len(to_send)


def _report_oldest(report: PlanReport, host: Host, due: Iterable[DueSource]) -> None:
    oldest = min((source.since for source in due), default=None)
    if oldest is not None:
        report.oldest[host.name] = oldest


def get_all_sources(host: Host) -> list[DueSource]:
    """Return every source of a host that is refreshed, the longest due first."""
    return list(sources.iter_due(host.name, _END_OF_TIME, MAX_LEASES))


def get_due_sources(host: Host, now: float, limit: int = MAX_LEASES) -> list[DueSource]:
    """Return the sources of a host that are due and not leased, the longest due first."""
    leases = HostLeases(host.name, now)
    # Leased sources are read in addition, or they would hide others.
    due = sources.iter_due(host.name, now, limit + len(leases))
    return list(islice(leases.exclude_leased(due), limit))


def _read_unleased(host: Host, leases: HostLeases, now: float) -> list[DueSource]:
    """Return the sources to send in one plan, and drop the leases of refreshed ones."""
    limit = min(MAX_LEASES, _get_max_sources(host))
    rows = limit + len(leases)
    due = list(sources.iter_due(host.name, now, rows))
    # Sources that are due at the same instant as the last one may not have been read.
    leases.drop_finished(due, now if len(due) < rows else due[-1].due)
    return list(islice(leases.exclude_leased(due), limit))


def _fill_batches(
    host: Host, leases: HostLeases, due: list[DueSource], now: float, interval: timedelta
) -> list[DueSource]:
    """Return the due sources, and those due soon that fill the last batch.

    Full batches cost fewer requests, so they may take sources early (``batch.get_early_limit``).
    All sources that are due soon are taken of a host whose one request serves them all.
    """
    limit = min(MAX_LEASES - len(leases), _get_max_sources(host))
    room = limit if host.takes_all_due_soon else -len(due) % host.policy.batch
    room = min(room, limit - len(due))
    if not due or room <= 0:
        return due
    until = now + get_early_limit(interval).total_seconds()
    due_soon = sources.iter_due_later(host.name, now, until, room + len(leases))
    return [*due, *islice(leases.exclude_leased(due_soon), room)]


def build_batches(
    host: Host, due: Iterable[DueSource], now: datetime, *, is_full: bool = False
) -> Iterator[Batch]:
    """Yield the sources as batches of the size in the host's policy."""
    package_ids = [source.package_id for source in due if source.kind == host.kind]
    size = host.policy.batch
    for start in range(0, len(package_ids), size):
        yield Batch(host.name, host.kind, now, tuple(package_ids[start : start + size]), is_full)


def _get_max_sources(host: Host) -> int:
    """Return how many sources the host's limits allow to refresh while they are leased.

    Requests that serve a whole batch (GraphQL, the index's root) go further than this counts, so
    it does not hold back a host with a large limit.
    """
    slowest = min(rate.limit / rate.seconds for rate in host.policy.meters.values())
    return max(host.policy.batch, int(slowest * LEASE_SECONDS))


def _is_blocked(host: Host, budget: Budget, now: float) -> bool:
    """Return whether every meter of a host is blocked."""
    meters = [budget.meters.get(name) for name in host.policy.meters]
    return bool(meters) and all(
        meter is not None and meter.get_blocked_seconds(now) > 0 for meter in meters
    )


def _get_wait_seconds(host: Host, budget: Budget, now: float) -> float:
    """Return the seconds until every limit allows a request; 0 if a worker would wait so long."""
    seconds = budget.get_wait_seconds(host.policy, dict.fromkeys(host.policy.meters, 1), now)
    return seconds if seconds > PATIENCE_SECONDS else 0.0
