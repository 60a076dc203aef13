"""Leases that run out, cannot be read or are late: nobody is asked in vain, and no plan stops."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.refresh import planner
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import Failed, FetchResult, Figures
from chalicelib.refresh.leases import LEASE_SECONDS
from chalicelib.storage import sources
from chalicelib.storage.refresh_models import HostItem, SourceItem
from tests.support.refresh_site import EVERY, Site, row
from tests.support.toy_host import Toy
from tools.fakehosts.replay import Replay

NOWHERE = "http://127.0.0.1:9"
pytestmark = pytest.mark.usefixtures("tables")


class FromThen(Toy):
    """What is left open may be had from a fixed instant on, as of a limit's reset."""

    until: datetime
    is_failed = False

    def _one(self, source: Any, session: Any) -> FetchResult:
        if self.is_failed:
            return Failed("503", retry_at=self.until)
        return Figures(values={}, marks={}, state={"open": ["x"]}, again_at=self.until)


def packages(batches: Sequence[Batch]) -> list[int]:
    return [one for batch in batches for one in batch.packages]


@pytest.mark.parametrize("is_failed", [False, True])
def test_what_is_due_at_the_same_instant_again_is_free_then(is_failed: bool) -> None:
    site = Site(2).build()
    host = FromThen(NOWHERE, batch=2)
    host.is_failed, host.until = is_failed, site.time.now() + timedelta(minutes=60)
    site.work(host, site.batch(1))
    site.time.advance(minutes=40)
    # 2 is due; 1 fills the batch, and is to be asked again at the instant that it was due at.
    (sent,) = site.planned(host)
    assert 1 in sent.packages
    later = row(2)
    later.due = (site.time.now() + timedelta(days=1)).timestamp()
    sources.replace_source(later, int(later.version))
    site.work(host, Batch("github", "repository", sent.planned, (1,)))
    site.time.advance(minutes=21)
    assert 1 in packages(site.planned(host))


def test_messages_that_outlived_their_leases_ask_once() -> None:
    site = Site(1).build()
    asked = []

    def answer(_request: object) -> tuple[int, dict[str, str], object]:
        asked.append(1)
        return 200, {}, {"stars": 1}

    with Replay.from_routes({"GET /owner/package-1": answer}) as replay:
        host = Toy(replay.url)
        messages = []
        # The worker is stopped at its queue, or the queue is long.
        for _ in range(4):
            messages += site.planned(host)
            site.time.advance(seconds=LEASE_SECONDS)
        assert len(messages) == 4
        for message in messages:
            site.work(host, message)
            site.time.advance(seconds=5)
    assert len(asked) == 1


@pytest.mark.parametrize("content", [b"[[1,2]]", None])
def test_leases_that_cannot_be_read_are_none(content: bytes | None) -> None:
    site = Site(1).build()
    HostItem("github#leases", version=1, leases=content).save()
    host = Toy(NOWHERE)
    assert packages(site.planned(host)) == [1]
    assert site.planned(host) == []


def test_a_host_that_cannot_be_planned_leaves_the_others_to_be() -> None:
    site = Site(1).build()
    now = site.time.now()
    SourceItem(
        99,
        "repository",
        version=1,
        host="gitlab",
        address="a/b",
        due=now.timestamp(),
        state={},
        provenance={},
    ).save()
    other = Toy(NOWHERE)
    other.name = "gitlab"
    sent: list[Batch] = []

    def send(batches: Sequence[Batch]) -> None:
        if batches[0].host == "github":
            raise OSError("the queue is away")
        sent.extend(batches)

    hosts = {"github": Toy(NOWHERE), "gitlab": other}
    with pytest.raises(OSError, match="the queue is away"):
        planner.plan(hosts, now, send, EVERY)
    assert packages(sent) == [99]
