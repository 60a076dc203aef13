"""What is due, in batches of one host each."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from chalicelib.refresh.batch import Batch, ahead
from chalicelib.refresh.budget import stored
from chalicelib.refresh.enrolment import INDEX
from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY, Host
from chalicelib.refresh.http.client import PATIENCE_SECONDS
from chalicelib.refresh.leases import LEASE_SECONDS, MOST, Held
from chalicelib.refresh.rate_limit import Budget
from chalicelib.storage import sources
from chalicelib.storage.sources import DueSource

_NEVER = 1e12
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """How many batches and sources were sent off, and what was found before, by host.

    ``due``: how many sources were due and not under way, where any may be asked; of each host no
    more than one plan sends. ``oldest``: since when the one is that has waited longest, and
    ``exhausted``: until when there is no budget, both in seconds since the epoch, and only of
    hosts where that is so.
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
    """Send off what is due and not under way, and lease it until its batch has been worked on.

    First sent, then leased: who dies in between sends it again, which is harmless, where the
    other order would forget it. Hosts whose budget is blocked wait. ``every``: how often a
    source is asked.
    """
    planned, errors = Planned(), list[Exception]()
    for host in hosts.values():
        try:
            _plan_one(planned, host, now, send, every)
        except Exception as error:  # noqa: BLE001 - the other hosts go on; it is raised below
            _log.exception("planning %s", host.name)
            errors.append(error)
    _log.info("planned %s", planned.sources)
    if errors:
        raise errors[0]
    return planned


def _plan_one(
    planned: Planned,
    host: Host,
    now: datetime,
    send: Callable[[Sequence[Batch]], None],
    every: timedelta,
) -> None:
    instant = now.timestamp()
    budget, _ = stored(host.name)
    if wait := _wait(host, budget, instant):
        planned.exhausted[host.name] = instant + wait
    if _is_blocked(host, budget, instant):
        # Only to know how long it has been waiting.
        _note_oldest(planned, host, due_at(host, instant, 1))
        return
    held = Held(host.name, instant)
    ready = _ready(host, held, instant)
    _note_oldest(planned, host, ready)
    if ready:
        planned.due[host.name] = len(ready)
    found = _filled_up(host, held, ready[: MOST - len(held)], instant, every)
    groups = list(batches_of(host, found, now))
    if not groups:
        return
    send(groups)
    held.take(found)
    planned.batches[host.name], planned.sources[host.name] = len(groups), len(found)


def _note_oldest(planned: Planned, host: Host, found: Iterable[DueSource]) -> None:
    oldest = min((one.since for one in found), default=None)
    if oldest is not None:
        planned.oldest[host.name] = oldest


def everything_at(host: Host) -> list[DueSource]:
    """Every source of a host that is ever asked, longest due first."""
    return list(sources.iter_due(host.name, _NEVER, MOST))


def due_at(host: Host, now: float, most: int = MOST) -> list[DueSource]:
    """What is due at a host and not under way, longest due first."""
    held = Held(host.name, now)
    # What is under way comes on top, or it would keep others from being seen.
    return list(islice(held.free(sources.iter_due(host.name, now, most + len(held))), most))


def _ready(host: Host, held: Held, now: float) -> list[DueSource]:
    """The same, as much as one plan sends; has ``held`` forget what was worked on."""
    most = min(MOST, _affordable(host))
    wanted = most + len(held)
    seen = list(sources.iter_due(host.name, now, wanted))
    # Of those that are due together some may be left that were not read.
    held.forget(seen, now if len(seen) < wanted else seen[-1].due)
    return list(islice(held.free(seen), most))


def _filled_up(
    host: Host, held: Held, found: list[DueSource], now: float, every: timedelta
) -> list[DueSource]:
    """What is due, and what fills its last batch up.

    Full batches cost fewer requests, so they take what is due soon anyway (``batches.ahead``).
    Of the index it is all that is due soon: one list of serials, which is large, is for all.
    """
    most = min(MOST - len(held), _affordable(host))
    room = most if host.name == INDEX else -len(found) % host.policy.batch
    room = min(room, most - len(found))
    if not found or room <= 0:
        return found
    until = now + ahead(every).total_seconds()
    soon = sources.iter_due_later(host.name, now, until, room + len(held))
    return [*found, *islice(held.free(soon), room)]


def batches_of(
    host: Host, found: Iterable[DueSource], now: datetime, *, is_whole: bool = False
) -> Iterator[Batch]:
    """The sources as batches of the size that the host's policy names."""
    kind = PROJECT if host.name == INDEX else REPOSITORY
    ids = [one.package_id for one in found if one.kind == kind]
    size = host.policy.batch
    for start in range(0, len(ids), size):
        yield Batch(host.name, kind, now, tuple(ids[start : start + size]), is_whole)


def _affordable(host: Host) -> int:
    """How many sources can be asked about at most while they are leased.

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
