"""Budgets and slots that workers share through the tables, each knowing only what it last read."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.refresh.budget import SharedBudget, read_budget
from chalicelib.refresh.rate_limit import Reading
from chalicelib.storage.refresh_models import HostItem
from chalicelib.storage.refresh_state import acquire_slot, release_slot, renew_slot
from tests.support.aws import recorded
from tests.support.races import Answer, answering
from tests.support.toy_host import COST, Toy
from tests.support.upstream.asking import TODAY

pytestmark = pytest.mark.usefixtures("tables")

HOST = Toy("http://127.0.0.1:9", limit=10)
#: Half of the limit may come at once, the rest takes an hour.
BURST, INTERVAL = 5, 3600 / 5


def spends(budget: SharedBudget, times: int = 1) -> int:
    """How often a worker may spend now."""
    return sum(budget.spend(HOST, COST, TODAY) == 0 for _ in range(times))


def test_what_one_worker_spends_another_has_not() -> None:
    one, other = SharedBudget(), SharedBudget()
    assert (spends(one, 2), spends(other, 2), spends(one, 2), spends(other, 2)) == (2, 2, 1, 0)
    assert one.spend(HOST, COST, TODAY) == pytest.approx(INTERVAL)
    later = TODAY + timedelta(seconds=INTERVAL)
    assert other.spend(HOST, COST, later) == 0
    assert one.spend(HOST, COST, later) > 0


def test_workers_at_once_spend_no_more_than_one_would() -> None:
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda _: spends(SharedBudget(), 4), range(6))) == BURST


def test_a_write_that_comes_between_is_counted() -> None:
    one, other = SharedBudget(), SharedBudget()
    in_between = 0

    def overtaken(arguments: object, call: object) -> Answer:
        nonlocal in_between
        if not in_between:
            in_between = 1
            assert spends(other, 3) == 3
        assert callable(call)
        answer: Answer = call()
        return answer

    with answering("PutItem", overtaken):
        assert spends(one) == 1
    assert spends(SharedBudget(), 3) == BURST - 4


def test_a_block_holds_for_workers_that_knew_better() -> None:
    knows, blocks = SharedBudget(), SharedBudget()
    assert spends(knows) == 1
    blocks.block(HOST, COST, TODAY + timedelta(minutes=5))
    assert knows.spend(HOST, COST, TODAY) == 300
    assert SharedBudget().spend(HOST, COST, TODAY) == 300
    assert knows.spend(HOST, COST, TODAY + timedelta(minutes=5)) == 0


def test_what_a_worker_remembers_as_spent_is_read_again() -> None:
    one, other = SharedBudget(), SharedBudget()
    assert spends(one, 9) == BURST
    # The host grants a hundredfold, and tells another worker.
    reset = TODAY + timedelta(hours=1)
    other.record_reading(HOST, Reading("hour", 1000, 990, reset), TODAY)
    soon = TODAY + timedelta(seconds=8)
    assert one.spend(HOST, COST, soon) == 0


def test_what_the_host_says_is_stored_where_it_is_news() -> None:
    budget = SharedBudget()
    reset = TODAY + timedelta(hours=1)
    budget.record_reading(HOST, Reading("hour", 1000, 990, reset), TODAY)
    meter = read_budget("github")[0].meters["hour"]
    assert (meter.limit, meter.remaining, meter.reset) == (1000, 990, reset.timestamp())
    with recorded() as calls:
        budget.record_reading(HOST, Reading("hour", 1000, 989, reset), TODAY)
        assert calls.operations == []
        # A fiftieth less is for people to see; that nothing is left is for everybody to know.
        budget.record_reading(HOST, Reading("hour", 1000, 970, reset), TODAY)
        assert calls.operations == ["PutItem"]
    budget.record_reading(HOST, Reading("hour", 1000, 0, reset), TODAY)
    assert SharedBudget().spend(HOST, COST, TODAY) == 3600


def test_spending_costs_one_write() -> None:
    budget = SharedBudget()
    spends(budget)
    with recorded() as calls:
        assert spends(budget) == 1
    assert calls.operations == ["PutItem"]


def test_no_more_slots_than_there_are_whoever_comes_at_once() -> None:
    def take(number: int) -> str | None:
        return acquire_slot("github", 2, f"worker {number}", 0.0, 900.0)

    with ThreadPoolExecutor(8) as pool:
        taken = [slot for slot in pool.map(take, range(8)) if slot]
    assert sorted(taken) == ["github#0", "github#1"]
    # Another host has its own.
    assert acquire_slot("gitlab", 1, "worker", 0.0, 900.0) == "gitlab#0"


def test_a_slot_is_free_when_it_is_given_back_or_its_holder_is_long_dead() -> None:
    assert acquire_slot("github", 1, "dead", 0.0, 900.0) == "github#0"
    assert acquire_slot("github", 1, "other", 899.0, 1799.0) is None
    # Who comes back under the same name is the one that had it.
    assert acquire_slot("github", 1, "dead", 100.0, 1000.0) == "github#0"
    assert acquire_slot("github", 1, "other", 999.0, 1899.0) is None
    assert acquire_slot("github", 1, "other", 1000.0, 1900.0) == "github#0"
    # The dead one was only slow: what it gives back is no longer its own.
    release_slot("github#0", "dead")
    assert acquire_slot("github", 1, "third", 1001.0, 1901.0) is None
    release_slot("github#0", "other")
    assert acquire_slot("github", 1, "third", 1001.0, 1901.0) == "github#0"
    release_slot("github#7", "third")


def test_slots_expire_at_whole_seconds(tables: None) -> None:
    # "Unix epoch time format in seconds"; what has another is left alone (DynamoDB's guide, TTL).
    slot = acquire_slot("github", 1, "worker", 100.25, 220.25)
    assert slot is not None
    assert float(HostItem.get(slot).until) == 221
    renew_slot(slot, "worker", 230.5)
    assert float(HostItem.get(slot).until) == 231
    release_slot(slot, "worker")
