"""Retries: how many, and how long between them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.storage.backoff import DEFAULT_BACKOFF, Backoff


class Recorder:
    """A clock and a die that only take down what they are asked for."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.slept: list[float] = []
        self.drawn: list[tuple[float, float]] = []

    def draw(self, low: float, high: float) -> float:
        self.drawn.append((low, high))
        return low + (high - low) * self.share

    def backoff(self, attempts: int, base: float, cap: float) -> Backoff:
        return Backoff(attempts, base, cap, sleep=self.slept.append, draw=self.draw)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    attempts=st.integers(1, 60),
    base=st.floats(0.001, 5),
    cap=st.floats(0.001, 30),
    share=st.floats(0, 1),
)
def test_tries_are_bounded_and_each_wait_is_drawn_up_to_its_ceiling(
    attempts: int, base: float, cap: float, share: float
) -> None:
    record = Recorder(share)
    assert list(record.backoff(attempts, base, cap).iter_attempts()) == list(range(attempts))
    ceilings = [min(cap, base * 2**retry) for retry in range(1, attempts)]
    assert record.drawn == [(0.0, ceiling) for ceiling in ceilings]
    assert record.slept == [ceiling * share for ceiling in ceilings]


def test_nothing_is_slept_before_the_first_try_nor_after_the_one_that_succeeds() -> None:
    record = Recorder(1.0)
    for attempt in record.backoff(8, 0.5, 10.0).iter_attempts():
        assert len(record.slept) == attempt
        if attempt == 2:
            break
    assert record.slept == [1.0, 2.0]


def test_no_attempts_are_no_tries() -> None:
    record = Recorder(1.0)
    assert list(record.backoff(0, 0.5, 10.0).iter_attempts()) == []
    assert record.slept == []


def test_the_default_gives_up_within_seconds() -> None:
    record = Recorder(1.0)
    default = DEFAULT_BACKOFF
    backoff = record.backoff(default.attempts, default.base, default.cap)
    assert len(list(backoff.iter_attempts())) > 1
    assert sum(record.slept) < 10
