"""What the schedule, the queue and the command line call: everything put together."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from chalicelib import settings, telemetry
from chalicelib.refresh import enrolment, metrics, planner, queue
from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.hosts.registry import hosts
from chalicelib.refresh.tokens import tokens
from chalicelib.refresh.worker import Worker
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.settings import Settings

#: Of a Lambda's time, what is left for writing when no more is asked.
_MARGIN_SECONDS = 10.0


def all_hosts(configured: Settings) -> dict[str, Host]:
    """Every host that may be asked, with its token; raises TokenUnavailable."""
    known: dict[str, Host] = hosts(configured.upstreams, tokens(configured.upstreams))
    return known


def worker_of(configured: Settings, known: Mapping[str, Host], runtime: WorkerContext) -> Worker:
    """A worker as the settings want it."""
    return Worker(known, _every(configured), user_agent(configured), runtime)


def _every(configured: Settings) -> timedelta:
    return timedelta(seconds=configured.refresh_seconds)


def user_agent(configured: Settings) -> str:
    """Who asks, and whom to write to: hosts want to know both."""
    contact = configured.upstreams.contact.replace("\r", " ").replace("\n", " ").strip()
    return f"packgrid/0.1 (+{contact})" if contact else "packgrid/0.1"


def plan(runtime: WorkerContext | None = None) -> planner.Planned:
    """Send what is due to the queue."""
    now = (runtime or WorkerContext()).now()
    with telemetry.reported("plan") as said:
        configured = settings.from_environment()
        planned = planner.plan(all_hosts(configured), now, queue.send, _every(configured))
        metrics.planned(planned, now, said)
    return planned


def enrol(runtime: WorkerContext | None = None) -> enrolment.Enrolled:
    """Bring the sources up to date with the catalogue."""
    at = runtime or WorkerContext()
    with telemetry.reported("enrol") as said:
        enrolled = enrolment.enrol(settings.from_environment().upstreams, at.now().timestamp())
        said |= asdict(enrolled)
    return enrolled


def work(event: Iterable[Mapping[str, Any]], seconds_left: float) -> dict[str, Any]:
    """Work on the records of an SQS event within the time that Lambda gives."""
    import time

    end = time.monotonic() + seconds_left - _MARGIN_SECONDS
    runtime = WorkerContext(seconds_left=lambda: end - time.monotonic())
    with telemetry.reported("work") as said:
        configured = settings.from_environment()
        worker = worker_of(configured, all_hosts(configured), runtime)
        answer = queue.handle(worker, event)
        metrics.worked(worker, answer["batchItemFailures"], said)
    return answer
