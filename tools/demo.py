"""The whole cycle on this machine, without tokens or a network: ``make demo``.

Starts the embedded engine and the simulated hosts, loads a catalogue made from them, serves it,
refreshes it, lets a day pass in which a few packages change, and refreshes it again. Everything
listens on loopback, and everything is stopped at the end or on Ctrl-C.
"""

import argparse
import http.client
import json
import os
import re
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from chalicelib import clock
from chalicelib.cli.command import INTERRUPTED
from chalicelib.local.engine import Engine, EngineError
from tools.fakehosts import events
from tools.fakehosts.world import World

#: Variables of the operator's shell that would lead commands elsewhere.
_FOREIGN = re.compile(r"(AWS|PACKGRID)_\w+|\w+_(TABLE|TOKEN|TOKEN_PARAMETER|API_URL)|SELF_HOSTED")
#: What the demo changes at the hosts, in plain words.
_EVENTS = {
    events.PUSH: "commits were pushed to {}, and it got stars",
    events.RELEASE: "a new version of {} was released",
    events.DELETE: "the repository of {} was deleted",
}


class _Terminated(BaseException):
    """SIGTERM: stop everything, as on Ctrl-C."""


class DemoClock:
    """A clock that stands still between steps, for the simulated hosts and the commands.

    It starts early in the day, so that it is the same day when the figures are due again. The weeks
    of a package's commits end with the day: on the next, packages change by that alone.
    """

    def __init__(self) -> None:
        self._now = datetime.now(UTC).replace(hour=0, minute=30, second=0, microsecond=0)
        self.advance(timedelta())

    def now(self) -> datetime:
        """Return the current instant."""
        return self._now

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        self._now += step
        os.environ[clock.FREEZE_VARIABLE] = self._now.isoformat()


class Demo:
    """The steps of the demo, on a running engine and running hosts."""

    def __init__(self, world: World, demo_clock: DemoClock, folder: Path, port: int) -> None:
        self.world = world
        self.clock = demo_clock
        self.folder = folder
        self.port = port
        self.package = next(
            id for id, repository in world.repositories.items() if repository.host == "github"
        )

    def run(self) -> None:
        """Run all steps."""
        _say(1, "The catalogue: packages whose figures nobody has asked for yet.")
        catalogue = self.folder / "catalogue.json"
        catalogue.write_text(json.dumps(self.world.build_records()))
        _run("load", str(catalogue))
        _say(2, "The first refresh asks every host about every package.")
        before = self._get_package()
        _run("refresh")
        print("\nGitHub was still counting the commits of some; ten minutes later it has:")
        self.clock.advance(timedelta(minutes=10))
        _run("refresh")
        refreshed = self._get_package()
        self._show_difference(before, refreshed)
        changed = self._change_hosts()
        _say(4, "The second refresh: packages that did not change cost next to no requests.")
        _run("refresh")
        self._show_difference(refreshed, self._get_package())
        print(f"\n{len(changed)} packages changed at the hosts: those changed or gone above.")
        _say(5, "The status of all sources: how old the figures are, and what fails.")
        _run("status")

    def _change_hosts(self) -> set[int]:
        """Let time pass in which something happens to a few packages; return their ids."""
        self.clock.advance(timedelta(hours=23))
        _say(3, "23 hours pass, so all figures are due again. Meanwhile, at the hosts:")
        projects = [id for id in self.world.projects if id != self.package]
        repositories = [id for id in self.world.repositories if id not in projects[:2]]
        event_by_package = {
            self.package: events.PUSH,
            projects[0]: events.RELEASE,
            projects[1]: events.RELEASE,
            next(
                id
                for id in repositories
                if id != self.package and self.world.repositories[id].host == "codeberg"
            ): events.DELETE,
        }
        for package, event in event_by_package.items():
            self.world.trigger(package, event)
            print(f"  {_EVENTS[event].format(self.world.packages[package].name)}")
        return set(event_by_package)

    def _get_package(self) -> dict[str, Any]:
        """Ask the API for the package that the demo follows."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", f"/api/v4/packages/{self.package}/?format=json")
            body: dict[str, Any] = json.load(connection.getresponse())
            return body
        finally:
            connection.close()

    def _show_difference(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Print the fields of a package that changed."""
        name = self.world.packages[self.package].name
        print(f"\nThe API's response for {name} before and after:")
        for field, value in after.items():
            if before[field] != value:
                print(f"  {field}: {_shorten(before[field])} -> {_shorten(value)}")


def main() -> int:
    """Run the demo; return an exit code as the commands' own."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--packages", type=int, default=60, help="how many packages to simulate")
    parser.add_argument("--stay", action="store_true", help="go on serving until Ctrl-C")
    options = parser.parse_args()
    if options.packages < 24:
        parser.error("--packages: at least 24, so that each host has one")
    signal.signal(signal.SIGTERM, _on_term)
    for name in [name for name in os.environ if _FOREIGN.fullmatch(name)]:
        del os.environ[name]
    try:
        with ExitStack() as started:
            _run_demo(options.packages, options.stay, started)
    except (KeyboardInterrupt, _Terminated):
        print("\ndemo: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
    except EngineError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    print("\nThat was the whole cycle. Engine, hosts and server are stopped.")
    return 0


def _run_demo(packages: int, is_staying: bool, started: ExitStack) -> None:
    """Start everything, run the steps; ``started`` stops it all."""
    folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="packgrid-demo-")))
    print("Starting the embedded engine, which stands in for DynamoDB and S3 ...")
    engine = started.enter_context(Engine(folder / "state", persist=False))
    os.environ.update(engine.environment)
    demo_clock = DemoClock()
    world = started.enter_context(World(seed=1, packages=packages, clock=demo_clock))
    environment = world.get_environment()
    # Its limit is so low that it would be most of the demo.
    del environment["DOWNLOADS_URL"]
    os.environ.update(environment)
    print(f"Simulating {', '.join(host for host in world.urls if host != 'downloads')}:")
    print(f"{packages} packages, real rate limits, no network.")
    _run("init")
    port = _serve(started)
    print(f"Serving http://127.0.0.1:{port}/api/v4/ while the demo runs.")
    Demo(world, demo_clock, folder, port).run()
    if is_staying:
        print(f"\nStill serving http://127.0.0.1:{port}/api/v4/ (Ctrl-C stops it)", flush=True)
        threading.Event().wait()


def _serve(started: ExitStack) -> int:
    """Serve the API on a free port; return the port."""
    import app
    from chalicelib.local.server import Gateway

    gateway = started.enter_context(Gateway(app.app, 0))
    threading.Thread(target=gateway.serve_forever, args=(0.05,), daemon=True).start()
    started.callback(gateway.shutdown)
    return gateway.port


def _run(*arguments: str) -> None:
    """Run a command of Packgrid's as an operator would; stop the demo if it is interrupted."""
    from chalicelib.cli.__main__ import main as packgrid

    print(f"\n$ packgrid {' '.join(arguments)}", flush=True)
    exit_code = packgrid(list(arguments))
    if exit_code == INTERRUPTED:
        raise KeyboardInterrupt
    if exit_code:
        raise SystemExit(exit_code)


def _say(number: int, text: str) -> None:
    print(f"\n{number}. {text}", flush=True)


def _shorten(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _on_term(number: int, frame: Any) -> NoReturn:
    raise _Terminated


if __name__ == "__main__":
    sys.exit(main())
