"""The refresh put together from the settings, for functions and commands."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from chalicelib import settings, telemetry
from chalicelib.refresh import enrolment, metrics, planner, queue
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.registry import build_hosts, select_settings
from chalicelib.refresh.tokens import get_tokens
from chalicelib.refresh.worker import Worker
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.settings import Settings


def load_hosts(configured: Settings) -> dict[str, Host]:
    """Return every host that may be asked, with its token; raises TokenUnavailable."""
    upstreams = select_settings(configured.upstreams)
    return build_hosts(upstreams, get_tokens(upstreams))


def build_worker(configured: Settings, known: Mapping[str, Host], context: WorkerContext) -> Worker:
    """Return a worker that the settings configure."""
    return Worker(known, _get_interval(configured), build_user_agent(configured), context)


def _get_interval(configured: Settings) -> timedelta:
    return timedelta(seconds=configured.refresh_seconds)


def build_user_agent(configured: Settings) -> str:
    """Return the User-Agent, with the operator's contact: hosts ask for both."""
    contact = configured.upstreams.contact.replace("\r", " ").replace("\n", " ").strip()
    return f"packgrid/0.1 (+{contact})" if contact else "packgrid/0.1"


def plan(context: WorkerContext | None = None) -> planner.PlanReport:
    """Send the sources that are due to the queue."""
    now = (context or WorkerContext()).now()
    with telemetry.log_run("plan") as said:
        configured = settings.from_environment()
        planned = planner.plan(load_hosts(configured), now, queue.send, _get_interval(configured))
        metrics.report_plan(planned, now, said)
    return planned


def enrol(context: WorkerContext | None = None) -> enrolment.EnrolmentReport:
    """Update the table of sources from the catalogue."""
    at = context or WorkerContext()
    with telemetry.log_run("enrol") as said:
        enrolled = enrolment.enrol(settings.from_environment().upstreams, at.now().timestamp())
        said |= asdict(enrolled)
    return enrolled
