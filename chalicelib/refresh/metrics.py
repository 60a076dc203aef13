"""What is told of a refresh: its metrics, and what its lines of the log say.

``said`` are the fields of the line that is written at the end (``telemetry.reported``): totals,
and the same by host below ``hosts``.
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


def report_plan(found: PlanReport, now: datetime, said: dict[str, Any]) -> None:
    """Tell what was sent off, how long the first has waited, and which hosts have no budget."""
    for host, until in found.exhausted.items():
        telemetry.log("WARNING", "no budget", host=host, until=_format_time(until))
    counts = {"due": found.due, "sources": found.sources, "batches": found.batches}
    said |= {name: sum(by_host.values()) for name, by_host in counts.items()}
    said["hosts"] = {
        host: {name: by_host.get(host, 0) for name, by_host in counts.items()}
        | {"oldest": _format_time(since)}
        for host, since in found.oldest.items()
    }
    oldest = min(found.oldest.values(), default=now.timestamp())
    telemetry.write_metrics(
        {
            Metric.STALENESS: max(0.0, now.timestamp() - oldest),
            Metric.BUDGETS_EXHAUSTED: len(found.exhausted),
        }
    )


def report_work(worker: Worker, failures: Sequence[Any], said: dict[str, Any]) -> None:
    """Tell what became of packages, how much was asked, and which messages come again."""
    results = sum(worker.results.values(), Counter[RefreshStatus]())
    said |= _count_results(results, sum(worker.requests.values()))
    said["hosts"] = {
        host: _count_results(of_host, worker.requests.get(host, 0))
        for host, of_host in worker.results.items()
    }
    said["failures"] = failures


def _count_results(results: Counter[RefreshStatus], requests: int) -> dict[str, int]:
    answered = results[RefreshStatus.CHANGED] + results[RefreshStatus.UNCHANGED]
    counts = {str(result): results[result] for result in RefreshStatus}
    return {"refreshed": answered, **counts, "requests": requests}


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
