"""Metrics and log fields of a refresh.

``log_fields`` are the fields of the line that ``telemetry.log_run`` writes at the end of a run:
totals, and the same by host under ``hosts``.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib import telemetry
from chalicelib.refresh.planner import PlanReport
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import Worker
from chalicelib.telemetry import Metric


def report_plan(report: PlanReport, now: datetime, log_fields: dict[str, Any]) -> None:
    """Write a plan's metrics, a warning for each host without budget, and its log fields."""
    for host, until in report.exhausted.items():
        telemetry.log("WARNING", "no budget", host=host, until=_format_time(until))
    counts = {"due": report.due, "sources": report.sources, "batches": report.batches}
    log_fields |= {name: sum(by_host.values()) for name, by_host in counts.items()}
    log_fields["hosts"] = {
        host: {name: by_host.get(host, 0) for name, by_host in counts.items()}
        | {"oldest": _format_time(since)}
        for host, since in report.oldest.items()
    }
    oldest = min(report.oldest.values(), default=now.timestamp())
    telemetry.write_metrics(
        {
            Metric.STALENESS: max(0.0, now.timestamp() - oldest),
            Metric.BUDGETS_EXHAUSTED: len(report.exhausted),
        }
    )


def report_work(worker: Worker, failures: Sequence[Any], log_fields: dict[str, Any]) -> None:
    """Add a worker's results, its requests and the failed messages to the log fields."""
    results = sum(worker.results.values(), Counter[RefreshStatus]())
    log_fields |= _count_results(results, sum(worker.requests.values()))
    log_fields["hosts"] = {
        host: _count_results(of_host, worker.requests.get(host, 0))
        for host, of_host in worker.results.items()
    }
    log_fields["failures"] = failures


def _count_results(results: Counter[RefreshStatus], requests: int) -> dict[str, int]:
    refreshed = results[RefreshStatus.CHANGED] + results[RefreshStatus.UNCHANGED]
    counts = {str(status): results[status] for status in RefreshStatus}
    return {"refreshed": refreshed, **counts, "requests": requests}


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
