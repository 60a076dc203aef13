"""Trace which modules one request, one loaded record or one refreshed package pass through.

    python -m tools.trace_modules [--root CHECKOUT] [--list]

Runs the code of a checkout (by default this one) in a process of its own, against the embedded
engine and the simulated hosts, and prints for each scenario how many modules of ``chalicelib``
ran and how often a function of one module called a function of another. The scenarios use only
what stays the same from version to version: ``app``, the command line and the variables of the
environment. The few names that differ between versions are in ``_HOSTS`` and in ``Scenario.scope``.
"""

import argparse
import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGE = "chalicelib"
#: The simulated hosts as a module to run, newest name first.
_HOSTS = ("tools.fakehosts", "tests.upstream.world")
#: Modules that differ from a deployed function: the command line and the local engine.
_NOT_TRACED = ("chalicelib.cli", "chalicelib.local")
_PACKAGES = 20


@dataclass(slots=True)
class Trace:
    """The modules that ran, in order of their first call, and the calls between two of them."""

    calls: Counter[str] = field(default_factory=Counter)
    switches: Counter[tuple[str, str]] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return the trace as plain values."""
        pairs = [[caller, called, count] for (caller, called), count in self.switches.items()]
        return {"calls": dict(self.calls), "switches": pairs}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "Trace":
        """Return the trace that ``as_json`` wrote."""
        switches = {(caller, called): count for caller, called, count in raw["switches"]}
        return cls(Counter(raw["calls"]), Counter(switches))


class Tracer:
    """Profiles the threads of a block and records calls between modules of a package.

    ``scope`` names modules: if it is not empty, only calls beneath a function of these modules
    are recorded. Code that runs while a module is imported is left out.
    """

    def __init__(
        self,
        root: Path,
        package: str = PACKAGE,
        scope: Sequence[str] = (),
        excluded: Sequence[str] = (),
    ) -> None:
        self.trace = Trace()
        self._folder = str(root.resolve() / package) + os.sep
        self._root = root.resolve()
        self._scope = scope
        self._excluded = excluded
        self._modules: dict[CodeType, str | None] = {}
        self._threads = threading.local()
        self._lock = threading.Lock()

    @contextmanager
    def record(self) -> Iterator[Trace]:
        """Record this thread and those that start within the block."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield self.trace
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _profile(self, frame: FrameType, event: str, _argument: object) -> None:
        if event not in ("call", "return"):
            return
        module = self._get_module(frame.f_code)
        if module is None or _is_within(module, self._excluded):
            return
        thread = self._threads
        if not hasattr(thread, "stack"):
            #: The recorded calls that this thread is in, with their modules.
            thread.stack = []
            #: The outermost module that this thread is importing.
            thread.imported = None
        if event == "return":
            if thread.imported is frame:
                thread.imported = None
            elif thread.stack and thread.stack[-1][0] is frame:
                thread.stack.pop()
        elif thread.imported is None:
            if frame.f_code.co_name == "<module>":
                thread.imported = frame
            elif self._is_recorded(module, bool(thread.stack)):
                self._add_call(module, thread.stack)
                thread.stack.append((frame, module))

    def _add_call(self, module: str, stack: list[tuple[FrameType, str]]) -> None:
        with self._lock:
            self.trace.calls[module] += 1
            if stack and stack[-1][1] != module:
                self.trace.switches[stack[-1][1], module] += 1

    def _is_recorded(self, module: str, is_beneath: bool) -> bool:
        return is_beneath or not self._scope or _is_within(module, self._scope)

    def _get_module(self, code: CodeType) -> str | None:
        """Return the dotted name of the module of a code object, None outside the package."""
        if code not in self._modules:
            name = None
            if code.co_filename.startswith(self._folder):
                path = Path(code.co_filename).relative_to(self._root).with_suffix("")
                name = ".".join(path.parts).removesuffix(".__init__")
            self._modules[code] = name
        return self._modules[code]


