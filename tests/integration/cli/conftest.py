"""Fixtures: a simulated world of hosts and what leads a command there, on a frozen clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chalicelib import clock
from chalicelib.cli.__main__ import main
from tests.support.fixtures import write
from tests.support.printed import Row, by_first, tables
from tests.support.upstream.asking import FakeTime
from tools.fakehosts import World


@dataclass(slots=True)
class Site:
    """A world, the clock that it shares with the commands, and what they print."""

    world: World
    time: FakeTime
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    #: What the last command printed.
    out: str = field(default="")
    err: str = field(default="")

    def run(self, *arguments: str) -> int:
        """Run a command at the clock's instant; its exit code."""
        self.monkeypatch.setenv(clock.FREEZE_VARIABLE, self.time.now().isoformat())
        try:
            return main(list(arguments))
        finally:
            self.out, self.err = self.capsys.readouterr()

    def load(self) -> None:
        """Load the world's catalogue."""
        file = write(self.folder / "world.json", self.world.build_records())
        assert self.run("load", "--strict", str(file)) == 0

    def table(self, place: int = 0) -> dict[str, Row]:
        """A table that was printed, by host."""
        return by_first(tables(self.out)[place])

    def counts(self, host: str) -> dict[str, int]:
        """What the summary says of a host, without what is 0."""
        row = self.table()[host]
        numbers = {name: int(cell) for name, cell in row.items() if name != "host"}
        return {name: number for name, number in numbers.items() if number}

    def asked(self) -> dict[str, int]:
        """Requests by host since the world's log was last forgotten."""
        found: dict[str, int] = {}
        for (host, _, _), number in self.world.log.counts.items():
            found[host] = found.get(host, 0) + number
        return found

    def of(self, host: str) -> int:
        """A package of a host."""
        return next(made.id for made in self.world.packages.values() if self.host(made.id) == host)

    def host(self, package: int) -> str:
        """The host of a package, as the world names it."""
        return self.world.repositories[package].host


@pytest.fixture
def site(
    tables: None,
    bucket: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    """24 packages, of each host one at least; loaded."""
    time = FakeTime()
    with World(seed=3, packages=24, clock=time) as world:
        environment = world.get_environment()
        # Its limit makes it slow, and no command is about it.
        del environment["DOWNLOADS_URL"]
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        site = Site(world, time, tmp_path, monkeypatch, capsys)
        site.load()
        yield site
    assert not world.violations
