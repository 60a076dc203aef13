"""The refresh put together from the settings, for functions and commands."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from chalicelib import settings, telemetry
from chalicelib.refresh import enrolment, metrics, planner, queue
from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.hosts.registry import hosts
from chalicelib.refresh.tokens import tokens
from chalicelib.refresh.worker import Worker
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.settings import Settings


def all_hosts(configured: Settings) -> dict[str, Host]:
    """Return every host that may be asked, with its token; raises TokenUnavailable."""
    known: dict[str, Host] = hosts(configured.upstreams, tokens(configured.upstreams))
    return known


def worker_of(configured: Settings, known: Mapping[str, Host], runtime: WorkerContext) -> Worker:
    """Return a worker that the settings configure."""
    return Worker(known, _every(configured), user_agent(configured), runtime)


def _every(configured: Settings) -> timedelta:
    return timedelta(seconds=configured.refresh_seconds)


def user_agent(configured: Settings) -> str:
    """Return the User-Agent, with the operator's contact: hosts ask for both."""
    contact = configured.upstreams.contact.replace("\r", " ").replace("\n", " ").strip()
    return f"packgrid/0.1 (+{contact})" if contact else "packgrid/0.1"


def plan(runtime: WorkerContext | None = None) -> planner.Planned:
    """Send the sources that are due to the queue."""
    now = (runtime or WorkerContext()).now()
    with telemetry.reported("plan") as said:
        configured = settings.from_environment()
        planned = planner.plan(all_hosts(configured), now, queue.send, _every(configured))
        metrics.planned(planned, now, said)
    return planned


def enrol(runtime: WorkerContext | None = None) -> enrolment.Enrolled:
    """Update the table of sources from the catalogue."""
    at = runtime or WorkerContext()
    with telemetry.reported("enrol") as said:
        enrolled = enrolment.enrol(settings.from_environment().upstreams, at.now().timestamp())
        said |= asdict(enrolled)
    return enrolled
