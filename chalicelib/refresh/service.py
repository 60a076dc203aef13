"""The refresh assembled from the settings, for functions and commands."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from chalicelib import __version__, settings, telemetry
from chalicelib.refresh import enrolment, metrics, planner, queue
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.registry import build_hosts, check_settings, select_settings
from chalicelib.refresh.tokens import get_tokens
from chalicelib.refresh.worker import Worker
from chalicelib.refresh.worker_context import WorkerContext
from chalicelib.settings import Settings


def load_hosts(configured: Settings) -> dict[str, Host]:
    """Return every configured host by name, with its token; raises TokenUnavailable."""
    upstreams = select_settings(configured.upstreams)
    return build_hosts(upstreams, get_tokens(upstreams))


def check_hosts() -> None:
    """Raise BadSetting if a host cannot be built from the settings; ask nothing."""
    check_settings(settings.from_environment().upstreams)


def build_worker(configured: Settings, hosts: Mapping[str, Host], context: WorkerContext) -> Worker:
    """Return a worker for the hosts, with the interval and the User-Agent of the settings."""
    return Worker(hosts, _get_interval(configured), build_user_agent(configured), context)


def build_user_agent(configured: Settings) -> str:
    """Return the User-Agent: the version, and the operator's contact if one is configured."""
    contact = configured.upstreams.contact.replace("\r", " ").replace("\n", " ").strip()
    product = f"packgrid/{__version__}"
    return f"{product} (+{contact})" if contact else product


def plan(context: WorkerContext | None = None) -> planner.PlanReport:
    """Send the sources that are due to the queue, and log a line about it."""
    now = (context or WorkerContext()).now()
    with telemetry.log_run("plan") as log_fields:
        configured = settings.from_environment()
        report = planner.plan(load_hosts(configured), now, queue.send, _get_interval(configured))
        metrics.report_plan(report, now, log_fields)
    return report


def enrol(context: WorkerContext | None = None) -> enrolment.EnrolmentReport:
    """Update the table of sources from the catalogue, and log a line about it."""
    now = (context or WorkerContext()).now()
    with telemetry.log_run("enrol") as log_fields:
        report = enrolment.enrol(settings.from_environment().upstreams, now.timestamp())
        log_fields |= asdict(report)
    return report


def _get_interval(configured: Settings) -> timedelta:
    return timedelta(seconds=configured.refresh_seconds)
