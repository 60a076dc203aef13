"""403: of a limit, or of what is hidden; the hosts and the proxies before them use it for both."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import Failed, Postponed
from chalicelib.refresh.hosts.base import is_limit
from chalicelib.refresh.http.response import HostResponse
from tests.integration.refresh.hosts.gitlabs import Site, project, public, source
from tests.support.upstream.asking import TODAY, asked
from tools.fakehosts.scripted import History, ScriptedRepository

COMMITS = "GET /api/v4/projects/1/repository/commits"
pytestmark = pytest.mark.usefixtures("tables")


def example() -> ScriptedRepository:
    return project("group/name", 1, History(TODAY).add_line("a", [30, 20, 10]))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Retry-After": "60"}, b""),
        ({"X-RateLimit-Remaining": "0"}, b""),
        ({"RateLimit-Remaining": "0"}, b""),
        ({}, b'{"message": "API Rate Limit exceeded"}'),
    ],
)
def test_a_403_that_tells_of_a_limit_postpones(headers: dict[str, str], body: bytes) -> None:
    site = Site([example()], broken={COMMITS: [(403, headers, body)]})
    with site.serving() as replay:
        outcome = asked(public(replay), [source("group/name", 1)]).only
    assert isinstance(outcome, Postponed)
    assert outcome.until == TODAY + timedelta(seconds=60)


@pytest.mark.parametrize("status", [403, 404])
def test_a_head_without_its_list_of_commits_is_a_fault_and_is_asked_again(status: int) -> None:
    answer: list[Any] = [(status, {}, {"message": "no"})]
    with Site([example()], broken={COMMITS: answer}).serving() as replay:
        outcome = asked(public(replay), [source("group/name", 1)]).only
    assert outcome == Failed("the newest commit is shown, but not the list of commits")


@pytest.mark.parametrize(
    ("status", "headers"), [(403, {}), (403, {"X-RateLimit-Remaining": "7"}), (404, {})]
)
def test_what_is_hidden_is_no_limit(status: int, headers: dict[str, str]) -> None:
    assert not is_limit(HostResponse(status, headers, b'{"message": "Forbidden"}'))
