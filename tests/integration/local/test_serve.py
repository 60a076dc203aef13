"""``serve``, as ``make run`` starts it: from the command line to the last process gone."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.local_processes import engines_of, listening

REPOSITORY = Path(__file__).resolve().parents[3]
EXPECTED = Path(__file__).resolve().parents[1] / "api" / "package_3708.json"
SITE = {"Host": "djangopackages.org", "X-Forwarded-Proto": "https"}
SECONDS = 60


def _environment() -> dict[str, str]:
    """That of a newcomer: nothing of AWS, nothing of ours."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PACKGRID_"))
    }


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "chalicelib.cli", "serve", *arguments],
        cwd=REPOSITORY,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _serving(state: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """A server on a free port with an engine of its own; its process, port and second line."""
    process = _started("--engine", "--port", "0", "--state", str(state), *arguments)
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stdout
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/api/v4/", line):
                yield process, int(found[1]), process.stdout.readline()
                break
        else:
            _, said = process.communicate()
            raise AssertionError(f"it did not start: {said}")
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers=SITE)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _stopped(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    process.communicate(timeout=20)
    return process.returncode


def test_it_serves_the_sample_and_keeps_what_changed(tmp_path: Path, sample: Path) -> None:
    state = tmp_path / "state"
    with _serving(state, "--data", str(sample)) as (process, port, line):
        assert _get(port, "/api/v4/packages/3708/") == (200, EXPECTED.read_bytes().rstrip(b"\n"))
        assert len(engines_of(state)) == 1
        assert listening(port) == ["0100007F"]
        # What it says is what another terminal needs.
        variables = dict(word.split("=", 1) for word in line.split() if "=" in word)
        code = (
            "from chalicelib.catalog import changes, entities\nchanges.delete(entities.Package, 11)"
        )
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            env=_environment() | variables,
            check=True,
            timeout=SECONDS,
        )
        assert _get(port, "/api/v4/packages/11/")[0] == 404
        assert _stopped(process, signal.SIGINT) == 0
    assert (engines_of(state), listening(port)) == ([], [])
    with _serving(state, "--data", str(sample)) as (process, port, _):
        assert _get(port, "/api/v4/packages/3708/")[0] == 200
        assert _get(port, "/api/v4/packages/11/")[0] == 404
        assert _stopped(process, signal.SIGTERM) == 0
    assert engines_of(state) == []


def test_a_port_in_use_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        process = _started("--engine", "--port", port, "--state", str(tmp_path / "state"))
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert said == f"packgrid: port {port} is in use; take another: PORT=...\n"
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "there is no port 70000"),
        (["--port", "-1"], "there is no port -1"),
        (["--port", "0", "--host", "no.such.host.invalid"], ""),
        (["--port", "0", "--data", "no-such-file.json"], "no-such-file.json"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    process = _started("--engine", "--state", str(tmp_path), *arguments)
    _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert error.splitlines()[-1].startswith("packgrid: ")
    assert said in error
    assert "Traceback" not in error
    assert engines_of(tmp_path) == []


def test_one_state_is_served_once_at_a_time_and_may_be_empty(tmp_path: Path) -> None:
    with _serving(tmp_path) as (first, port, _):
        second = _started("--engine", "--port", "0", "--state", str(tmp_path))
        _, error = second.communicate(timeout=SECONDS)
        assert second.returncode == 2
        assert "in use by another engine" in error
        assert _get(port, "/api/v4/packages/") == (
            200,
            b'{"count":0,"next":null,"previous":null,"results":[]}',
        )
        assert _stopped(first, signal.SIGHUP) == 0
    assert engines_of(tmp_path) == []


def test_when_its_engine_dies_it_says_so_and_ends(tmp_path: Path) -> None:
    with _serving(tmp_path / "state") as (process, _, _):
        (engine,) = engines_of(tmp_path / "state")
        os.kill(engine, signal.SIGKILL)
        assert process.wait(SECONDS) == 2
        assert process.stderr
        assert "the engine stopped by itself" in process.stderr.read()


def test_another_catalogue_in_the_same_state_is_warned_of(tmp_path: Path, sample: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("[]")
    with _serving(tmp_path / "state", "--data", str(sample)) as (process, _, _):
        process.send_signal(signal.SIGINT)
        process.wait(SECONDS)
    with _serving(tmp_path / "state", "--data", str(other)) as (process, _, _):
        process.send_signal(signal.SIGINT)
        process.wait(SECONDS)
        assert process.stderr
        assert "WARNING: this state already holds another catalogue" in process.stderr.read()


def test_a_missing_catalogue_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with _started(
        "--engine", "--port", "0", "--state", str(tmp_path / "state"), "--data", "nothing.json"
    ) as process:
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert "nothing.json" in said
    assert not (tmp_path / "state").exists()
