"""A world under remote control, for whoever runs it as a process of its own."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from chalicelib import clock
from tests.support.upstream.asking import FakeTime
from tools.fakehosts.faults import Faults
from tools.fakehosts.server import Request, Response
from tools.fakehosts.world import World


class RealTime:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now."""
        return clock.now()


class Control:
    """Answers on ``/_world/...``; parameters stand in the query, answers are JSON.

    ``GET counts`` (requests by host, kind and status, violations, faults), ``GET
    requests?packages=1,2`` (requests by host about these packages, and the original's),
    ``GET truth?package=1``, ``POST advance?day=1&repositories=0.03&projects=0.04`` (what
    changed), ``POST clock?seconds=60`` or ``?at=2026-11-24T00:00:00Z`` (a frozen clock only),
    ``POST faults?rate=0.3&seed=1``, ``POST forget`` (begin counting anew).
    """

    def __init__(self, world: World, time: FakeTime | RealTime) -> None:
        self._world = world
        self._time = time
        self._answers: dict[str, Callable[[dict[str, str]], Any]] = {
            "GET counts": self._counts,
            "GET requests": self._requests,
            "GET truth": self._truth,
            "POST advance": self._advance,
            "POST clock": self._clock,
            "POST faults": self._faults,
            "POST forget": self._forget,
        }

    def answer(self, request: Request) -> Response:
        """The answer to a request to the control's own port."""
        name = request.path.removeprefix("/_world/")
        answer = self._answers.get(f"{request.method} {name}")
        if answer is None:
            return Response(404, {}, {"message": f"one of {sorted(self._answers)}"})
        return Response(200, {}, json.dumps(answer(request.query), default=_plain))

    def _counts(self, query: dict[str, str]) -> Any:
        log = self._world.log
        found = [[*key, count] for key, count in sorted(log.counts.items())]
        return {
            "counts": found,
            "total": log.total,
            "common": log.common,
            "faults": log.faults,
            "violations": [asdict(violation) for violation in log.violations],
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
        found = {
            name: getattr(truth, name)
            for name in type(truth).__dataclass_fields__
            if name not in {"repository", "project"}
        }
        found["weeks"] = truth.count_weekly_commits()
        found["project"] = asdict(truth.project) if truth.project else None
        return found

    def _advance(self, query: dict[str, str]) -> Any:
        shares = {
            name: float(query[name]) for name in ("repositories", "projects") if name in query
        }
        return asdict(self._world.advance(int(query["day"]), **shares))

    def _clock(self, query: dict[str, str]) -> Any:
        assert isinstance(self._time, FakeTime), "the real clock is not moved"
        if "at" in query:
            self._time.move_to(datetime.fromisoformat(query["at"]).astimezone(UTC))
        self._time.advance(seconds=float(query.get("seconds", 0)))
        return {"now": self._time.now()}

    def _faults(self, query: dict[str, str]) -> Any:
        rate = float(query.get("rate", 0))
        self._world.faults = Faults(rate, int(query.get("seed", 0))) if rate else None
        return {"rate": rate}

    def _forget(self, query: dict[str, str]) -> Any:
        self._world.log.clear()
        return {}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
