"""From what was measured to a month's bill."""

import math
from dataclasses import dataclass, field

from bench.cost.assumptions import DAYS, HOURS, Assumptions
from bench.cost.bill import Bill
from bench.cost.deployed import Deployed
from bench.cost.measuring import Measured
from bench.cost.metering import Used
from chalicelib import settings

_GB = 1 << 30
_LISTS = ("packages, page of 20", "packages, page of 100")
_TIMEOUT_SECONDS, _TMP_BYTES = 900, 512 << 20


@dataclass(frozen=True, slots=True)
class Scenario:
    """So many packages, and requests to the API a month."""

    packages: int
    requests: int

    @property
    def title(self) -> str:
        """What the bill is called."""
        return f"{self.packages:,} packages, {self.requests:,} requests a month"


FIRST = Scenario(5_800, 1_000_000)
SECOND = Scenario(1_000_000, 100_000_000)


@dataclass(frozen=True, slots=True)
class Month:
    """One scenario's month. ``request_seconds``: in place of what requests take, as measured."""

    measured: Measured
    deployed: Deployed
    scenario: Scenario
    assumed: Assumptions = field(default_factory=Assumptions)
    request_seconds: float | None = None

    def bill(self) -> Bill:
        """All lines."""
        bill = Bill(self.scenario.title)
        self._requests(bill)
        self._refresh(bill)
        self._schedules(bill)
        self._storage(bill)
        self._watching(bill)
        return bill

    def _seconds(self, function: str, used: Used, waits: float = 0.0) -> float:
        """Billed seconds: CPU at the function's share of a vCPU, and waiting."""
        share = min(1.0, self.deployed.memory[function] / self.assumed.full_vcpu_mb)
        waiting = used.calls * self.assumed.dynamodb_wait
        waiting += (used.s3_reads + used.s3_writes) * self.assumed.s3_wait
        return used.cpu / share + waiting + waits

    def _duration(self, function: str, seconds: float) -> float:
        """GB-seconds."""
        return seconds * self.deployed.memory[function] / 1024

    def _requests(self, bill: Bill) -> None:
        count, served = self.scenario.requests, self.measured.served
        seconds = sum(each.share * self._one(each.used) for each in served)
        reads = sum(each.share * each.used.reads for each in served)
        size = sum(
            each.share * (each.gzipped if self.deployed.compressed else each.bytes)
            for each in served
        )
        cold = self.assumed.cold_share * self.assumed.cold_seconds
        bill.add("Requests to the API", "gateway.requests", count)
        bill.add("Invocations for them", "lambda.requests", count)
        bill.add(
            "Duration for them, with cold starts",
            "lambda.duration",
            self._duration("api_handler", count * (seconds + cold)),
        )
        bill.add("Reads for them", "dynamodb.reads", count * (reads + self._directory()))
        searches = sum(each.share for each in served if each.name == "search")
        bill.add("Index looked after", "s3.reads", self._looks(count * searches))
        bill.add("Answers sent out", "transfer.out", count * size)

    def _one(self, used: Used) -> float:
        if self.request_seconds is not None:
            return self.request_seconds
        return math.ceil(self._seconds("api_handler", used) * 1000) / 1000

    def _directory(self) -> float:
        """Read units a request that a longer directory takes, beside those measured."""
        share = sum(each.share for each in self.measured.served if each.name in _LISTS)
        units = math.ceil(self.assumed.directory_bytes * self.scenario.packages / 4096) / 2
        return share * (units - 0.5)

    def _looks(self, searches: float) -> float:
        """GETs of the pointer and of segments: at most so many as processes have intervals."""
        processes = self.assumed.warm_processes * max(1.0, self.scenario.requests / 1e6)
        seconds = settings.Settings().search_seconds
        looks = min(searches, processes * HOURS * 3600 / seconds)
        return looks + processes * HOURS * 60 / self._minutes("publish", 60)

    def _minutes(self, name: str, otherwise: float) -> float:
        return self.deployed.minutes.get(name, otherwise)

    def _refresh(self, bill: Bill) -> None:
        day = self.measured.day
        plans = HOURS * 60 / self._minutes("plan", 10)
        idle = day.idle_plan.times(plans)
        round_ = day.plan.less(day.idle_plan.times(day.plans))
        factor = self.scenario.packages / day.packages * self.rounds
        total = round_.times(factor) + day.work.times(factor)
        messages = day.messages * factor
        bill.add("Refresh: reads", "dynamodb.reads", total.reads + idle.reads)
        bill.add("Refresh: writes", "dynamodb.writes", total.writes)
        polls = self.deployed.pollers * HOURS * 3600 / self.assumed.poll_seconds
        sent = day.sends * factor
        # A message is received, and deleted; the rest are polls of nothing.
        bill.add("Refresh: queue", "sqs.requests", sent + 2 * messages + polls)
        bill.add("Refresh: invocations", "lambda.requests", plans + messages)
        waits = day.requests * factor * self.assumed.upstream_wait + day.slept * factor
        planning = self._seconds("plan", round_.times(factor) + idle)
        working = self._seconds("work", day.work.times(factor), waits)
        duration = self._duration("plan", planning) + self._duration("work", working)
        bill.add("Refresh: duration", "lambda.duration", duration)
        bill.add("Refresh: list of serials", "s3.writes", day.work.s3_writes * self.rounds)

    @property
    def rounds(self) -> float:
        """How often a month every source comes due."""
        return HOURS * 3600 / settings.Settings().refresh_seconds

    def _schedules(self, bill: Bill) -> None:
        factor = self.scenario.packages / self.measured.packages
        builds = HOURS * 60 / self._minutes("publish", 60)
        enrolments = HOURS * 60 / self._minutes("enrol", 1440)
        exports = HOURS * 60 / self._minutes("export", 1440)
        publish, enrol = self.measured.publish.times(factor), self.measured.enrol.times(factor)
        publish.s3_reads, publish.s3_writes = (
            self.measured.publish.s3_reads,
            self.measured.publish.s3_writes,
        )
        scanned = self._scanned()
        bill.add(f"Publish, {builds:,.0f} times: reads", "dynamodb.reads", builds * publish.reads)
        bill.add("Enrol: reads", "dynamodb.reads", enrolments * enrol.reads)
        bill.add("Export: reads", "dynamodb.reads", exports * scanned / 8192)
        bill.add("Their invocations", "lambda.requests", builds + enrolments + exports)
        spent = self._seconds("publish", publish)
        duration = builds * self._duration("publish", spent)
        duration += enrolments * self._duration("enrol", self._seconds("enrol", enrol))
        exporting = scanned / self.assumed.export_bytes_a_second
        duration += exports * self._duration("export", exporting)
        bill.add("Their duration", "lambda.duration", duration)
        writes = builds * publish.s3_writes + exports * len(settings.TABLES)
        bill.add("Segments and exports written", "s3.writes", writes)
        if spent > _TIMEOUT_SECONDS:
            bill.notes.append(
                f"One publish would take {spent:,.0f} s; Lambda ends it after {_TIMEOUT_SECONDS} s."
            )
        if self.measured.segment * factor > _TMP_BYTES:
            size = self.measured.segment * factor / _GB
            bill.notes.append(f"The segment would be {size:.1f} GB; Lambda's disk has 0.5.")

    def _own(self) -> tuple[float, float]:
        """Bytes scanned and stored of the refresh's tables."""
        day = self.measured.day
        factor = self.scenario.packages / day.packages
        scanned, stored = (
            sum(getattr(size, name) for kind, size in day.sizes.items() if kind != "history")
            for name in ("scan_bytes", "stored_bytes")
        )
        history = day.history * self.assumed.history_days
        return (scanned + history) * factor, (stored + history) * factor

    def _scanned(self) -> float:
        factor = self.scenario.packages / self.measured.packages
        own, _ = self._own()
        return own + factor * sum(size.scan_bytes for size in self.measured.sizes.values())

    def _storage(self, bill: Bill) -> None:
        factor = self.scenario.packages / self.measured.packages
        _, own = self._own()
        stored = own + factor * sum(size.stored_bytes for size in self.measured.sizes.values())
        bill.add("Tables and indexes", "dynamodb.storage", stored)
        if self.deployed.recovery:
            bill.add("Their recovery to any second", "dynamodb.recovery", stored)
        builds = HOURS * 60 / self._minutes("publish", 60) / DAYS
        # Current for a day after it is not named any more, then an old version.
        kept = builds * (1 + self.deployed.version_days) * self.measured.segment * factor
        exports = 1440 / self._minutes("export", 1440)
        kept += exports * self.deployed.export_days * self._scanned() * self.assumed.export_ratio
        bill.add("Segments and exports kept", "s3.storage", kept)

    def _watching(self, bill: Bill) -> None:
        count, own = self.scenario.requests, self.deployed
        others = HOURS * 60 / self._minutes("plan", 10) + HOURS
        others += (
            self.measured.day.messages
            * self.rounds
            * (self.scenario.packages / self.measured.day.packages)
        )
        written: float = count * (own.access_log_bytes + own.platform_log_bytes)
        written += others * self.assumed.function_log_bytes
        bill.add("Logs taken in", "logs.ingestion", written)
        kept = written * own.log_days / DAYS * self.assumed.log_ratio
        bill.add("Logs kept", "logs.storage", kept)
        bill.add("Requests traced", "xray.traces", count * own.traced)
        # Lambda samples the rest by a rule of its own, which at their rate takes about all.
        bill.add("Other runs traced", "xray.traces", others if own.traced else 0)
        bill.add("Alarms", "cloudwatch.alarms", own.alarms)
        bill.add("Composite alarms", "cloudwatch.composite", own.composites)
        bill.add("Dashboards", "cloudwatch.dashboards", own.dashboards)
        bill.add("Metrics of our own", "cloudwatch.metrics", own.metrics)
