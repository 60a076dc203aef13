"""The bills of two scenarios, computed from the measurements."""

import math
from dataclasses import dataclass, field

from bench.cost.assumptions import DAYS, HOURS, Assumptions
from bench.cost.bill import Bill
from bench.cost.measurements import Measurements
from bench.cost.stage_config import StageConfig
from bench.cost.usage_meter import Usage
from chalicelib import settings

_GB = 1 << 30
_LISTS = ("packages, page of 20", "packages, page of 100")
_TIMEOUT_SECONDS, _TMP_BYTES = 900, 512 << 20


@dataclass(frozen=True, slots=True)
class Scenario:
    """A number of packages and of requests to the API a month."""

    packages: int
    requests: int

    @property
    def title(self) -> str:
        """The title of the bill."""
        return f"{self.packages:,} packages, {self.requests:,} requests a month"


FIRST = Scenario(5_800, 1_000_000)
SECOND = Scenario(1_000_000, 100_000_000)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of one scenario; ``request_seconds`` replaces the measured time of requests."""

    measured: Measurements
    deployed: StageConfig
    scenario: Scenario
    assumed: Assumptions = field(default_factory=Assumptions)
    request_seconds: float | None = None

    def build_bill(self) -> Bill:
        """Return the bill with all lines."""
        bill = Bill(self.scenario.title)
        self._add_requests(bill)
        self._add_refresh(bill)
        self._add_schedules(bill)
        self._add_storage(bill)
        self._add_monitoring(bill)
        return bill

    def _compute_seconds(self, function: str, used: Usage, waits: float = 0.0) -> float:
        """Return the billed seconds: CPU at the function's share of a vCPU, and waiting."""
        share = min(1.0, self.deployed.memory[function] / self.assumed.full_vcpu_mb)
        waiting = used.calls * self.assumed.dynamodb_wait
        waiting += (used.s3_reads + used.s3_writes) * self.assumed.s3_wait
        return used.cpu / share + waiting + waits

    def _compute_gb_seconds(self, function: str, seconds: float) -> float:
        """Return GB-seconds."""
        return seconds * self.deployed.memory[function] / 1024

    def _add_requests(self, bill: Bill) -> None:
        count, served = self.scenario.requests, self.measured.served
        seconds = sum(each.share * self._get_request_seconds(each.used) for each in served)
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
            self._compute_gb_seconds("api_handler", count * (seconds + cold)),
        )
        bill.add(
            "Reads for them", "dynamodb.reads", count * (reads + self._count_directory_reads())
        )
        searches = sum(each.share for each in served if each.name == "search")
        bill.add("Search index reads", "s3.reads", self._count_index_reads(count * searches))
        bill.add("Answers sent out", "transfer.out", count * size)

    def _get_request_seconds(self, used: Usage) -> float:
        if self.request_seconds is not None:
            return self.request_seconds
        return math.ceil(self._compute_seconds("api_handler", used) * 1000) / 1000

    def _count_directory_reads(self) -> float:
        """Return the read units a request for the directory, beyond those measured."""
        share = sum(each.share for each in self.measured.served if each.name in _LISTS)
        units = math.ceil(self.assumed.directory_bytes * self.scenario.packages / 4096) / 2
        return share * (units - 0.5)

    def _count_index_reads(self, searches: float) -> float:
        """Return the GETs of manifest and index files, at most one a process and interval."""
        processes = self.assumed.warm_processes * max(1.0, self.scenario.requests / 1e6)
        seconds = settings.Settings().search_seconds
        manifest_reads = min(searches, processes * HOURS * 3600 / seconds)
        return manifest_reads + processes * HOURS * 60 / self._get_minutes("publish", 60)

    def _get_minutes(self, name: str, otherwise: float) -> float:
        return self.deployed.minutes.get(name, otherwise)

    def _add_refresh(self, bill: Bill) -> None:
        day = self.measured.day
        plans = HOURS * 60 / self._get_minutes("plan", 10)
        idle = day.idle_plan.multiply(plans)
        round_ = day.plan.subtract(day.idle_plan.multiply(day.plans))
        factor = self.scenario.packages / day.packages * self.rounds
        total = round_.multiply(factor) + day.work.multiply(factor)
        messages = day.messages * factor
        bill.add("Refresh: reads", "dynamodb.reads", total.reads + idle.reads)
        bill.add("Refresh: writes", "dynamodb.writes", total.writes)
        polls = self.deployed.pollers * HOURS * 3600 / self.assumed.poll_seconds
        sent = day.sends * factor
        # Each message is received and deleted; the rest are polls of an empty queue.
        bill.add("Refresh: queue", "sqs.requests", sent + 2 * messages + polls)
        bill.add("Refresh: invocations", "lambda.requests", plans + messages)
        waits = day.requests * factor * self.assumed.upstream_wait + day.slept * factor
        planning = self._compute_seconds("plan", round_.multiply(factor) + idle)
        working = self._compute_seconds("work", day.work.multiply(factor), waits)
        duration = self._compute_gb_seconds("plan", planning) + self._compute_gb_seconds(
            "work", working
        )
        bill.add("Refresh: duration", "lambda.duration", duration)
        bill.add("Refresh: list of serials", "s3.writes", day.work.s3_writes * self.rounds)

    @property
    def rounds(self) -> float:
        """The number of times a month that every source comes due."""
        return HOURS * 3600 / settings.Settings().refresh_seconds

    def _add_schedules(self, bill: Bill) -> None:
        factor = self.scenario.packages / self.measured.packages
        builds = HOURS * 60 / self._get_minutes("publish", 60)
        enrolments = HOURS * 60 / self._get_minutes("enrol", 1440)
        exports = HOURS * 60 / self._get_minutes("export", 1440)
        publish, enrol = (
            self.measured.publish.multiply(factor),
            self.measured.enrol.multiply(factor),
        )
        publish.s3_reads, publish.s3_writes = (
            self.measured.publish.s3_reads,
            self.measured.publish.s3_writes,
        )
        scanned = self._compute_scanned_bytes()
        bill.add(f"Publish, {builds:,.0f} times: reads", "dynamodb.reads", builds * publish.reads)
        bill.add("Enrol: reads", "dynamodb.reads", enrolments * enrol.reads)
        bill.add("Export: reads", "dynamodb.reads", exports * scanned / 8192)
        bill.add("Their invocations", "lambda.requests", builds + enrolments + exports)
        seconds = self._compute_seconds("publish", publish)
        duration = builds * self._compute_gb_seconds("publish", seconds)
        duration += enrolments * self._compute_gb_seconds(
            "enrol", self._compute_seconds("enrol", enrol)
        )
        exporting = scanned / self.assumed.export_bytes_a_second
        duration += exports * self._compute_gb_seconds("export", exporting)
        bill.add("Their duration", "lambda.duration", duration)
        writes = builds * publish.s3_writes + exports * len(settings.TABLES)
        bill.add("Index files and exports written", "s3.writes", writes)
        if seconds > _TIMEOUT_SECONDS:
            bill.notes.append(
                f"One publish would take {seconds:,.0f} s; Lambda stops it after "
                f"{_TIMEOUT_SECONDS} s."
            )
        if self.measured.index_bytes * factor > _TMP_BYTES:
            size = self.measured.index_bytes * factor / _GB
            bill.notes.append(f"The index file would be {size:.1f} GB; Lambda's disk has 0.5.")

    def _compute_refresh_bytes(self) -> tuple[float, float]:
        """Return the scanned and the stored bytes of the refresh's tables."""
        day = self.measured.day
        factor = self.scenario.packages / day.packages
        scanned, stored = (
            sum(getattr(size, name) for kind, size in day.sizes.items() if kind != "history")
            for name in ("scan_bytes", "stored_bytes")
        )
        history = day.history * self.assumed.history_days
        return (scanned + history) * factor, (stored + history) * factor

    def _compute_scanned_bytes(self) -> float:
        factor = self.scenario.packages / self.measured.packages
        own, _ = self._compute_refresh_bytes()
        return own + factor * sum(size.scan_bytes for size in self.measured.sizes.values())

    def _add_storage(self, bill: Bill) -> None:
        factor = self.scenario.packages / self.measured.packages
        _, own = self._compute_refresh_bytes()
        stored = own + factor * sum(size.stored_bytes for size in self.measured.sizes.values())
        bill.add("Tables and indexes", "dynamodb.storage", stored)
        if self.deployed.recovery:
            bill.add("Their recovery to any second", "dynamodb.recovery", stored)
        builds = HOURS * 60 / self._get_minutes("publish", 60) / DAYS
        # Kept for a day after the manifest names another, then as an old version.
        kept = builds * (1 + self.deployed.version_days) * self.measured.index_bytes * factor
        exports = 1440 / self._get_minutes("export", 1440)
        kept += (
            exports
            * self.deployed.export_days
            * self._compute_scanned_bytes()
            * self.assumed.export_ratio
        )
        bill.add("Index files and exports kept", "s3.storage", kept)

    def _add_monitoring(self, bill: Bill) -> None:
        count, own = self.scenario.requests, self.deployed
        others = HOURS * 60 / self._get_minutes("plan", 10) + HOURS
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
        # Lambda samples other runs by its own rule, which traces nearly all at their rate.
        bill.add("Other runs traced", "xray.traces", others if own.traced else 0)
        bill.add("Alarms", "cloudwatch.alarms", own.alarms)
        bill.add("Composite alarms", "cloudwatch.composite", own.composites)
        bill.add("Dashboards", "cloudwatch.dashboards", own.dashboards)
        bill.add("Metrics of our own", "cloudwatch.metrics", own.metrics)
