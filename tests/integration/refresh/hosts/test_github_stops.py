"""GitHub when its REST API is limited, silent, or time is up: nothing is lost, nothing fails."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import Figures, Postponed
from chalicelib.refresh.rate_limit import Reading
from tests.integration.refresh.hosts.githubs import (
    NEXT,
    WEEKS,
    GraphQL,
    again,
    all_known,
    contributors,
    host,
    node,
    participation,
    rest,
    routes,
)
from tests.support.upstream.asking import TODAY, FakeTime, asked
from tools.fakehosts.replay import Replay, ResponseParts, Routes

pytestmark = pytest.mark.usefixtures("tables")

PEOPLE: ResponseParts = (200, {"ETag": '"p2"'}, contributors("ada", "alan"))
NUMBERS: ResponseParts = (200, {"ETag": '"w2"'}, participation(1, 2))


def many(count: int, **more: Any) -> tuple[list[str], Routes]:
    """Repositories with new heads."""
    names = [f"o/r{number}" for number in range(1, count + 1)]
    nodes = {name: node(name, number, oid=NEXT) for number, name in enumerate(names, 1)}
    made: dict[str, Any] = {}
    for name in names:
        made |= rest(name, [PEOPLE], [NUMBERS])
    return names, routes(GraphQL(nodes), made | more)


def test_a_spent_budget_of_rest_leaves_parts_open_and_no_repository_out() -> None:
    budget, time = SharedBudget(), FakeTime()
    reset = TODAY + timedelta(minutes=30)
    names, made = many(5)
    with Replay.from_routes(made) as replay:
        github = host(replay)
        budget.record_reading(github, Reading("core", 5000, 0, reset), TODAY)
        found = asked(github, all_known(names), time.context(), budget)
        assert found.sent == 1
        for outcome in found.outcomes.values():
            assert isinstance(outcome, Figures)
            assert outcome.state["open"] == ["contributors", "weeks"]
            assert outcome.again_at == reset
            assert outcome.values["commits_over_52w"] == WEEKS
        left = [
            again(before, found.outcomes[before.package.id], is_check_due=False)
            for before in all_known(names)
        ]
        second = asked(github, left, time.context(), budget)
        assert second.sent == 0
        assert {type(outcome) for outcome in second.outcomes.values()} == {Postponed}
        time.move_to(reset)
        third = asked(github, left, time.context(), budget)
    for outcome in third.outcomes.values():
        assert isinstance(outcome, Figures)
        assert set(outcome.values) == {"participants", "commits_over_52w"}
        assert "open" not in outcome.state
    assert third.sent == 10


def test_a_limit_in_between_keeps_what_was_had() -> None:
    limited: ResponseParts = (403, {"Retry-After": "90"}, {"message": "secondary rate limit"})
    names, made = many(3, **{"GET /repos/o/r2/stats/participation": [limited]})
    with Replay.from_routes(made) as replay:
        found = asked(host(replay), all_known(names))
    opened = [found.outcomes[number] for number in (1, 2, 3)]
    assert all(isinstance(outcome, Figures) for outcome in opened)
    states = [outcome.state.get("open") for outcome in opened if isinstance(outcome, Figures)]
    assert states == [None, ["weeks"], ["contributors", "weeks"]]
    assert [getattr(outcome, "again_at", None) for outcome in opened[1:]] == [
        TODAY + timedelta(seconds=90)
    ] * 2
    assert found.sent == 1 + 2 + 2


def test_when_rest_does_not_answer_it_is_left_alone() -> None:
    silent: ResponseParts = (503, {}, "")
    names, _ = many(10)
    more = {f"GET /repos/{name}/stats/participation": [silent] for name in names}
    more |= {f"GET /repos/{name}/contributors?per_page=100": [silent] for name in names}
    _, made = many(10, **more)
    with Replay.from_routes(made) as replay:
        found = asked(host(replay), all_known(names))
    assert {type(outcome) for outcome in found.outcomes.values()} == {Figures}
    assert found.sent == 1 + 3 * 3


def test_out_of_time_leaves_parts_open_until_at_once() -> None:
    names, made = many(4, **{"GET /repos/o/r2/contributors?per_page=100": [(503, {}, "")]})
    time = FakeTime()
    with Replay.from_routes(made) as replay:
        found = asked(host(replay), all_known(names), time.context(seconds=14))
    states = []
    for number in (1, 2, 3, 4):
        outcome = found.outcomes[number]
        assert isinstance(outcome, Figures)
        states.append(outcome.state.get("open"))
    assert states == [None] + [["contributors", "weeks"]] * 3
