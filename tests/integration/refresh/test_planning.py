"""What is due, in batches; and which sources there are."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.refresh import enrolment, planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import PROJECT
from chalicelib.refresh.leases import LEASE_SECONDS
from chalicelib.refresh.rate_limit import Policy, Rate
from chalicelib.settings import SelfHosted, Upstreams
from chalicelib.storage import sources
from chalicelib.storage.refresh_models import SourceItem
from tests.support.entities import category, package
from tests.support.refresh_site import EVERY, Site, row, stars
from tests.support.toy_host import Toy
from tools.fakehosts.replay import Replay

pytestmark = pytest.mark.usefixtures("tables")

NOWHERE = "http://127.0.0.1:9"


def known() -> dict[tuple[int, str], tuple[str, str, bool]]:
    return {
        (int(r.package_id), r.kind): (
            r.host,
            r.address,
            sources.get_timestamp(r, "due") is not None,
        )
        for r in SourceItem.scan()
    }


def make_due(number: int, kind: str, at: datetime) -> None:
    item = row(number, kind)
    item.due = at.timestamp()
    sources.replace_source(item, int(item.version))


def test_every_repository_and_project_is_a_source() -> None:
    changes.create(category())
    urls = [
        ("https://github.com/Owner/Name", "http://pypi.python.org/pypi/Some_Name"),
        ("https://gitlab.com/group/sub/project.git", ""),
        ("https://git.example.org/a/b", "bare-name"),
        ("https://launchpad.net/thing", None),
        (None, "http://pypi.python.org/pypi/only"),
        ("https://github.com/owner", " "),
    ]
    for identifier, (repo_url, pypi_url) in enumerate(urls, 1):
        changes.create(package(identifier, repo_url=repo_url, pypi_url=pypi_url))
    upstreams = Upstreams(self_hosted=(SelfHosted("git.example.org", "forgejo"),))
    done = enrolment.enrol(upstreams, 1000.0)
    assert (done.sources, done.written, done.removed) == (8, 8, 0)
    assert known() == {
        (1, "repository"): ("github", "Owner/Name", True),
        (1, "project"): ("index", "some-name", True),
        (2, "repository"): ("gitlab", "group/sub/project", True),
        (3, "repository"): ("git.example.org", "a/b", True),
        (3, "project"): ("index", "bare-name", True),
        (4, "repository"): ("unsupported", "https://launchpad.net/thing", False),
        (5, "project"): ("index", "only", True),
        (6, "repository"): ("unsupported", "https://github.com/owner", False),
    }
    again = enrolment.enrol(upstreams, 2000.0)
    assert (again.written, again.removed) == (0, 0)
    assert enrolment.enrol(Upstreams(), 3000.0).written == 1
    assert known()[3, "repository"] == ("unsupported", "https://git.example.org/a/b", False)


def test_a_new_address_starts_anew_and_a_deleted_package_goes() -> None:
    site = Site(2).build()
    with Replay.from_routes({"GET /owner/package-1": stars(7, ETag='"e"')}) as replay:
        site.work(Toy(replay.url), site.batch(1))
    assert row(1).state == {"etag": '"e"'}
    url = "https://github.com/owner/elsewhere"
    changes.update(Package, 1, lambda p: replace(p, repo_url=url))
    changes.delete(Package, 2)
    site.time.advance(hours=1)
    done = enrolment.enrol(Upstreams(), site.time.now().timestamp())
    assert (done.sources, done.written, done.removed) == (1, 1, 1)
    found = row(1)
    assert (found.address, found.state) == ("owner/elsewhere", {})
    assert found.due == site.time.now().timestamp()
    assert found.provenance["repo_watchers"][0] == "toy"


def test_the_longest_due_come_first_and_the_last_batch_is_filled_up() -> None:
    site = Site(7).build()
    host = Toy(NOWHERE, batch=3)
    now = site.time.now()
    for number, hours in enumerate([-3, -1, -2, -4, 1, 2, 5], 1):
        make_due(number, "repository", now + timedelta(hours=hours))
    assert [batch.packages for batch in site.planned(host)] == [(4, 1, 3), (2, 5, 6)]
    # What was sent is not sent again, and nothing was written of it.
    assert site.planned(host) == []
    assert row(4).due == (now + timedelta(hours=-4)).timestamp()
    assert row(7).due == (now + timedelta(hours=5)).timestamp()


def test_of_the_index_all_that_is_due_soon_goes_with_what_is_due() -> None:
    site = Site(0).build()
    for number in range(1, 8):
        changes.create(package(number, repo_url=None, pypi_url=f"tool-{number}"))
    now = site.time.now()
    enrolment.enrol(Upstreams(), now.timestamp())
    host = Toy(NOWHERE, batch=3)
    host.name, host.kind, host.takes_all_due_soon = "index", PROJECT, True
    for number, hours in enumerate([4, 1, 1.9, 1.5, 2.9, 1, 2], 1):
        make_due(number, "project", now + timedelta(hours=hours))
    assert site.planned(host) == []
    site.time.advance(hours=1)
    assert [set(batch.packages) for batch in site.planned(host)] == [{2, 4, 6}, {3, 5, 7}]


def test_what_was_sent_is_not_sent_again_with_what_becomes_due_later() -> None:
    site = Site(0).build()
    for number in range(1, 6):
        changes.create(package(number, repo_url=None, pypi_url=f"tool-{number}"))
    now = site.time.now()
    enrolment.enrol(Upstreams(), now.timestamp())
    host = Toy(NOWHERE, batch=3)
    host.name, host.kind, host.takes_all_due_soon = "index", PROJECT, True
    make_due(4, "project", now + timedelta(hours=2, minutes=10))
    make_due(5, "project", now + timedelta(hours=2, minutes=20))
    assert [set(batch.packages) for batch in site.planned(host)] == [{1, 2, 3}]
    # The first three are still being worked on.
    make_due(4, "project", now)
    site.time.advance(minutes=30)
    assert [set(batch.packages) for batch in site.planned(host)] == [{4, 5}]
    # What nobody has worked on by then is sent again.
    site.time.advance(seconds=LEASE_SECONDS)
    assert [set(batch.packages) for batch in site.planned(host)] == [{1, 2, 3}, {4, 5}]


def test_what_fills_a_batch_up_is_asked_in_full_and_not_soon_again() -> None:
    site = Site(2).build()
    with Replay.from_routes({f"GET /owner/package-{n}": stars(n) for n in (1, 2)}) as replay:
        host = Toy(replay.url, batch=2)
        site.work(host, site.batch(1))
        site.time.advance(hours=2)
        site.work(host, site.batch(2))
        site.time.advance(hours=18)
        # The second is due in two hours.
        (batch,) = site.planned(host)
        assert batch.packages == (1, 2)
        site.work(host, batch)
        due = (site.time.now() + EVERY).timestamp()
        assert (row(1).due, row(2).due) == (due, due)
        assert row(2).checked == site.time.now().timestamp()


def test_what_is_asked_often_is_not_asked_long_before_its_time() -> None:
    site = Site(3).build()
    for number, minutes in enumerate([0, 5, 10], 1):
        make_due(number, "repository", site.time.now() + timedelta(minutes=minutes))
    sent: list[Batch] = []
    now, often = site.time.now(), timedelta(hours=1)
    planner.plan({"github": Toy(NOWHERE)}, now, sent.extend, often)
    assert [batch.packages for batch in sent] == [(1, 2)]


def test_nothing_is_sent_before_it_is_due() -> None:
    site = Site(2).build()
    site.time.advance(seconds=-1)
    assert site.planned(Toy(NOWHERE)) == []


def test_a_host_with_a_small_limit_gets_no_more_than_it_can_be_asked() -> None:
    site = Site(30).build()
    host = Toy(NOWHERE, batch=5)
    host.policy = Policy({"hour": Rate(10, 3600, 2)}, 1, 5)
    assert [len(batch.packages) for batch in site.planned(host)] == [5, 5, 5]


def test_a_host_whose_budget_is_blocked_waits() -> None:
    site = Site(2).build()
    host = Toy(NOWHERE)
    SharedBudget().block(host, {"hour": 1}, site.time.now() + timedelta(minutes=5))
    assert site.planned(host) == []
    site.time.advance(minutes=6)
    assert len(site.planned(host)) == 1


def test_what_could_not_be_sent_stays_due() -> None:
    site = Site(2).build()
    host = Toy(NOWHERE)

    def refuse(batches: object) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        planner.plan({"github": host}, site.time.now(), refuse, EVERY)
    assert len(site.planned(host)) == 1
