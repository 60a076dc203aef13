"""The arithmetic that keeps requests inside of limits."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.refresh.rate_limit import Budget, Policy, Rate, Reading

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def policy(limit: int, seconds: float, burst: int, concurrency: int = 4) -> Policy:
    return Policy({"core": Rate(limit, seconds, burst)}, concurrency, 10)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    limit = draw(st.integers(2, 60))
    return Rate(limit, draw(st.sampled_from([1.0, 60.0, 3600.0])), draw(st.integers(1, limit - 1)))


@given(rates(), st.lists(st.tuples(st.floats(0, 400), st.integers(1, 3)), max_size=200))
def test_no_window_sees_more_than_the_limit(rate: Rate, asks: list[tuple[float, int]]) -> None:
    rules = Policy({"core": rate}, 4, 10)
    budget, now = Budget(), 1000.0
    spent: list[tuple[float, int]] = []
    for pause, units in asks:
        now += pause * rate.seconds / 400
        if budget.get_wait_seconds(rules, {"core": units}, now) == 0:
            budget = budget.spend(rules, {"core": units}, now)
            spent.append((now, units))
    for start, _ in spent:
        inside = sum(units for at, units in spent if start <= at < start + rate.seconds)
        assert inside <= rate.limit


@given(rates())
def test_what_is_waited_for_is_free_then(rate: Rate) -> None:
    rules = Policy({"core": rate}, 4, 10)
    budget, now = Budget(), 1000.0
    for _ in range(rate.limit * 2):
        now += budget.get_wait_seconds(rules, {"core": 1}, now)
        assert budget.get_wait_seconds(rules, {"core": 1}, now) < 1e-6
        budget = budget.spend(rules, {"core": 1}, now)


def test_a_burst_may_come_at_once_and_the_rest_at_the_steady_rate() -> None:
    rules = policy(100, 100.0, 20)
    budget = Budget()
    for _ in range(20):
        assert budget.get_wait_seconds(rules, {"core": 1}, 0.0) == 0
        budget = budget.spend(rules, {"core": 1}, 0.0)
    assert budget.get_wait_seconds(rules, {"core": 1}, 0.0) == 100 / 80


def test_every_meter_of_a_cost_must_have_room() -> None:
    rules = Policy({"hour": Rate(100, 3600, 50), "minute": Rate(2, 60, 1)}, 4, 10)
    budget = Budget().spend(rules, {"hour": 1, "minute": 1}, 0.0)
    assert budget.get_wait_seconds(rules, {"hour": 1}, 0.0) == 0
    assert budget.get_wait_seconds(rules, {"hour": 1, "minute": 1}, 0.0) == 60


def test_the_limit_that_a_host_names_counts() -> None:
    rules = policy(5000, 3600, 1000)
    reading = Reading("core", 60, 59, NOW + timedelta(hours=1))
    budget = Budget().record_reading(rules, reading, NOW.timestamp())
    sent = 0
    while budget.get_wait_seconds(rules, {"core": 1}, NOW.timestamp()) == 0:
        budget = budget.spend(rules, {"core": 1}, NOW.timestamp())
        sent += 1
    assert sent == 12


def test_where_a_host_says_that_nothing_is_left_it_is_waited_for_its_reset() -> None:
    rules = policy(5000, 3600, 1000)
    reset = NOW + timedelta(minutes=7)
    budget = Budget().record_reading(rules, Reading("core", 5000, 4, reset), NOW.timestamp())
    assert budget.get_wait_seconds(rules, {"core": 1}, NOW.timestamp()) == 7 * 60
    assert budget.get_wait_seconds(rules, {"core": 1}, reset.timestamp()) == 0
    plenty = Budget().record_reading(rules, Reading("core", 5000, 5, reset), NOW.timestamp())
    assert plenty.get_wait_seconds(rules, {"core": 1}, NOW.timestamp()) == 0


def test_a_block_is_never_shortened() -> None:
    rules = policy(5000, 3600, 1000)
    budget = Budget().block({"core": 1}, 900.0).block({"core": 1}, 100.0)
    assert budget.get_wait_seconds(rules, {"core": 1}, 0.0) == 900


def test_a_clock_that_was_ahead_holds_nobody_up() -> None:
    rules = policy(100, 3600, 20)
    now, ahead = NOW.timestamp(), NOW.timestamp() + 4 * 365 * 86_400
    budget = Budget()
    for _ in range(20):
        budget = budget.spend(rules, {"core": 1}, ahead)
    budget = budget.block({"core": 1}, ahead + 60)
    assert budget.get_wait_seconds(rules, {"core": 1}, now) == 0
    budget = budget.spend(rules, {"core": 20}, now)
    assert 0 < budget.get_wait_seconds(rules, {"core": 1}, now) <= 3600
    # A block by the right clock counts, though the other's was longer.
    budget = budget.block({"core": 1}, now + 7200)
    assert budget.get_wait_seconds(rules, {"core": 1}, now) == 7200
    assert budget.get_wait_seconds(rules, {"core": 1}, now + 7200) == 0
