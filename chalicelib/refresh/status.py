"""How fresh the catalogue is: ages, failures by reason, budgets. Reads, and writes nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.registry import UNSUPPORTED
from chalicelib.refresh.leases import HostLeases
from chalicelib.storage import refresh_state, sources


@dataclass(slots=True)
class SourceStatistics:
    """Counts of sources by host; ages in seconds of those that answered and are not gone.

    ``due`` are those for which no batch is under way.
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
        """The age that this share of the sources (of one host, or all) is not older than."""
        found = sorted(
            age for name, ages in self.ages.items() if host in {None, name} for age in ages
        )
        if not found:
            return None
        return found[min(len(found) - 1, int(share * len(found)))]


def collect_statistics(now: float) -> SourceStatistics:
    """The standing of every source; reads the table whole."""
    found = SourceStatistics()
    held: dict[str, HostLeases] = {}
    for row in sources.iter_sources():
        host = str(row.host)
        if host == UNSUPPORTED:
            found.unsupported += 1
            continue
        found.asked[host] += 1
        due, checked = sources.get_timestamp(row, "due"), sources.get_timestamp(row, "checked")
        if due is not None and due <= now:
            if host not in held:
                held[host] = HostLeases(host, now)
            if not held[host].is_leased(int(row.package_id), due):
                found.due[host] += 1
        if row.reason:
            found.reasons[host, str(row.reason)] += 1
        if sources.get_timestamp(row, "gone_since") is not None:
            found.gone[host] += 1
            continue
        if row.failures:
            found.failing[host] += 1
        if checked is None:
            found.never[host] += 1
        else:
            found.ages.setdefault(host, []).append(max(0.0, now - checked))
    return found


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """What is left of one limit: as the host said last, or as we count it if it says nothing."""

    host: str
    meter: str
    remaining: int
    limit: int
    reset: float | None
    blocked_until: float | None


def read_meters(hosts: Mapping[str, Host], now: float) -> list[MeterStatus]:
    """What is left of every limit that was ever spent from."""
    found = []
    for name, meters in sorted(refresh_state.get_all_meters().items()):
        if name not in hosts:
            continue
        for meter, values in sorted(meters.items()):
            rate = hosts[name].policy.meters.get(meter)
            if rate is None:
                continue
            limit = int(values.get("limit") or rate.limit)
            reset = values.get("reset")
            ahead = max(0.0, float(values.get("free_at") or 0) - now)
            left = limit - int(ahead / rate.with_limit(limit).interval + 0.5)
            said = values.get("remaining")
            is_said = said is not None and reset is not None and reset > now
            if said is not None and is_said:
                left = min(left, int(said))
            blocked = float(values.get("blocked_until") or 0)
            found.append(
                MeterStatus(
                    name,
                    meter,
                    max(0, left),
                    limit,
                    reset if is_said else None,
                    blocked if blocked > now else None,
                )
            )
    return found
