"""The freshness of the catalogue: ages, failures by reason, meters. Reads only."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.registry import UNSUPPORTED
from chalicelib.refresh.leases import HostLeases
from chalicelib.refresh.rate_limit import Rate
from chalicelib.storage import refresh_state, sources


@dataclass(slots=True)
class SourceStatistics:
    """Counts of sources by host, and the ages of their figures.

    ``due`` counts sources that are not leased. ``ages`` are in seconds, of the sources that were
    refreshed and are not gone.
    """

    asked: Counter[str] = field(default_factory=Counter)
    never: Counter[str] = field(default_factory=Counter)
    due: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    unsupported: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    ages: dict[str, list[float]] = field(default_factory=dict)

    def get_age(self, host: str | None, share: float) -> float | None:
        """Return a quantile of the ages of a host's sources (of all hosts if ``None``)."""
        ages = sorted(
            age for name, of_host in self.ages.items() if host in {None, name} for age in of_host
        )
        if not ages:
            return None
        return ages[min(len(ages) - 1, int(share * len(ages)))]


def collect_statistics(now: float) -> SourceStatistics:
    """Return the statistics of all sources; scans their table."""
    statistics = SourceStatistics()
    leases: dict[str, HostLeases] = {}
    for item in sources.iter_sources():
        host = str(item.host)
        if host == UNSUPPORTED:
            statistics.unsupported += 1
            continue
        statistics.asked[host] += 1
        due, checked = sources.get_timestamp(item, "due"), sources.get_timestamp(item, "checked")
        if due is not None and due <= now:
            if host not in leases:
                leases[host] = HostLeases(host, now)
            if not leases[host].is_leased(int(item.package_id), due):
                statistics.due[host] += 1
        if item.reason:
            statistics.reasons[host, str(item.reason)] += 1
        if sources.get_timestamp(item, "gone_since") is not None:
            statistics.gone[host] += 1
            continue
        if item.failures:
            statistics.failing[host] += 1
        if checked is None:
            statistics.never[host] += 1
        else:
            statistics.ages.setdefault(host, []).append(max(0.0, now - checked))
    return statistics


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """The state of one limit: as the host reported last, or as counted here if it does not.

    ``reset`` and ``blocked_until`` are seconds since the epoch, or ``None`` if they are over.
    """

    host: str
    meter: str
    remaining: int
    limit: int
    reset: float | None
    blocked_until: float | None


def read_meters(hosts: Mapping[str, Host], now: float) -> list[MeterStatus]:
    """Return the state of every limit that was ever spent from."""
    statuses = []
    for host, meters in sorted(refresh_state.get_all_meters().items()):
        if host not in hosts:
            continue
        for meter, values in sorted(meters.items()):
            rate = hosts[host].policy.meters.get(meter)
            if rate is not None:
                statuses.append(_build_status(host, meter, values, rate, now))
    return statuses


def _build_status(
    host: str, meter: str, values: Mapping[str, float | int | None], rate: Rate, now: float
) -> MeterStatus:
    limit = int(values.get("limit") or rate.limit)
    ahead = max(0.0, float(values.get("free_at") or 0) - now)
    remaining = limit - int(ahead / rate.with_limit(limit).interval + 0.5)
    reset, reported = values.get("reset"), values.get("remaining")
    is_reported = reported is not None and reset is not None and reset > now
    if reported is not None and is_reported:
        remaining = min(remaining, int(reported))
    blocked = float(values.get("blocked_until") or 0)
    return MeterStatus(
        host,
        meter,
        max(0, remaining),
        limit,
        reset if is_reported else None,
        blocked if blocked > now else None,
    )
