"""What must not hold a refresh up for good: dead workers, wrong clocks, absurd answers."""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.catalog import changes
from chalicelib.refresh import enrolment
from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import FetchResults, Source
from chalicelib.refresh.hosts.registry import build_hosts
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.json_fields import join_names
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.worker import SLOT_SECONDS, NoSlot
from chalicelib.settings import BadSetting, Upstreams
from tests.support.entities import category, package
from tests.support.races import before_each
from tests.support.refresh_site import Site, row, stars
from tests.support.toy_host import Toy
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables")

PATH = "GET /owner/package-"


class Slow(Toy):
    """Takes a minute for each package."""

    def fetch(self, batch: Any, session: Session) -> FetchResults:
        for source, outcome in super().fetch(batch, session):
            session.context.sleep(60)
            yield source, outcome


def test_a_slot_is_renewed_while_its_worker_works_and_free_soon_after_it_died() -> None:
    site = Site(6).build()
    with Replay.from_routes({f"{PATH}{n}": stars(n) for n in range(1, 7)}) as replay:
        slow = Slow(replay.url)
        slow.policy = replace(slow.policy, concurrency=1)
        working: Any = site.worker(slow).work(site.batch(1, 2, 3, 4, 5), "one")
        for _ in range(4):
            assert next(working).result is RefreshStatus.CHANGED
        # Four minutes: longer than a slot lasts that nobody renews.
        with pytest.raises(NoSlot):
            site.work(slow, site.batch(6), "two")
        # It is stopped where it is, as by kill -9, and never gives its slot back.
        site.time.advance(seconds=SLOT_SECONDS + 1)
        assert [done.result for done in site.work(slow, site.batch(6), "two")] == [
            RefreshStatus.CHANGED
        ]
        working.close()


def test_a_batch_of_a_clock_that_was_ahead_is_not_the_last() -> None:
    site = Site(1).build()
    ahead = TODAY + timedelta(days=1500)
    with Replay.from_routes({f"{PATH}1": stars(7)}) as replay:
        host = Toy(replay.url)
        assert site.results(host, site.batch(planned=ahead)) == {1: RefreshStatus.CHANGED}
        assert site.results(host, site.batch()) == {1: RefreshStatus.UNCHANGED}
        # Since then it counts again what was handled.
        assert site.results(host, site.batch()) == {}


def test_what_was_put_off_is_asked_in_full_though_it_was_not_due() -> None:
    site = Site(1).build()
    asked: list[bool] = []

    class Noting(Toy):
        def fetch_one(self, source: Source, session: Session) -> Any:
            asked.append(source.is_check_due)
            return super().fetch_one(source, session)

    limited = (429, {"Retry-After": "60"}, b"")
    routes = {f"{PATH}1": [(200, {}, {"stars": 1}), limited, (200, {}, {"stars": 2})]}
    with Replay.from_routes(routes) as replay:
        host = Noting(replay.url)
        site.work(host)
        site.time.advance(minutes=5)
        before_its_time = replace(site.batch(), is_full=True)
        assert site.results(host, before_its_time) == {1: RefreshStatus.POSTPONED}
        site.time.advance(minutes=2)
        assert site.results(host, site.batch()) == {1: RefreshStatus.CHANGED}
    assert asked == [True, True, True]


def test_a_row_that_does_not_fit_fails_its_package_alone() -> None:
    site = Site(2).build()

    class Hoarding(Toy):
        def fetch(self, batch: Any, session: Session) -> FetchResults:
            for source, outcome in super().fetch(batch, session):
                much = (
                    {"etag": Random(1).randbytes(500_000).hex()} if source.package.id == 1 else {}
                )
                found: Any = outcome
                yield source, replace(found, state=much)

    routes: Routes = {f"{PATH}{n}": [(200, {}, {"stars": 0})] for n in (1, 2)}
    with Replay.from_routes(routes) as replay:
        found = site.results(Hoarding(replay.url))
    assert found == {1: RefreshStatus.FAILED, 2: RefreshStatus.UNCHANGED}
    assert row(1).reason.startswith("cannot be stored: too large")
    assert row(1).state == {}


def test_where_everybody_else_spends_first_it_is_waited_for() -> None:
    site = Site(1).build()
    with Replay.from_routes({f"{PATH}1": stars(7)}) as replay:
        host = Toy(replay.url)
        site.work(host)
        batch = site.batch(planned=TODAY + timedelta(seconds=5))
        with before_each("PutItem", lambda: _spend(host)):
            found = site.results(host, batch)
        assert len(replay.requests) == 1
    assert found == {1: RefreshStatus.POSTPONED}
    assert row(1).failures == 0


def _spend(host: Toy) -> None:
    assert SharedBudget().spend(host, {"hour": 1}, TODAY) == 0


def test_passwords_in_addresses_of_strangers_are_not_copied() -> None:
    changes.create(category())
    changes.create(package(1, repo_url="https://user:secret@unknown.example/a/b", pypi_url=""))
    enrolment.enrol(Upstreams(), TODAY.timestamp())
    assert row(1).address == "https://unknown.example/a/b"


@pytest.mark.parametrize("name", ["gitlab", "GitHub", "index"])
def test_nobody_is_called_as_a_host_of_ours(name: str) -> None:
    with pytest.raises(BadSetting, match="the name of a host of ours"):
        build_hosts(
            settings.from_environment({"SELF_HOSTED": f"{name}=gitlab@http://10.0.0.5"}).upstreams,
            {},
        )


def test_names_that_do_not_fit_are_left_out_from_the_end() -> None:
    found = join_names([f"{number:04}{'é' * 98}" for number in range(1000)])
    assert found.split(",")[0].startswith("0000")
    assert len(found.encode()) <= 60_000
    assert len(found.split(",")) == 60_000 // 201
