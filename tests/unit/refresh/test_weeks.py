"""What becomes of 52 weeks as time passes."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.refresh import commit_weeks
from chalicelib.refresh.commit_weeks import COMMITS, PARTICIPATION, WEEKS, CommitWeeks

DAY = date(2026, 11, 25)
COUNTS = tuple(range(1, WEEKS + 1))
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def test_only_whole_weeks_move_out() -> None:
    found = CommitWeeks(COUNTS, DAY, PARTICIPATION)
    assert found.shift_to(DAY + timedelta(days=6)) == found
    week = found.shift_to(DAY + timedelta(days=7))
    assert week.counts == (*COUNTS[1:], 0)
    assert week.until == DAY + timedelta(days=7)
    assert found.shift_to(DAY + timedelta(days=400)).counts == (0,) * WEEKS
    assert found.shift_to(DAY - timedelta(days=30)) == found


@given(days, days, days)
def test_ageing_in_steps_is_ageing_at_once(first: date, second: date, third: date) -> None:
    start, middle, end = sorted((first, second, third))
    found = CommitWeeks(COUNTS, start, PARTICIPATION)
    assert found.shift_to(middle).shift_to(end) == found.shift_to(end)


@given(st.lists(st.integers(0, 500), max_size=60), st.integers(0, 6))
def test_commits_are_in_the_week_of_their_day(ages: list[int], ahead: int) -> None:
    instants = [noon(DAY - timedelta(days=age)) for age in ages]
    found = commit_weeks.build_empty(DAY - timedelta(days=ahead), COMMITS).add_commits(
        instants, DAY
    )
    assert found.until > DAY
    assert found.until - DAY <= timedelta(days=7)
    for place, count in enumerate(found.counts):
        end = found.until - timedelta(weeks=WEEKS - 1 - place)
        inside = [i for i in instants if end - timedelta(days=7) <= i.date() < end]
        assert count == len(inside)


@given(st.lists(days, max_size=30))
def test_counting_day_by_day_is_counting_at_once(found: list[date]) -> None:
    start, last = date(2026, 1, 1), date(2027, 12, 31)
    at_once = commit_weeks.build_empty(start, COMMITS).add_commits(map(noon, found), last)
    step = commit_weeks.build_empty(start, COMMITS)
    for day in sorted(found):
        step = step.add_commits([noon(day)], day)
    assert step.add_commits([], last) == at_once


def test_a_commit_of_the_future_counts_as_todays() -> None:
    found = commit_weeks.build_empty(DAY, COMMITS).add_commits(
        [noon(DAY + timedelta(days=90))], DAY
    )
    assert found.counts[-1] == 1


def test_what_is_not_known_to_be_weeks_is_not_taken_for_them() -> None:
    found = CommitWeeks(COUNTS, DAY, PARTICIPATION)
    assert commit_weeks.parse_weeks(COUNTS, found.state) == found
    assert commit_weeks.parse_weeks(COUNTS, None) is None
    assert commit_weeks.parse_weeks(COUNTS[:51], found.state) is None
