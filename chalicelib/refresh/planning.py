"""What is due, in batches of one host each."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.refresh.batches import Batch, ahead
from chalicelib.refresh.budgets import stored
from chalicelib.refresh.enrolment import INDEX
from chalicelib.refresh.http.session import PATIENCE_SECONDS
from chalicelib.refresh.limits import Budget
from chalicelib.refresh.outcomes import PROJECT, REPOSITORY, Host
from chalicelib.storage import sources
from chalicelib.storage.sources import Due

#: A planned source is not planned again for so long, unless its batch puts it back earlier. It
#: outlives the tries of a message, so what ends as a dead letter is planned anew.
LEASE_SECONDS = 7200
#: The most sources of one host that one plan sends off.
MOST = 20_000
_NEVER = 1e12
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """How many batches and sources were sent off, and what was found before, by host.

    ``due``: how many sources were due where any may be asked. ``oldest``: since when the one is
    that has waited longest, and ``exhausted``: until when there is no budget, both in seconds
    since the epoch, and only of hosts where that is so.
    """

    batches: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, float] = field(default_factory=dict)
    exhausted: dict[str, float] = field(default_factory=dict)


def plan(
    hosts: Mapping[str, Host],
    now: datetime,
    send: Callable[[Sequence[Batch]], None],
    every: timedelta,
) -> Planned:
    """Send off what is due, and put it off until its batch has been worked on.

    First sent, then put off: who dies in between sends it again, which is harmless, where the
    other order would forget it. Hosts whose budget is blocked wait. ``every``: how often a
    source is asked.
    """
    planned, instant = Planned(), now.timestamp()
    for host in hosts.values():
        budget, _ = stored(host.name)
        if wait := _wait(host, budget, instant):
            planned.exhausted[host.name] = instant + wait
        if _is_blocked(host, budget, instant):
            # Only to know how long it has been waiting.
            _note_oldest(planned, host, sources.due(host.name, instant, 1))
            continue
        found = due_at(host, instant, every)
        ready = [one for one in found if one.due <= instant]
        _note_oldest(planned, host, ready)
        groups = list(batches_of(host, found, now))
        if not groups:
            continue
        send(groups)
        for one in found:
            sources.lease(one.package_id, one.kind, one.due, instant + LEASE_SECONDS)
        planned.batches[host.name], planned.sources[host.name] = len(groups), len(found)
        planned.due[host.name] = len(ready)
    _log.info("planned %s", planned.sources)
    return planned


def _note_oldest(planned: Planned, host: Host, found: Iterable[Due]) -> None:
    oldest = min((one.since for one in found), default=None)
    if oldest is not None:
        planned.oldest[host.name] = oldest


def everything_at(host: Host) -> list[Due]:
    """Every source of a host that is ever asked, longest due first."""
    return list(sources.due(host.name, _NEVER, MOST))


def due_at(host: Host, now: float, every: timedelta) -> list[Due]:
    """What is due at a host, longest due first, and what fills its last batch up.

    Full batches cost fewer requests, so they take what is due soon anyway (``batches.ahead``).
    Of the index it is all that is due soon: one list of serials, which is large, is for all.
    """
    most = min(MOST, _affordable(host))
    found = list(sources.due(host.name, now, most))
    room = most if host.name == INDEX else -len(found) % host.policy.batch
    if found and room and len(found) < most:
        until = now + ahead(every).total_seconds()
        found += sources.soon(host.name, now, until, min(room, most - len(found)))
    return found


def batches_of(
    host: Host, found: Iterable[Due], now: datetime, *, is_whole: bool = False
) -> Iterator[Batch]:
    """The sources as batches of the size that the host's policy names."""
    kind = PROJECT if host.name == INDEX else REPOSITORY
    ids = [one.package_id for one in found if one.kind == kind]
    size = host.policy.batch
    for start in range(0, len(ids), size):
        yield Batch(host.name, kind, now, tuple(ids[start : start + size]), is_whole)


def _affordable(host: Host) -> int:
    """How many sources can be asked about at most while they are put off.

    What a batch asks for at once (GraphQL, the index's root) goes further, so a host with a
    large limit is not held back by this.
    """
    slowest = min(rate.limit / rate.seconds for rate in host.policy.meters.values())
    return max(host.policy.batch, int(slowest * LEASE_SECONDS))


def _is_blocked(host: Host, budget: Budget, now: float) -> bool:
    """Whether nothing at all may be asked of a host now."""
    meters = [budget.meters.get(name) for name in host.policy.meters]
    return bool(meters) and all(meter is not None and meter.blocked(now) > 0 for meter in meters)


def _wait(host: Host, budget: Budget, now: float) -> float:
    """Seconds until every limit of a host allows something again; 0 if a worker would wait."""
    seconds = budget.wait(host.policy, dict.fromkeys(host.policy.meters, 1), now)
    return seconds if seconds > PATIENCE_SECONDS else 0.0
