"""Leases: what was sent is not sent again while it is under way, and others are not kept back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import pytest

from chalicelib.refresh import planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.leases import LEASE_SECONDS, MAX_LEASES, HostLeases
from chalicelib.refresh.rate_limit import Policy, Rate
from chalicelib.refresh.status import collect_statistics
from chalicelib.storage import refresh_state, sources
from chalicelib.storage import refresh_state as lease_rows
from chalicelib.storage.errors import Contended
from chalicelib.storage.sources import DueSource
from tests.support.aws import recorded
from tests.support.races import before_each
from tests.support.refresh_site import EVERY, Site, row, stars
from tests.support.state import rows
from tests.support.toy_host import Toy
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, Routes

NOWHERE = "http://127.0.0.1:9"
tables = pytest.mark.usefixtures("tables")


def make_due(number: int, at: datetime) -> None:
    item = row(number)
    item.due = at.timestamp()
    sources.replace_source(item, int(item.version))


def packages(batches: Sequence[Batch]) -> list[int]:
    return [one for batch in batches for one in batch.packages]


def leased() -> set[int]:
    stored, _ = lease_rows.get_leases("github")
    return set(stored)


@tables
def test_a_plan_writes_one_row_however_much_it_sends() -> None:
    site = Site(12).build()
    before = rows()
    with recorded() as calls:
        assert len(packages(site.planned(Toy(NOWHERE, batch=4)))) == 12
    assert calls.operations == ["GetItem", "GetItem", "Query", "PutItem"]
    after = rows()
    assert {place: after[place] for place in before} == before
    (new,) = after.keys() - before.keys()
    assert new[0] == "hosts"
    # It is no budget, and DynamoDB must not let it expire.
    assert refresh_state.get_all_meters() == {}
    assert "until" not in after[new]


@tables
@pytest.mark.parametrize(
    "answer",
    [(200, {}, {"stars": 1}), (304, {}, b""), (404, {}, b""), (500, {}, b""), (429, {}, b"")],
)
def test_what_was_worked_on_is_free_whatever_came_of_it(
    answer: tuple[int, dict[str, str], object],
) -> None:
    site = Site(1).build()
    routes: Routes = {"GET /owner/package-1": [answer] * 5}
    with Replay.from_routes(routes) as replay:
        host = Toy(replay.url)
        (batch,) = site.planned(host)
        assert site.planned(host) == []
        site.work(host, batch)
        # Of the leases' two hours one is over.
        site.time.advance(hours=1)
        make_due(1, site.time.now())
        assert packages(site.planned(host)) == [1]


@tables
def test_what_nobody_works_on_is_sent_again_when_its_lease_ends() -> None:
    site = Site(2).build()
    host = Toy(NOWHERE)
    assert packages(site.planned(host)) == [1, 2]
    site.time.advance(seconds=LEASE_SECONDS - 1)
    assert site.planned(host) == []
    site.time.advance(seconds=1)
    assert packages(site.planned(host)) == [1, 2]
    # And is leased anew.
    site.time.advance(seconds=LEASE_SECONDS - 1)
    assert site.planned(host) == []


@tables
def test_what_is_under_way_does_not_starve_what_is_due_later() -> None:
    site = Site(12).build()
    host = Toy(NOWHERE, batch=5)
    # A plan sends no more than five.
    host.policy = Policy({"hour": Rate(2, 3600, 1)}, 1, 5)
    for number in range(1, 13):
        make_due(number, site.time.now() - timedelta(minutes=60 - number))
    assert packages(site.planned(host)) == [1, 2, 3, 4, 5]
    assert packages(site.planned(host)) == [6, 7, 8, 9, 10]
    assert packages(site.planned(host)) == [11, 12]
    assert site.planned(host) == []
    assert leased() == set(range(1, 13))


@tables
def test_what_waits_behind_what_is_under_way_counts_as_late_where_a_host_is_blocked() -> None:
    site = Site(3).build()
    host = Toy(NOWHERE)
    for number, minutes in enumerate([50, 40, 30], 1):
        make_due(number, site.time.now() - timedelta(minutes=minutes))
    HostLeases("github", site.time.now().timestamp()).add(
        planner.get_due_sources(host, site.time.now().timestamp(), 2)
    )
    site.worker(host).budget.block(host, {"hour": 1}, site.time.now() + timedelta(hours=1))
    planned = planner.plan({"github": host}, site.time.now(), lambda sent: None, EVERY)
    assert planned.oldest == {"github": (site.time.now() - timedelta(minutes=30)).timestamp()}


@tables
def test_what_was_handled_is_forgotten_with_the_next_batch() -> None:
    site = Site(3).build()
    for number, minutes in enumerate([0, 10, 10], 1):
        make_due(number, site.time.now() + timedelta(minutes=minutes))
    with Replay.from_routes({"GET /owner/package-1": stars(1)}) as replay:
        host = Toy(replay.url, batch=2)
        (batch,) = site.planned(host)
        # One that was not due yet went with it.
        assert batch.packages == (1, 2)
        site.work(host, site.batch(1))
    site.time.advance(minutes=10)
    assert packages(site.planned(host)) == [3]
    assert leased() == {2, 3}


@tables
def test_a_source_that_leads_elsewhere_is_sent_again_at_once() -> None:
    site = Site(1).build()
    host = Toy(NOWHERE)
    assert packages(site.planned(host)) == [1]
    site.time.advance(minutes=5)
    make_due(1, site.time.now())
    assert packages(site.planned(host)) == [1]


@tables
def test_leases_of_a_clock_that_was_ahead_hold_nobody_up() -> None:
    site = Site(1).build()
    host = Toy(NOWHERE)
    due = float(row(1).due or 0)
    HostLeases("github", due + 86_400 * 400).add([DueSource(1, "repository", due, due)])
    assert packages(site.planned(host)) == [1]


@tables
def test_two_plans_at_once_lose_no_lease_of_each_other() -> None:
    Site(4).build()
    now = float(row(1).due or 0)
    one, other = HostLeases("github", now), HostLeases("github", now)
    first, second, third, fourth = planner.get_due_sources(Toy(NOWHERE), now)
    one.add([first, second])
    other.add([second, third])
    assert leased() == {1, 2, 3}
    # Also where there is a row already, and it has other plans' leases only.
    one, other = HostLeases("github", now), HostLeases("github", now)
    other.add([fourth])
    one.add([third])
    assert leased() == {1, 2, 3, 4}


@tables
def test_a_plan_that_meets_another_sends_all_the_same_and_both_are_leased() -> None:
    site = Site(4).build()
    for number in (3, 4):
        make_due(number, site.time.now() + timedelta(minutes=1))
    later = site.time.now() + timedelta(minutes=1)
    host, another = Toy(NOWHERE), list[Batch]()

    def send(batches: Sequence[Batch]) -> None:
        # Between reading and writing of one plan the other does all it does.
        planner.plan({"github": host}, later, another.extend, EVERY)

    planner.plan({"github": host}, site.time.now(), send, EVERY)
    assert packages(another) == [1, 2, 3, 4]
    assert leased() == {1, 2, 3, 4}
    assert packages(site.planned(host)) == []


@tables
def test_a_plan_that_always_loses_says_so() -> None:
    now = float(Site(1).build().time.now().timestamp())
    held = HostLeases("github", now)
    found = [DueSource(1, "repository", now, now)]

    def overtake() -> None:
        _, version = lease_rows.get_leases("github")
        assert lease_rows.replace_leases("github", version, {})

    with before_each("PutItem", overtake), pytest.raises(Contended):
        held.add(found)


@tables
def test_what_is_under_way_is_not_due_in_the_standing() -> None:
    site = Site(5).build()
    now = site.time.now().timestamp()
    HostLeases("github", now).add(planner.get_due_sources(Toy(NOWHERE), now, 2))
    assert collect_statistics(now).due == {"github": 3}
    assert collect_statistics(now + LEASE_SECONDS).due == {"github": 5}


def unlike(randoms: Random, count: int, now: float) -> list[DueSource]:
    """Sources as unlike each other as they can be: digits and ids that no catalogue has."""
    ids = randoms.sample(range(2**31), count)
    dues = [now - randoms.uniform(0, 86_400 * 400) for _ in ids]
    return [DueSource(one, "repository", due, due) for one, due in zip(ids, dues, strict=True)]


@tables
def test_no_more_are_under_way_than_fit_an_item() -> None:
    now = TODAY.timestamp()
    first = unlike(Random(1), MAX_LEASES, now)
    HostLeases("github", now).add(first)
    assert leased() == {one.package_id for one in first}
    # Of another plan that knew nothing of them, so many are leased in place of the older.
    later = unlike(Random(2), MAX_LEASES // 2, now)
    HostLeases("github", now + 60).add(later)
    assert len(leased()) == MAX_LEASES
    assert leased() >= {one.package_id for one in later}


@tables
def test_with_all_leases_taken_a_plan_sends_nothing_and_what_waits_gets_late() -> None:
    site = Site(3).build()
    now = site.time.now().timestamp()
    held = HostLeases("github", now)
    # They are due later, so nobody knows yet what became of them.
    held.add(DueSource(10 + n, "repository", now + 60 + n, now) for n in range(MAX_LEASES - 2))
    host = Toy(NOWHERE)
    assert packages(site.planned(host)) == [1, 2]
    sent: list[Batch] = []
    planned = planner.plan({"github": host}, site.time.now(), sent.extend, EVERY)
    assert (sent, planned.oldest) == ([], {"github": now})
    # What they were for is worked on by then, or the leases end.
    site.time.advance(hours=1, days=1)
    assert packages(site.planned(host)) == [1, 2, 3]