def _is_within(module: str, names: Sequence[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something to trace; ``scope`` are the modules at which recording begins, by any name."""

    name: str
    run: Callable[["Catalogue"], None]
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The loaded catalogue: its records, and a folder for further fixtures."""

    folder: Path
    records: list[dict[str, Any]]

    @property
    def package(self) -> dict[str, Any]:
        """The first package with a repository on GitHub, as a fixture record."""
        return next(
            record
            for record in self.records
            if record["model"] == "package.package"
            and record["fields"]["repo_url"].startswith("https://github.com/")
        )


def _get_detail(catalogue: Catalogue) -> None:
    _get(f"/api/v4/packages/{catalogue.package['pk']}/")


def _get_search(catalogue: Catalogue) -> None:
    _get(f"/api/v4/search/?q={catalogue.package['fields']['slug']}")


def _load_record(catalogue: Catalogue) -> None:
    package = catalogue.package
    name = "one-more-package"
    fields = {**package["fields"], "title": name, "slug": name, "pypi_url": ""}
    fields["repo_url"] = f"https://github.com/owner/{name}"
    path = catalogue.folder / "one.json"
    path.write_text(json.dumps([{**package, "pk": 1_000_000, "fields": fields}]))
    _run_command("load", str(path))


def _refresh_package(catalogue: Catalogue) -> None:
    _run_command("refresh", "--package", catalogue.package["fields"]["slug"])


SCENARIOS = (
    Scenario("a detail", _get_detail),
    Scenario("a search", _get_search),
    Scenario(
        "a loaded record",
        _load_record,
        ("chalicelib.importer.loader", "chalicelib.catalog.loading.load"),
    ),
    Scenario(
        "a refreshed package",
        _refresh_package,
        ("chalicelib.refresh.worker", "chalicelib.refresh.working"),
    ),
)


def _get(path: str) -> None:
    from chalice.test import Client

    import app

    with Client(app.app) as client:
        response = client.http.get(
            path, headers={"Host": "localhost", "Accept": "application/json"}
        )
    if response.status_code != 200:
        raise RuntimeError(f"GET {path}: {response.status_code} {response.body!r}")


def _run_command(*arguments: str) -> None:
    output = io.StringIO()
    previous = sys.argv
    sys.argv = ["packgrid", *arguments]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            runpy.run_module(f"{PACKAGE}.cli", run_name="__main__")
    except SystemExit as error:
        if error.code:
            message = f"{' '.join(arguments)}: exit code {error.code}\n{output.getvalue()}"
            raise RuntimeError(message) from error
    finally:
        sys.argv = previous


def trace_scenarios(root: Path) -> dict[str, Trace]:
    """Trace all scenarios in this process; ``root`` must be first on ``sys.path``."""
    from chalicelib.local.engine import Engine

    traces = {}
    with tempfile.TemporaryDirectory() as name, Engine(Path(name) / "engine", persist=False) as own:
        os.environ.update(own.environment)
        path = Path(name) / "catalogue.json"
        with _simulate_hosts(root, path) as environment:
            os.environ.update(environment)
            _run_command("init")
            _run_command("load", str(path))
            catalogue = Catalogue(Path(name), json.loads(path.read_text()))
            # Once without tracing, so that caches are warm as in a process that serves.
            _get_detail(catalogue)
            _get_search(catalogue)
            for scenario in SCENARIOS:
                tracer = Tracer(root, scope=scenario.scope, excluded=_NOT_TRACED)
                with tracer.record() as trace:
                    scenario.run(catalogue)
                traces[scenario.name] = trace
    return traces


@contextmanager
def _simulate_hosts(root: Path, catalogue: Path) -> Iterator[dict[str, str]]:
    """Run the checkout's simulated hosts; yield the environment that leads to them."""
    module = next(name for name in _HOSTS if (root / name.replace(".", os.sep)).is_dir())
    command = [sys.executable, "-m", module, "--packages", str(_PACKAGES), "--seed", "1"]
    with subprocess.Popen(
        [*command, "--catalogue", str(catalogue)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} did not start")
        try:
            yield json.loads(line)["environment"]
        finally:
            process.stdin.close()


def format_traces(traces: dict[str, Trace]) -> str:
    """Return the number of modules and of calls between modules, a line for each scenario."""
    lines = [f"{'':<22}{'modules':>8}{'calls between modules':>24}"]
    lines += [
        f"{name:<22}{len(trace.calls):>8}{trace.switches.total():>24,}"
        for name, trace in traces.items()
    ]
    return "\n".join(lines)


def format_modules(traces: dict[str, Trace]) -> str:
    """Return the modules of each scenario with the number of calls, in order of appearance."""
    lines = []
    for name, trace in traces.items():
        lines += ["", name]
        lines += [f"{count:8,} {module}" for module, count in trace.calls.items()]
    return "\n".join(lines)


def run_traces(root: Path) -> dict[str, Trace]:
    """Trace all scenarios of a checkout in a process of its own."""
    script = Path(__file__).resolve()
    # Variables of this environment could lead to real tables or hosts.
    names = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    process = subprocess.run(
        [sys.executable, "-BP", str(script), "--inside", "--root", str(root.resolve())],
        cwd=root,
        env={**environment, "PYTHONPATH": str(root.resolve())},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {name: Trace.from_json(raw) for name, raw in json.loads(process.stdout).items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Trace the scenarios of a checkout and print a table; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.trace_modules", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout to trace")
    parser.add_argument("--list", action="store_true", help="also list the modules")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside:
        traces = trace_scenarios(options.root.resolve())
        print(json.dumps({name: trace.as_json() for name, trace in traces.items()}))
        return 0
    try:
        traces = run_traces(options.root)
    except subprocess.CalledProcessError as error:
        print(f"trace_modules: the traced process ended with {error.returncode}", file=sys.stderr)
        return 2
    print(format_traces(traces))
    if options.list:
        print(format_modules(traces))
    return 0


if __name__ == "__main__":
    sys.exit(main())
