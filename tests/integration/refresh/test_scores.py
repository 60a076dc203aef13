"""What a refresh changes of a package's score, and what the search then shows of it."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from chalicelib import clock
from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.cli.__main__ import main
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.search.cache import IndexCache
from tests.support.api_client import ask
from tests.support.fixtures import write
from tests.support.refresh_site import Site, history, read
from tests.support.serving import answering
from tests.support.state import assert_sound
from tests.support.toy_host import Toy
from tests.support.upstream.asking import FakeTime
from tools.fakehosts import Truth, World, builder, events
from tools.fakehosts.replay import Replay

pytestmark = pytest.mark.usefixtures("tables", "bucket")

SHARES = {builder.GITHUB: 0.8, builder.GITLAB: 0.2}


def wanted(truth: Truth, now: datetime) -> int:
    """The original's rule: a tenth less for each three months without a commit, or once where
    none is known; 30 % of at most 1,000 stars less without Python 3; -500 at least.
    """
    quarters = 1
    if truth.last_commit is not None:
        quarters = int((now - truth.last_commit).days / 30.44) // 3
    has_python3 = truth.project is not None and any(
        classifier.startswith("Programming Language :: Python :: 3")
        for classifier in truth.project.classifiers
    )
    less = 0 if has_python3 else min(truth.stars, 1000) * 0.3
    return max(-500, int(truth.stars - truth.stars * quarters / 10 - less))


def test_scores_follow_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime()
    with World(seed=4, packages=20, clock=time, shares=SHARES) as world:
        for name, value in world.get_environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DOWNLOADS_URL")
        monkeypatch.setenv(clock.FREEZE_VARIABLE, time.now().isoformat())
        assert main(["load", str(write(tmp_path / "world.json", world.build_records()))]) == 0
        assert {read(package).score or 0 for package in world.packages} == {0}
        assert main(["refresh"]) == 0
        scores = {
            package: wanted(world.get_truth(package), time.now()) for package in world.packages
        }
        assert {package: read(package).score for package in world.packages} == scores
        assert len(set(scores.values())) > 10
        # A year later, one is pushed to and one has another star; the others only grew old.
        time.advance(days=400)
        monkeypatch.setenv(clock.FREEZE_VARIABLE, time.now().isoformat())
        world.trigger(1, events.PUSH)
        world.trigger(2, events.STAR)
        assert main(["refresh"]) == 0
        later = {
            package: wanted(world.get_truth(package), time.now()) for package in world.packages
        }
        assert {package: read(package).score for package in world.packages} == later
        assert sum(later[package] < scores[package] for package in later) > 10
        names = {package: made.name for package, made in world.packages.items()}
    assert_sound()
    # The tests of this process may have searched in another index a moment ago.
    monkeypatch.setattr("chalicelib.search.cache.INDEX_CACHE", IndexCache())
    _assert_search_shows(names, later)


def _assert_search_shows(names: dict[int, str], scores: dict[int, int]) -> None:
    with answering() as port:
        for package, name in names.items():
            found = ask(port, f"/api/v4/search/?q={quote(name)}").json
            assert {entry["slug"]: entry["score"] for entry in found}[name] == scores[package]


def test_a_score_falls_with_time_where_nothing_else_changes() -> None:
    site = Site(1).build()
    answers = [(200, {"ETag": '"e"'}, {"stars": 100}), (304, {}, b"")]
    with Replay.from_routes({"GET /owner/package-1": answers}) as replay:
        host = Toy(replay.url)
        assert site.results(host) == {1: RefreshStatus.CHANGED}
        # No commit is known: a tenth less, once; and 30 without Python 3.
        assert read(1).score == 60
        committed = site.time.now()
        changes.update(Package, 1, lambda found: replace(found, last_commit_date=committed))
        site.time.advance(days=400)
        assert site.results(host) == {1: RefreshStatus.UNCHANGED}
    # Four times three months.
    assert read(1).score == 30
    assert len(history(1)) == 1
    assert_sound()
