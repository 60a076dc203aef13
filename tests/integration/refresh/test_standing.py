"""How fresh the catalogue is, and what is left of the budgets."""

from datetime import timedelta

import pytest

from chalicelib.catalog import changes
from chalicelib.refresh import enrolment
from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.rate_limit import Policy, Rate, Reading
from chalicelib.refresh.status import MeterStatus, collect_statistics, read_meters
from chalicelib.settings import Upstreams
from tests.support.entities import package
from tests.support.refresh_site import Site, stars
from tests.support.toy_host import COST, Toy
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables")

PATH = "GET /owner/package-"


def test_nothing_has_no_age() -> None:
    found = collect_statistics(TODAY.timestamp())
    assert (found.asked, found.unsupported, found.get_age(None, 1.0)) == ({}, 0, None)
    assert read_meters({"github": Toy("http://127.0.0.1:9")}, TODAY.timestamp()) == []


def test_sources_are_counted_by_what_became_of_them() -> None:
    site = Site(5).build()
    routes: Routes = {
        PATH + "1": stars(1),
        PATH + "2": [(404, {}, b"")],
        PATH + "3": [(200, {}, {"stars": "many"})],
        PATH + "4": [(429, {"Retry-After": "60"}, b"")],
    }
    changes.create(package(6, repo_url="https://launchpad.net/thing", pypi_url=""))
    enrolment.enrol(Upstreams(), site.time.now().timestamp())
    with Replay.from_routes(routes) as replay:
        site.work(Toy(replay.url), site.batch(1, 2, 3, 4))
    found = collect_statistics(site.time.now().timestamp())
    assert found.asked == {"github": 5}
    # The fourth is put off and the fifth is due still; both have never answered.
    assert (found.due, found.never) == ({"github": 1}, {"github": 3})
    assert (found.failing, found.gone) == ({"github": 1}, {"github": 1})
    assert found.unsupported == 1
    assert found.reasons == {
        ("github", "404 Not Found"): 1,
        ("github", "stars is not a count"): 1,
    }
    assert found.ages == {"github": [0.0]}
    later = site.time.now() + timedelta(hours=20)
    assert collect_statistics(later.timestamp()).due == {"github": 4}


def test_what_answers_again_is_no_failure_any_more() -> None:
    site = Site(1).build()
    with Replay.from_routes({PATH + "1": [(404, {}, b""), (200, {}, {"stars": 1})]}) as replay:
        host = Toy(replay.url)
        site.work(host)
        site.time.advance(days=1)
        site.work(host)
    found = collect_statistics(site.time.now().timestamp())
    assert (found.failing, found.gone, found.reasons) == ({}, {}, {})


def test_ages_are_those_that_a_share_is_not_older_than() -> None:
    site = Site(4).build()
    with Replay.from_routes({f"{PATH}{n}": stars(n) for n in range(1, 5)}) as replay:
        for number in range(1, 5):
            site.work(Toy(replay.url), site.batch(number))
            site.time.advance(hours=1)
    found = collect_statistics(site.time.now().timestamp())
    hours = [found.get_age("github", share) for share in (0.0, 0.5, 0.99, 1.0)]
    assert hours == [3600.0, 3 * 3600.0, 4 * 3600.0, 4 * 3600.0]
    assert found.get_age(None, 1.0) == 4 * 3600.0
    assert found.get_age("gitlab", 1.0) is None


def test_a_budget_is_what_we_count_unless_the_host_says_less() -> None:
    host, budget = Toy("http://127.0.0.1:9", limit=100), SharedBudget()
    hosts, now = {"github": host}, TODAY.timestamp()
    for _ in range(10):
        budget.spend(host, COST, TODAY)
    assert read_meters(hosts, now) == [MeterStatus("github", "hour", 90, 100, None, None)]
    # Others use the same token.
    reset = TODAY + timedelta(minutes=30)
    budget.record_reading(host, Reading("hour", 100, 40, reset), TODAY)
    assert read_meters(hosts, now) == [
        MeterStatus("github", "hour", 40, 100, reset.timestamp(), None)
    ]
    # After the host's window its word is old, and what we spent is mostly free again.
    assert read_meters(hosts, reset.timestamp()) == [
        MeterStatus("github", "hour", 100, 100, None, None)
    ]
    until = TODAY + timedelta(hours=2)
    budget.block(host, COST, until)
    (left,) = read_meters(hosts, now)
    assert left.blocked_until == until.timestamp()
    (left,) = read_meters(hosts, until.timestamp())
    assert left.blocked_until is None


def test_what_is_no_host_or_meter_any_more_is_left_out() -> None:
    host = Toy("http://127.0.0.1:9")
    SharedBudget().spend(host, COST, TODAY)
    assert read_meters({}, TODAY.timestamp()) == []
    host.policy = Policy({"minute": Rate(10, 60, 5)}, 1, 10)
    assert read_meters({"github": host}, TODAY.timestamp()) == []
