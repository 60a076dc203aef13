"""What a plan tells: how late the refresh is, and which hosts have no budget."""

from datetime import datetime, timedelta

import pytest
from chalice.test import Client

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.hosts.github import GitHub
from chalicelib.storage import sources
from tests.integration.refresh.test_lambda import GRAPHQL, repositories, tick
from tests.integration.telemetry.conftest import NOTHING, TOKEN, Days, Told
from tests.support.aws import recorded
from tests.support.queues import Queues
from tests.support.refresh_site import Site, row
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables")

HOUR = 3600.0


def make_due(number: int, at: datetime) -> None:
    item = row(number)
    item.due = at.timestamp()
    sources.replace_source(item, int(item.version))


def github() -> GitHub:
    return GitHub(None, TOKEN)


def block(until: datetime) -> None:
    """Let nobody ask GitHub before then."""
    SharedBudget().block(github(), dict.fromkeys(github().policy.meters, 1), until)


def test_a_plan_tells_what_is_due_and_for_how_long(
    client: Client, both: Queues, told: Told
) -> None:
    Site(53).build()
    make_due(7, TODAY - timedelta(hours=3))
    # Due in an hour: it fills a batch up, and is neither late nor due.
    make_due(8, TODAY + timedelta(hours=1))
    client.lambda_.invoke("plan", tick(client))
    printed = told()
    assert printed.of(Stage="dev") == {"StalenessSeconds": 3 * HOUR, "BudgetsExhausted": 0}
    line, counts = printed.line("plan"), {"due": 52, "sources": 53, "batches": 2}
    assert (line["level"], line["stage"]) == ("INFO", "dev")
    assert counts.items() <= line.items()
    oldest = (TODAY - timedelta(hours=3)).isoformat()
    assert line["hosts"] == {"github": {**counts, "oldest": oldest}}


def test_where_nothing_is_due_nothing_is_late(client: Client, both: Queues, told: Told) -> None:
    Site(2).build()
    for number in (1, 2):
        make_due(number, TODAY + timedelta(minutes=1))
    client.lambda_.invoke("plan", tick(client))
    printed = told()
    assert set(printed.of(Stage="dev").values()) == {0}
    nothing = {"due": 0, "sources": 0, "batches": 0, "hosts": {}}
    assert nothing.items() <= printed.line("plan").items()


def test_telling_costs_no_more_reads_than_planning_does(
    client: Client, both: Queues, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    Site(40).build()
    block(TODAY + timedelta(hours=1))
    with recorded() as calls:
        client.lambda_.invoke("plan", tick(client))
    # A budget, leases and a query for each host; of the one that waits, one source is read.
    assert sorted(calls.operations) == ["GetItem"] * 10 + ["Query"] * 5
    budgets_leases_and_empty_queries = 5 * 1 + 5 * 1 + 4 * 0.5
    assert calls.read_units <= budgets_leases_and_empty_queries + 0.5


def test_while_nobody_works_it_is_ever_longer(days: Days, both: Queues) -> None:
    Site(2).build()
    assert days.staleness() == 0
    (message,) = both.receive()
    # It is being worked on, as far as anybody knows.
    days.advance(hours=1)
    assert days.staleness() == 0
    days.advance(hours=1)
    assert days.staleness() == 2 * HOUR
    days.advance(hours=2, minutes=10)
    assert days.staleness() == 4 * HOUR + 600
    with Replay.from_routes(repositories(7, 8)) as replay:
        days.patch.setenv("GITHUB_API_URL", replay.url)
        *_, message = both.receive()
        assert days.work(message)["refreshed"] == 2
    days.advance(hours=22, minutes=5)
    assert days.staleness() == 300


def test_what_is_put_off_for_want_of_a_budget_goes_on_waiting(days: Days, both: Queues) -> None:
    Site(2).build()
    days.staleness()
    (message,) = both.receive()
    block(TODAY + timedelta(hours=1))
    assert days.work(message)["hosts"] == {"github": {**NOTHING, "postponed": 2}}
    days.advance(hours=1, minutes=1)
    assert days.staleness() == HOUR + 60
    # The host says no again, an hour later: it is the same wait.
    (message,) = both.receive()
    block(days.now + timedelta(hours=1))
    days.work(message)
    days.advance(hours=1, minutes=1)
    assert days.staleness() == 2 * (HOUR + 60)


def test_what_fails_backs_off_and_is_not_late(days: Days, both: Queues) -> None:
    Site(1).build()
    make_due(1, TODAY - timedelta(hours=5))
    assert days.staleness() == 5 * HOUR
    (message,) = both.receive()
    refused = {"type": "FORBIDDEN", "path": ["r0"], "message": "no"}
    routes: Routes = {GRAPHQL: [(200, {}, {"data": {"r0": None}, "errors": [refused]})]}
    with Replay.from_routes(routes) as replay:
        days.patch.setenv("GITHUB_API_URL", replay.url)
        assert days.work(message)["failed"] == 1
    assert row(1).failures == 1
    days.advance(minutes=4)
    assert days.staleness() == 0
    # When its turn comes again it is late by what it waits from then on.
    days.advance(minutes=10)
    late = days.now.timestamp() - float(row(1).due)
    assert 0 < late < 600
    assert days.staleness() == pytest.approx(late)


def test_a_host_that_blocks_is_named_and_its_sources_get_late(days: Days, both: Queues) -> None:
    Site(2).build()
    until = TODAY + timedelta(hours=1)
    block(until)
    days.advance(minutes=50)
    days.client.lambda_.invoke("plan", tick(days.client))
    printed = days.told()
    assert printed.of(Stage="dev") == {"StalenessSeconds": 3000, "BudgetsExhausted": 1}
    counts = {"due": 0, "sources": 0, "batches": 0}
    assert counts.items() <= printed.line("plan").items()
    assert printed.line("plan")["hosts"] == {"github": {**counts, "oldest": TODAY.isoformat()}}
    line = printed.line("no budget")
    assert (line["level"], line["host"], line["until"]) == ("WARNING", "github", until.isoformat())
    assert both.receive() == []
    days.advance(minutes=11)
    days.client.lambda_.invoke("plan", tick(days.client))
    assert days.told().of(Stage="dev")["BudgetsExhausted"] == 0


def test_one_spent_limit_is_enough_and_what_a_worker_waits_for_is_not_spent(
    client: Client, both: Queues, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    Site(1).build()
    budget = SharedBudget()
    anonymous = GitHub(None, None)
    # 400 queries of a minute's 2,000 may come at once; then there is one in less than a second.
    assert budget.spend(anonymous, {"graphql_minute": 400}, TODAY) == 0
    client.lambda_.invoke("plan", tick(client))
    assert told().of(Stage="dev")["BudgetsExhausted"] == 0
    # Of 60 requests of an hour 12 may, and then one each 75 seconds.
    assert budget.spend(anonymous, {"core": 12}, TODAY) == 0
    client.lambda_.invoke("plan", tick(client))
    printed = told()
    assert printed.of(Stage="dev")["BudgetsExhausted"] == 1
    assert printed.line("no budget")["until"] == (TODAY + timedelta(seconds=75)).isoformat()
