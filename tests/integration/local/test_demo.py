"""``make demo``: the whole cycle in one command, which leaves nothing running."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import printed

REPOSITORY = Path(__file__).resolve().parents[3]
#: As after `make run`, which installs none of these.
CODE = """
import runpy, sys
for name in ("pytest", "hypothesis", "django", "xdist", "playwright", "mypy"):
    sys.modules[name] = None
runpy.run_module("tools.demo", run_name="__main__", alter_sys=True)
"""


def _start(folder: Path) -> subprocess.Popen[str]:
    """Start it in an environment that leads elsewhere, which it must not follow."""
    elsewhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "somebody",
        "PACKGRID_TABLE_PREFIX": "production-",
        "GITHUB_API_URL": "http://127.0.0.1:1",
        "GITHUB_TOKEN": "somebody's",
        "TMPDIR": str(folder),
    }
    return subprocess.Popen(
        [sys.executable, "-c", CODE, "--packages", "24"],
        cwd=REPOSITORY,
        env=os.environ | elsewhere,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that were started with this folder for temporary files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in environment and command:
            found.append(command.decode())
    return found


def test_it_shows_the_whole_cycle_and_leaves_nothing_behind(tmp_path: Path) -> None:
    out, err = (process := _start(tmp_path)).communicate(timeout=180)
    assert (process.returncode, err) == (0, "")
    load, first, counted, second, status, _budgets = printed.tables(out)
    assert [row["created"] for row in load if row["model"] == "package.package"] == ["24"]
    # Once everything is new; a day later only what happened at the hosts.
    assert {row["unchanged"] for row in first} == {"0"}
    assert sum(int(row["changed"]) for row in first) > 40
    assert {row["host"] for row in counted} == {"github"}
    by_host = {row["host"]: row for row in second}
    assert sum(int(row["changed"]) for row in second) == 3
    assert by_host["index"]["changed"] == "2"
    assert by_host["github"]["changed"] == "1"
    assert by_host["codeberg"]["gone"] == "1"
    assert sum(int(row["requests"]) for row in second) < sum(int(row["requests"]) for row in first)
    assert [row["gone"] for row in status if row["host"] == "all"] == ["1"]
    # The package's figures before and after, each time as the API answers.
    watchers = re.findall(r"^  repo_watchers: (\d+) -> (\d+)$", out, re.MULTILINE)
    assert watchers[0][0] == "0"
    assert watchers[0][1] == watchers[1][0]
    assert int(watchers[1][1]) > int(watchers[1][0])
    assert out.endswith("Engine, hosts and server are stopped.\n")
    assert _processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_everything_when_it_is_interrupted(tmp_path: Path, number: int) -> None:
    with _start(tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("2. The first refresh"):
                break
        assert len(_processes_of(tmp_path)) == 2
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("demo: interrupted; everything is stopped\n")
    assert "Traceback" not in err
    assert _processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
