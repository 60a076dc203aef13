"""``refresh`` on a bad day: hosts that fail, limits, and a person who has seen enough."""

import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib import clock
from chalicelib.storage import refresh_state, sources
from tests.integration.cli.conftest import Site
from tests.support import printed, process, state
from tests.support.aws import failing
from tests.support.fixtures import write
from tests.support.upstream.asking import FakeTime
from tools.fakehosts import World, builder, events
from tools.fakehosts.replay import Replay
from tools.fakehosts.request_log import RequestLog


@contextmanager
def nobody_listening() -> Iterator[str]:
    """An address at which nobody listens, and nobody else can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_hosts_that_fail_do_not_stop_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    codeberg, bitbucket = site.of(builder.CODEBERG), site.of(builder.BITBUCKET)
    path = f"/api/v1/repos/{site.world.get_truth(codeberg).address}"
    with Replay.from_routes({f"GET {path}": [(500, {}, b"")]}) as broken, nobody_listening() as url:
        monkeypatch.setenv("CODEBERG_API_URL", broken.url)
        monkeypatch.setenv("BITBUCKET_API_URL", url)
        assert site.run("refresh") == 1
        assert broken.targets == [f"GET {path}"] * 3
    assert site.counts("codeberg") == {"failed": 1, "requests": 3}
    assert site.counts("bitbucket")["failed"] == 1
    assert site.counts("github")["changed"] == 17
    assert site.counts("index")["changed"] == 22
    lines = site.out.splitlines()
    assert "codeberg: 1 x status 500" in lines
    assert "bitbucket: 1 x ConnectionError" in lines
    # What failed is due again soon, and a good day makes up for it.
    assert site.run("status") == 0
    assert {site.table()[host]["failing"] for host in ("codeberg", "bitbucket")} == {"1"}
    assert "codeberg: 1 x status 500" in site.out.splitlines()
    for host in (builder.CODEBERG, builder.BITBUCKET):
        monkeypatch.setenv(f"{host.upper()}_API_URL", site.world.urls[host])
    site.time.advance(minutes=11)
    assert site.run("refresh", "--host", "codeberg") == 0
    assert site.run("refresh", "--host", "bitbucket") == 0
    assert site.counts("bitbucket")["changed"] == 1
    site.run("status")
    assert site.table()["all"]["failing"] == "0"
    for package in (codeberg, bitbucket):
        assert not sources.get_package_sources(package)[0].reason


def test_what_is_gone_is_no_failure_of_the_run(site: Site) -> None:
    site.world.trigger(site.of(builder.CODEBERG), events.DELETE)
    assert site.run("refresh", "--host", "codeberg") == 0
    assert site.counts("codeberg") == {"gone": 1, "requests": 1}
    assert "codeberg: 1 x 404 Not Found" in site.out.splitlines()
    site.run("status")
    assert site.table()["codeberg"]["gone"] == "1"


def test_a_limit_puts_off_and_waiting_for_it_too_long_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/repos/{site.world.get_truth(site.of(builder.CODEBERG)).address}"
    with Replay.from_routes({f"GET {path}": [(429, {"Retry-After": "7200"}, b"")]}) as limited:
        monkeypatch.setenv("CODEBERG_API_URL", limited.url)
        assert site.run("refresh", "--host", "codeberg", "--wait") == 0
        assert len(limited.requests) == 1
        assert site.counts("codeberg") == {"later": 1, "requests": 1}
        # Nor is it asked before its time, due or not.
        assert site.run("refresh", "--host", "codeberg", "--all") == 0
        assert len(limited.requests) == 1
    site.run("status")
    blocked = site.table(1)["codeberg"]["blocked until"]
    assert blocked == f"{site.time.now() + timedelta(hours=2):%Y-%m-%d %H:%M:%S}"


def test_a_host_that_others_are_asking_is_left_to_them(site: Site) -> None:
    now = site.time.now().timestamp()
    slot = refresh_state.acquire_slot("codeberg", 1, "another worker", now, now + 900)
    assert slot is not None
    assert site.run("refresh", "--host", "codeberg") == 1
    assert site.counts("codeberg") == {"later": 1}
    assert "codeberg: 1 x other workers hold every slot" in site.out.splitlines()
    said = (
        "packgrid: another worker, or one that died, holds the slots of codeberg; "
        "try again in 15 minutes\n"
    )
    assert site.err == said
    assert site.asked() == {}
    # Where something else could be asked, it is no failure; it is said all the same.
    assert site.run("refresh") == 0
    assert site.err == said
    assert (site.counts("codeberg"), site.counts("bitbucket")["changed"]) == ({"later": 1}, 1)
    refresh_state.release_slot(slot, "another worker")
    assert site.run("refresh", "--host", "codeberg") == 0
    assert site.counts("codeberg")["changed"] == 1


def test_a_database_that_fails_ends_the_run_and_what_is_left_stays_due(site: Site) -> None:
    with failing("TransactWriteItems", lambda arguments: True):
        assert site.run("refresh", "--host", "gitlab") == 2
    assert "request to http://127.0.0.1:" in site.err
    # What was asked is told, though nothing came of it.
    assert site.counts("gitlab")["requests"] == site.asked()[builder.GITLAB]
    assert site.run("refresh", "--host", "gitlab", "--dry-run") == 0
    assert site.table()["gitlab"]["sources"] == "2"


class _Waiting(RequestLog):
    """A log that holds the first request up until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def add_request(self, host: str, kind: str, status: int, packages: tuple[int, ...]) -> None:
        super().add_request(host, kind, status, packages)
        self.begun.set()
        self.may_go_on.wait(30)


