"""The progress bars: on a terminal, and nowhere else."""

import os
import pty
import re
import subprocess
from pathlib import Path

from chalicelib import clock
from tests.integration.cli.conftest import Site
from tests.support import process

_ESCAPE = "\x1b\\[[0-9?;]*[A-Za-z]"


def test_progress_is_drawn_on_a_terminal(tables: None, sample: Path) -> None:
    code, output, seen = process.on_a_terminal("load", "--strict", str(sample))
    assert code == 0
    for stage in ("Reading", "Finding latest versions", "Writing"):
        assert stage in seen
    assert "100%" in seen
    assert "Reading" not in output
    assert "package.package" in output


def test_no_progress_is_drawn_into_a_file(tables: None, sample: Path) -> None:
    done = process.run("load", "--dry-run", str(sample))
    assert (done.returncode, done.stderr) == (0, "")
    assert "%" not in done.stdout


def test_a_refresh_draws_a_line_for_each_host(site: Site) -> None:
    now = {clock.FREEZE_VARIABLE: site.time.now().isoformat()}
    code, output, seen = process.on_a_terminal("refresh", **now)
    assert code == 0
    for host, count in (("github", 17), ("index", 22), ("codeberg", 1)):
        drawn = _drawn(seen, host)
        assert drawn[2:6] == [f"{count}/{count}", "0:00:00", str(count), "changed"]
        # What is left of its scarcest budget.
        left, limit = (int(number.replace(",", "")) for number in drawn[7].split("/"))
        assert 0 < left < limit
    assert "\u2503" not in seen
    assert "requests" in output


def test_a_refresh_is_quiet_into_a_file(site: Site) -> None:
    now = {clock.FREEZE_VARIABLE: site.time.now().isoformat()}
    done = process.run("refresh", "--host", "index", **now)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    # However narrow a terminal would be, nothing is cut.
    assert "\u2026" not in done.stdout


def test_80_columns_have_room_for_all_that_a_refresh_says(site: Site) -> None:
    now = {clock.FREEZE_VARIABLE: site.time.now().isoformat()}
    seen = _on_80_columns("refresh", **now)
    assert "\u2026" not in seen
    for host, count in (("github", 17), ("index", 22), ("gitlab.forge.example", 1)):
        assert _drawn(seen, host)[2:6] == [f"{count}/{count}", "0:00:00", str(count), "changed"]
    plain = re.sub(_ESCAPE, "", seen)
    head, *_ = [line for line in plain.splitlines() if line.startswith("\u2503")]
    assert head.split("\u2503")[2:-1] == [
        "changed",
        "unchanged",
        "gone",
        "failed",
        "later",
        "overtaken",
        "requests",
    ]
    rows = [line for line in plain.splitlines() if line.startswith("\u2502")]
    assert {row.split("\u2502")[1].strip() for row in rows} >= {"github", "gitlab.forge.example"}
    assert max(len(row) for row in (head, *rows)) <= 80


def test_80_columns_have_room_for_a_status(site: Site) -> None:
    site.run("refresh")
    now = {clock.FREEZE_VARIABLE: site.time.now().isoformat()}
    seen = _on_80_columns("status", **now)
    assert "\u2026" not in seen
    assert len(re.findall("\u2502gitlab.forge.example *\u2502", re.sub(_ESCAPE, "", seen))) > 1


def _on_80_columns(*arguments: str, **values: str) -> str:
    """What a terminal of 80 columns gets that standard output and error both go to."""
    ours, theirs = pty.openpty()
    environment = process.environment(**values) | {"TERM": "xterm", "COLUMNS": "80"}
    command = [*process.COMMAND, *arguments]
    with subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs) as started:
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 4096):
                seen += data
        except OSError:
            # That is how a terminal of Linux ends.
            pass
        os.close(ours)
    assert started.returncode == 0
    return seen.decode()


def _drawn(seen: str, host: str) -> list[str]:
    """The words of a host's bar as it was drawn last."""
    lines = [re.sub(_ESCAPE, "", line).split() for line in seen.splitlines()]
    return [line for line in lines if line and line[0] == host][-1]
