"""Search after a refresh that ended badly."""

from collections.abc import Callable
from typing import Any

from tests.integration.cli.conftest import Site
from tests.support import aws, bucket


def _after(number: int) -> Callable[[Any], bool]:
    """Whether so many calls were made before."""
    left = iter(range(number))
    return lambda arguments: next(left, None) is None


def test_search_knows_what_a_run_changed_that_an_error_ended(site: Site) -> None:
    with aws.failing("TransactWriteItems", _after(5)):
        assert site.run("refresh", "--host", "github") == 2
    assert site.counts("github")["changed"] >= 5
    assert "search index: 24 entries" in site.out
    assert "request to http://127.0.0.1:" in site.err


def test_a_run_that_an_error_ended_before_anything_changed_publishes_nothing(site: Site) -> None:
    with aws.failing("TransactWriteItems", _after(0)):
        assert site.run("refresh", "--host", "github") == 2
    assert "search index:" not in site.out


def test_an_error_in_publishing_does_not_hide_the_first(site: Site) -> None:
    refusing = bucket.failing(bucket.client_error("AccessDenied", 403))
    with refusing, aws.failing("TransactWriteItems", _after(5)):
        assert site.run("refresh", "--host", "github") == 2
    publishing, first = site.err.splitlines()
    assert publishing.startswith("packgrid: the search index is out of date: ")
    assert "AccessDenied" in publishing
    assert "request to http://127.0.0.1:" in first
    assert "AccessDenied" not in first