def test_an_interrupted_run_keeps_what_it_has_and_loses_nothing(
    tables: None, bucket: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = FakeTime()
    monkeypatch.setenv(clock.FREEZE_VARIABLE, time.now().isoformat())
    # One host, one batch of 25 at a time.
    with World(seed=1, packages=40, clock=time, shares={builder.FORGEJO: 1}) as world:
        environment = {"SELF_HOSTED": world.get_environment()["SELF_HOSTED"]}
        file = write(tmp_path / "world.json", world.build_records())
        assert process.run("load", str(file), **environment).returncode == 0
        log = world.log = _Waiting()
        started = subprocess.Popen(
            [*process.COMMAND, "refresh", "--host", "git.forge.example"],
            env=process.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever runs the tests in the background has them ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert log.begun.wait(30)
        os.kill(started.pid, signal.SIGINT)
        log.may_go_on.set()
        out, err = started.communicate(timeout=60)
        assert started.returncode == 130
        ending = (
            "packgrid: finishing the requests in progress; press Ctrl-C again to stop at once\n"
        )
        assert err == ending + "packgrid: interrupted\n"
        # Search knows what it has by then.
        assert "search index: 40 entries" in out
        assert printed.by_first(printed.tables(out)[0])["git.forge.example"]["changed"] == "25"
        done = _rows_of_history()
        assert len(done) == 25
        # The host's budget, too, is as if it had gone on.
        time.advance(hours=1)
        environment[clock.FREEZE_VARIABLE] = time.now().isoformat()
        again = process.run("refresh", "--host", "git.forge.example", **environment)
        assert again.returncode == 0
        (row,) = printed.tables(again.stdout)[0]
        assert (row["changed"], row["later"]) == ("15", "0")
    assert sorted(_rows_of_history().values()) == [1] * 40
    state.assert_sound()


def test_a_second_interruption_ends_a_run_at_once(site: Site) -> None:
    log = site.world.log = _Waiting()
    started = subprocess.Popen(
        [*process.COMMAND, "refresh", "--host", "codeberg"],
        env=process.environment(**{clock.FREEZE_VARIABLE: site.time.now().isoformat()}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert log.begun.wait(30)
    os.kill(started.pid, signal.SIGINT)
    assert started.stderr is not None
    assert "press Ctrl-C again to stop at once" in started.stderr.readline()
    os.kill(started.pid, signal.SIGINT)
    try:
        # The request is still under way.
        _, err = started.communicate(timeout=20)
    finally:
        log.may_go_on.set()
    assert (started.returncode, err) == (130, "packgrid: interrupted\n")


def _rows_of_history() -> Counter[str]:
    """Rows of history by package."""
    return Counter(
        row["package_id"]["N"] for (kind, _), row in state.rows().items() if kind == "history"
    )
