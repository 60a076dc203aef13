"""A batch from its message to what is stored."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import NoSlot
from chalicelib.storage.refresh_models import SourceItem
from tests.support.entities import THEN
from tests.support.refresh_site import Site, history, read, row, stars
from tests.support.state import assert_sound
from tests.support.toy_host import Toy
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables")

PATH = "GET /owner/package-"


def test_a_changed_figure_is_written_with_body_history_and_provenance() -> None:
    site = Site(1).build()
    with Replay.from_routes({PATH + "1": stars(7, ETag='"e"')}) as replay:
        assert site.results(Toy(replay.url)) == {1: RefreshStatus.CHANGED}
    found = read(1)
    assert (found.repo_watchers, found.last_fetched, found.modified) == (7, TODAY, THEN)
    assert found.score == 4
    assert history(1) == [{"repo_watchers": 7}]
    assert row(1).provenance == {"repo_watchers": ["toy", TODAY.isoformat(), 'etag:"e"']}
    assert row(1).state == {"etag": '"e"'}
    assert row(1).due == (TODAY + timedelta(hours=20)).timestamp()
    assert_sound()


def test_nothing_new_moves_last_fetched_and_leaves_the_rest() -> None:
    site = Site(1).build()
    routes: Routes = {PATH + "1": [(200, {"ETag": '"e"'}, {"stars": 7}), (304, {}, b"")]}
    with Replay.from_routes(routes) as replay:
        site.work(Toy(replay.url))
        before, provenance = read(1), row(1).provenance
        site.time.advance(days=1)
        assert site.results(Toy(replay.url)) == {1: RefreshStatus.UNCHANGED}
        assert replay.requests[1].headers["If-None-Match"] == '"e"'
    after = read(1)
    assert after.last_fetched == TODAY + timedelta(days=1)
    assert after == Package(
        **{name: getattr(before, name) for name in before.__slots__}
        | {"last_fetched": after.last_fetched}
    )
    assert row(1).provenance == provenance
    assert len(history(1)) == 1
    assert_sound()


def test_the_same_message_again_asks_nothing() -> None:
    site = Site(2).build()
    batch = site.batch()
    with Replay.from_routes({PATH + "1": stars(1), PATH + "2": stars(2)}) as replay:
        host = Toy(replay.url)
        site.work(host, batch)
        assert site.results(host, batch) == {}
        site.time.advance(hours=1)
        assert site.results(host, batch) == {}
        older = site.batch(planned=TODAY - timedelta(hours=1))
        assert site.results(host, older) == {}
        assert len(replay.requests) == 2


def test_a_result_that_another_worker_overtook_writes_nothing() -> None:
    site = Site(1).build()

    def overtaken(request: Any) -> Any:
        if len(replay.requests) == 1:
            # While the first waits for its answer, a second asks later and is done before.
            site.results(host, site.batch(planned=TODAY + timedelta(minutes=1)))
            return 200, {}, {"stars": 5}
        return 200, {}, {"stars": 6}

    with Replay.from_routes({PATH + "1": overtaken}) as replay:
        host = Toy(replay.url)
        assert site.results(host) == {1: RefreshStatus.SUPERSEDED}
    assert read(1).repo_watchers == 6
    assert history(1) == [{"repo_watchers": 6}]


def test_a_change_by_an_operator_meanwhile_is_kept() -> None:
    site = Site(1).build()

    def retitled(request: Any) -> Any:
        changes.update(Package, 1, lambda p: _retitled(p))
        return 200, {}, {"stars": 9}

    with Replay.from_routes({PATH + "1": retitled}) as replay:
        assert site.results(Toy(replay.url)) == {1: RefreshStatus.CHANGED}
    assert (read(1).title, read(1).repo_watchers) == ("Another title", 9)
    assert_sound()


def _retitled(package: Package) -> Package:
    from dataclasses import replace

    return replace(package, title="Another title")


def test_gone_is_recorded_with_its_date_and_erases_nothing() -> None:
    site = Site(1).build()
    routes: Routes = {PATH + "1": [(200, {}, {"stars": 7}), (404, {}, b""), (404, {}, b"")]}
    with Replay.from_routes(routes) as replay:
        host = Toy(replay.url)
        site.work(host)
        site.time.advance(days=1)
        assert site.results(host) == {1: RefreshStatus.GONE}
        since = site.time.now()
        assert row(1).gone_since == since.timestamp()
        assert row(1).due == (since + timedelta(days=1)).timestamp()
        site.time.advance(days=1)
        site.work(host)
    found = read(1)
    assert (found.repo_watchers, found.last_exception) == (7, "404 Not Found")
    assert (found.last_exception_at, found.last_exception_count) == (site.time.now(), 2)
    assert found.last_fetched == TODAY
    assert row(1).gone_since == since.timestamp()
    assert row(1).due == (site.time.now() + timedelta(days=2)).timestamp()


def test_what_comes_back_is_fresh_again() -> None:
    site = Site(1).build()
    routes: Routes = {PATH + "1": [(404, {}, b""), (200, {}, {"stars": 7})]}
    with Replay.from_routes(routes) as replay:
        host = Toy(replay.url)
        site.work(host)
        site.time.advance(days=1)
        assert site.results(host) == {1: RefreshStatus.CHANGED}
    found = read(1)
    assert (found.last_exception, found.last_exception_at) == (None, None)
    assert found.last_exception_count == 0
    after = row(1)
    assert after.failures == 0
    assert not after.attribute_values.keys() & {"reason", "failed_at", "gone_since"}


def test_what_keeps_failing_backs_off_up_to_a_week_and_is_not_dropped() -> None:
    site = Site(1).build()
    waits = []
    with Replay.from_routes({PATH + "1": [(200, {}, {"stars": "many"})]}) as replay:
        host = Toy(replay.url)
        for _ in range(14):
            assert site.results(host) == {1: RefreshStatus.FAILED}
            waits.append(float(row(1).due or 0) - site.time.now().timestamp())
            site.time.advance(seconds=waits[-1])
            assert [batch.packages for batch in site.planned(host)] == [(1,)]
            site.time.advance(seconds=1)
    assert waits[:3] == [600, 1200, 2400]
    assert waits[-1] == 7 * 86400
    assert row(1).reason == "stars is not a count"
    assert read(1).last_exception == "stars is not a count"


def test_a_host_that_is_down_is_left_alone_and_its_packages_are_not_blamed() -> None:
    site = Site(8).build()
    with Replay.from_routes({f"{PATH}{n}": [(500, {}, b"")] for n in range(1, 9)}) as replay:
        results = site.results(Toy(replay.url))
        assert len(replay.requests) == 9
    assert [results[n] for n in range(1, 9)] == [RefreshStatus.FAILED] * 3 + [
        RefreshStatus.POSTPONED
    ] * 5
    assert row(8).failures == 0
    assert read(8).last_exception is None


def test_a_limit_puts_the_rest_off_until_its_reset() -> None:
    site = Site(4).build()
    routes: Routes = {PATH + "1": stars(1), PATH + "2": [(429, {"Retry-After": "600"}, b"")]}
    with Replay.from_routes(routes) as replay:
        results = site.results(Toy(replay.url))
        assert len(replay.requests) == 2
    assert [results[n] for n in (1, 2, 3, 4)] == [RefreshStatus.CHANGED] + [
        RefreshStatus.POSTPONED
    ] * 3
    dues = [float(row(n).due or 0) - TODAY.timestamp() for n in (2, 3, 4)]
    assert all(600 <= due <= 630 for due in dues)


def test_a_worker_that_runs_out_of_time_puts_the_rest_back() -> None:
    site = Site(3).build()

    def slow(request: Any) -> Any:
        site.time.advance(seconds=20)
        return 200, {}, {"stars": 1}

    with Replay.from_routes({f"{PATH}{n}": slow for n in (1, 2, 3)}) as replay:
        host = Toy(replay.url)
        worker = site.worker(host)
        worker.context = site.time.context(45)
        done = {d.package_id: d.result for d in worker.work(site.batch(), "one")}
        assert done == {
            1: RefreshStatus.CHANGED,
            2: RefreshStatus.CHANGED,
            3: RefreshStatus.POSTPONED,
        }
        site.time.advance(minutes=1)
        assert [batch.packages for batch in site.planned(host)] == [(3,)]


def test_a_move_is_followed() -> None:
    site = Site(1).build()
    moved = {"stars": 7, "moved": "new-owner/new-name"}
    routes: Routes = {
        PATH + "1": [(200, {}, moved)],
        "GET /new-owner/new-name": [(200, {}, {"stars": 8})],
    }
    with Replay.from_routes(routes) as replay:
        host = Toy(replay.url)
        site.work(host)
        assert read(1).repo_url == "https://github.com/new-owner/new-name"
        assert_sound()
        site.time.advance(days=1)
        assert site.results(host) == {1: RefreshStatus.CHANGED}
    assert read(1).repo_watchers == 8


def test_a_move_to_where_another_package_is_keeps_the_address() -> None:
    site = Site(2).build()
    moved = {"stars": 7, "moved": "owner/package-2"}
    with Replay.from_routes({PATH + "1": [(200, {}, moved)]}) as replay:
        assert site.results(Toy(replay.url), site.batch(1)) == {1: RefreshStatus.CHANGED}
    assert read(1).repo_url == "https://github.com/owner/package-1"
    assert read(1).repo_watchers == 7
    assert_sound()


def test_a_fault_of_ours_ends_up_alone() -> None:
    site = Site(6).build()
    routes: Routes = {f"{PATH}{n}": stars(n) for n in range(1, 7)}
    routes = {**routes, PATH + "3": [(200, {}, {"break": True})]}
    with Replay.from_routes(routes) as replay:
        results = site.results(Toy(replay.url))
    assert results.pop(3) == RefreshStatus.FAILED
    assert set(results.values()) == {RefreshStatus.CHANGED}
    assert len(results) == 5
    assert row(3).reason == "internal error: RuntimeError"


def test_as_many_batches_at_once_as_the_host_allows() -> None:
    site = Site(4).build()
    with Replay.from_routes({f"{PATH}{n}": stars(n) for n in range(1, 5)}) as replay:
        host = Toy(replay.url)
        one = site.worker(host).work(site.batch(1, 2), "one")
        other = site.worker(host).work(site.batch(3), "other")
        next(one)
        next(other)
        with pytest.raises(NoSlot):
            site.work(host, site.batch(4), holder="third")
        assert [d.package_id for d in one] == [2]
        assert [d.package_id for d in site.work(host, site.batch(4), holder="third")] == [4]
        assert list(other) == []


def test_a_slot_of_a_dead_worker_is_free_again_and_its_own_at_once() -> None:
    site = Site(2).build()
    with Replay.from_routes({PATH + "1": stars(1), PATH + "2": stars(2)}) as replay:
        host = Toy(replay.url)
        host.policy = type(host.policy)(host.policy.meters, 1, 10)
        dead: Any = site.worker(host).work(site.batch(), "dead")
        next(dead)
        with pytest.raises(NoSlot):
            site.work(host, holder="other")
        assert [d.package_id for d in site.work(host, holder="dead")] == [2]
        site.time.advance(seconds=901)
        assert site.work(host, holder="other")
        dead.close()


def test_a_package_that_was_deleted_takes_its_source_along() -> None:
    site = Site(2).build()

    def deleting(request: Any) -> Any:
        changes.delete(Package, 1)
        return 200, {}, {"stars": 1}

    with Replay.from_routes({PATH + "1": deleting, PATH + "2": stars(2)}) as replay:
        assert site.results(Toy(replay.url)) == {
            1: RefreshStatus.SUPERSEDED,
            2: RefreshStatus.CHANGED,
        }
    assert [int(item.package_id) for item in SourceItem.scan()] == [2]
    assert_sound()
