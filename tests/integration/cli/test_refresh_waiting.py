"""``refresh --wait``: when it goes on with what was put off, and how that is counted."""

from pathlib import Path

import pytest

from chalicelib import clock
from chalicelib.cli.refresh_run import Selection, run_refresh
from chalicelib.storage import refresh_state
from tests.integration.cli.conftest import Site
from tests.support import printed, process
from tests.support.fixtures import write
from tests.support.upstream.asking import FakeTime
from tools.fakehosts import World, builder
from tools.fakehosts.replay import Replay


def _refresh(site: Site, host: str, *, is_all: bool = False) -> int:
    """``refresh --wait`` at a clock that sleeping moves on."""
    site.monkeypatch.setenv(clock.FREEZE_VARIABLE, site.time.now().isoformat())
    selection = Selection(is_all=is_all, host=host)
    try:
        return run_refresh(selection, lambda: None, wait=True, context=site.time.context())
    finally:
        site.out, site.err = site.capsys.readouterr()


def _hold(site: Site, host: str, slots: int, seconds: float) -> None:
    """Have workers that died hold slots of a host for so long."""
    now = site.time.now().timestamp()
    for number in range(slots):
        assert refresh_state.acquire_slot(host, slots, f"dead {number}", now, now + seconds)


def test_slots_that_others_hold_are_waited_for_in_steps(site: Site) -> None:
    _hold(site, "codeberg", 1, 50)
    assert _refresh(site, "codeberg") == 0
    assert site.time.slept[:2] == [30.0, 30.0]
    assert site.err.splitlines() == [
        "packgrid: waiting until 12:00:30 UTC",
        "packgrid: waiting until 12:01:00 UTC",
    ]
    # It was put off twice, and counts once.
    assert site.counts("codeberg") == {"changed": 1, "requests": site.asked()[builder.CODEBERG]}
    assert "other workers hold every slot" not in site.out


def test_what_is_not_due_is_tried_again_too_with_all(site: Site) -> None:
    assert site.run("refresh", "--host", "github") == 0
    site.time.advance(hours=1)
    site.world.log.clear()
    _hold(site, "github", 8, 50)
    assert _refresh(site, "github", is_all=True) == 0
    assert len(site.err.splitlines()) == 2
    counts = site.counts("github")
    assert set(counts) <= {"changed", "unchanged", "requests"}
    assert counts["unchanged"] + counts.get("changed", 0) == 17
    assert site.asked()[builder.GITHUB] > 0


def test_slots_that_are_never_free_are_not_waited_for_forever(site: Site) -> None:
    _hold(site, "codeberg", 1, 86_400)
    begun = site.time.now()
    assert _refresh(site, "codeberg") == 1
    assert 3600 < (site.time.now() - begun).total_seconds() < 5400
    assert site.counts("codeberg") == {"later": 1}
    assert "holds the slots of codeberg; try again in " in site.err.splitlines()[-1]


def test_one_slot_is_enough_for_all_batches(
    tables: None, bucket: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = FakeTime()
    monkeypatch.setenv(clock.FREEZE_VARIABLE, time.now().isoformat())
    # Three batches of 50 at most, each in a lane of its own.
    with World(seed=1, packages=110, clock=time, shares={builder.GITHUB: 1}) as world:
        environment = world.get_environment()
        file = write(tmp_path / "world.json", world.build_records())
        assert process.run("load", str(file), **environment).returncode == 0
        now = time.now().timestamp()
        for number in range(3):
            assert refresh_state.acquire_slot("github", 4, f"another {number}", now, now + 120)
        done = process.run("refresh", "--host", "github", **environment)
    (row,) = printed.tables(done.stdout)[0]
    assert (done.returncode, done.stderr) == (0, "")
    assert (row["changed"], row["later"]) == ("110", "0")


def test_a_package_that_a_limit_put_off_counts_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/repos/{site.world.get_truth(site.of(builder.CODEBERG)).address}"
    limited = (429, {"Retry-After": "60"}, b"")
    with Replay.from_routes({f"GET {path}": [limited, limited, (404, {}, b"")]}) as replay:
        monkeypatch.setenv("CODEBERG_API_URL", replay.url)
        assert _refresh(site, "codeberg") == 0
    assert site.counts("codeberg") == {"gone": 1, "requests": 3}
    assert "codeberg: 1 x 404 Not Found" in site.out.splitlines()
    assert len([line for line in site.out.splitlines() if line.startswith("codeberg: ")]) == 1
    assert len(site.err.splitlines()) == 2
