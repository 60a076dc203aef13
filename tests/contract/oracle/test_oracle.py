"""Our answers are those of an independent implementation in Django REST Framework.

``python -m tests.contract.oracle`` asks thousands of other requests.
"""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings

from chalicelib.local.engine import Engine
from tests.contract.oracle.asking import Tally, compare
from tests.contract.oracle.doors import Asked, Oracle, Ours, serving
from tests.contract.oracle.strategies import requests

TELLING = [
    ("packages/?limit=3&offset=3", "*/*"),
    ("packages/?limit=3&limit=2&offset=1&offset=4", "*/*"),
    ("packages/?format=xml&format=json&limit=2", "*/*"),
    ("packages/?z=1&limit=2&a=2&z=0&=", "*/*"),
    ("packages/?limit=2&offset=47", "*/*"),
    ("packages/?limit=45&offset=2", "*/*"),
    ("packages.JSON", "*/*"),
    ("packages?a=/x:y;z@[w]^%zz%2f+%20", "*/*"),
    ("packages/a;b=c&d", "*/*"),
    ("packages/%E6%97%A5%E6%9C%AC%E8%AA%9E", "*/*"),
    ("packages/%D9%A4%D9%A2/", "*/*"),
    ("categories/%C2%B2/", "*/*"),
    ("packages/in%2Ftwo/", "*/*"),
    ("packages/1%0A/", "*/*"),
    ("packages/1.json%0A", "*/*"),
    ("packages/1/", "application/json; indent*0=3"),
    ("packages/1/", "text/html, application/json;indent=2"),
    ("packages/1/", "text/html; indent=2"),
    ("packages/1.api", "text/html"),
    ("packages/1.json", "text/html"),
    ("packages/?limit=50", "text/html"),
    ("grids/?limit=50", "text/html"),
    ("categories/?limit=50", "text/html"),
]
SITE = (("Host", "djangopackages.org"), ("X-Forwarded-Proto", "https"))


@pytest.fixture(scope="module")
def ours(engine: Engine) -> Iterator[Ours]:
    with serving() as doors:
        yield doors


@pytest.fixture(scope="module")
def oracle(ours: Ours) -> Oracle:
    return Oracle(ours.port)


def _examples(test: Callable[..., None]) -> Callable[..., None]:
    """With requests that each tell a rule from one much like it, beside those generated."""
    for target, accept in TELLING:
        asked = Asked("GET", f"/api/v4/{target}", (*SITE, ("Accept", accept)))
        test = example(asked=asked)(test)
    return test


@_examples
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(asked=requests())
def test_whatever_is_asked_both_answer_alike(oracle: Oracle, ours: Ours, asked: Asked) -> None:
    assert not compare(oracle, ours, asked, Tally())


@pytest.mark.parametrize("collection", ["packages", "grids", "categories"])
def test_every_resource_is_the_same_in_both(oracle: Oracle, ours: Ours, collection: str) -> None:
    tally = Tally()
    page = Asked("GET", f"/api/v4/{collection}/?limit=1000", SITE)
    assert not compare(oracle, ours, page, tally)
    items = oracle.ask(page).json["results"]
    assert len(items) > 20
    for item in items:
        asked = Asked("GET", f"/api/v4/{collection}/{item['id']}/", SITE)
        assert not compare(oracle, ours, asked, tally)
    assert tally.statuses == {200: len(items) + 1}
