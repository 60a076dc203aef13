"""The HTTP interface that controls simulated hosts in a process of their own."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from tools.fakehosts.clocks import FrozenClock, SystemClock
from tools.fakehosts.faults import Faults
from tools.fakehosts.server import Request, Response
from tools.fakehosts.world import World


class Control:
    """Handles requests for ``/_world/...``; parameters are in the query, responses are JSON.

    - ``GET counts``: requests by host, kind and status; violations, faults, errors
    - ``GET requests?packages=1,2``: requests about these packages by host, and how many the
      original's updater would have sent
    - ``GET truth?package=1``: the figures that a perfect refresh would store
    - ``POST advance?day=1&repositories=0.03&projects=0.04``: change these shares of the packages;
      returns the events by package
    - ``POST clock?seconds=60`` or ``?at=2026-11-24T00:00:00Z``: move a frozen clock
    - ``POST faults?rate=0.3&seed=1``: answer this share of requests with faults
    - ``POST forget``: reset the counts
    """

    def __init__(self, world: World, clock: FrozenClock | SystemClock) -> None:
        self._world = world
        self._clock = clock
        self._handlers: dict[str, Callable[[dict[str, str]], Any]] = {
            "GET counts": self._counts,
            "GET requests": self._requests,
            "GET truth": self._truth,
            "POST advance": self._advance,
            "POST clock": self._move_clock,
            "POST faults": self._faults,
            "POST forget": self._forget,
        }

    def handle(self, request: Request) -> Response:
        """Return the response to a request for the control port."""
        name = request.path.removeprefix("/_world/")
        handler = self._handlers.get(f"{request.method} {name}")
        if handler is None:
            return Response(
                404, {}, {"message": f"unknown call; use one of {sorted(self._handlers)}"}
            )
        return Response(200, {}, json.dumps(handler(request.query), default=_serialize))

    def _counts(self, query: dict[str, str]) -> Any:
        log = self._world.log
        counts = [[*key, count] for key, count in sorted(log.counts.items())]
        return {
            "counts": counts,
            "total": log.total,
            "common": log.common,
            "faults": log.faults,
            "violations": [
                {"host": violation.host, "what": violation.limit, "when": violation.at}
                for violation in log.violations
            ],
            "errors": self._world.errors,
        }

    def _requests(self, query: dict[str, str]) -> Any:
        packages = [int(part) for part in query["packages"].split(",")]
        originals = [self._world.get_original_requests(package) for package in packages]
        return {
            "requests": self._world.log.count_by_host(packages),
            "original": sum(original.total for original in originals),
            "original_look_ups": sum(original.look_ups for original in originals),
        }

    def _truth(self, query: dict[str, str]) -> Any:
        truth = self._world.get_truth(int(query["package"]))
        fields = {
            name: getattr(truth, name)
            for name in type(truth).__dataclass_fields__
            if name not in {"repository", "project"}
        }
        fields["weeks"] = truth.count_weekly_commits()
        fields["project"] = asdict(truth.project) if truth.project else None
        return fields

    def _advance(self, query: dict[str, str]) -> Any:
        shares = {
            name: float(query[name]) for name in ("repositories", "projects") if name in query
        }
        return asdict(self._world.advance(int(query["day"]), **shares))

    def _move_clock(self, query: dict[str, str]) -> Any:
        assert isinstance(self._clock, FrozenClock), "only a frozen clock can be moved"
        if "at" in query:
            self._clock.move_to(datetime.fromisoformat(query["at"]).astimezone(UTC))
        self._clock.advance(seconds=float(query.get("seconds", 0)))
        return {"now": self._clock.now()}

    def _faults(self, query: dict[str, str]) -> Any:
        rate = float(query.get("rate", 0))
        self._world.faults = Faults(rate, int(query.get("seed", 0))) if rate else None
        return {"rate": rate}

    def _forget(self, query: dict[str, str]) -> Any:
        self._world.log.clear()
        return {}


def _serialize(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
