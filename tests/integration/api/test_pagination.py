"""Limit/offset pagination against the rules that Django REST Framework documents."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from chalicelib.catalog import changes
from tests.support.api_client import ROOT, ask, settings
from tests.support.entities import category, package

#: Highest first, in three blocks of the directory, with text that JSON escapes in many ways.
IDS = [200_000, 65_537, 65_536, 65_535, 12, 2, 1]
LIST = "/api/v4/packages/"
modestly = of_hypothesis(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

Pairs = list[tuple[str, str]]


class Expected(NamedTuple):
    """A page: its ids, and the parameters of its links (``None`` where there is no link)."""

    ids: list[int]
    next: Pairs | None
    previous: Pairs | None


@pytest.fixture(scope="module")
def seven(bare: int) -> int:
    """The API with seven packages; the port."""
    changes.create(category())
    for number, identifier in enumerate(IDS):
        text = 'é\u2028🐍"\\\n' * 20 * number
        changes.create(package(identifier, repo_description=text))
    return bare


def _model(pairs: Pairs) -> Expected:
    """The documented rules, in the plainest words: the last value of a parameter counts."""
    values = dict(pairs)
    limit = _whole(values.get("limit", ""))
    limit = limit if limit is not None and limit > 0 else 20
    offset = _whole(values.get("offset", ""))
    offset = offset if offset is not None and offset > 0 else 0
    others = [pair for pair in pairs if pair[0] not in {"limit", "offset"}]

    def link(start: int) -> Pairs:
        kept = [*others, ("limit", str(limit))]
        return sorted(
            kept + ([("offset", str(start))] if start > 0 else []), key=lambda pair: pair[0]
        )

    following, before = offset + limit, offset - limit
    return Expected(
        IDS[offset:following],
        link(following) if following < len(IDS) else None,
        link(before) if offset > 0 else None,
    )


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _parameters(link: str | None) -> Pairs | None:
    if link is None:
        return None
    scheme, host, path, query, _ = urlsplit(link)
    assert f"{scheme}://{host}{path}" == ROOT + "packages/"
    return parse_qsl(query, keep_blank_values=True)


numbers = st.one_of(
    st.integers(-3, 12).map(str),
    st.integers().map(str),
    st.sampled_from(["+3", " 3 ", "1_0", "_1", "03", "-0", "٣", "3.0", "1e1", "0x2", "", "abc"]),
    st.sampled_from(["null", "9" * 25, "9" * 4300, "9" * 4301, "-" + "9" * 400, "²", "3\x00"]),
    st.text(max_size=5),
)
names = st.one_of(st.sampled_from(["a", "Z", "é", "limit ", "offset[]"]), st.text(max_size=4))
parameters = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["limit", "offset"]), numbers),
        st.tuples(names.filter(lambda name: name != "format"), st.text(max_size=6)),
    ),
    max_size=6,
)


@modestly
@given(pairs=parameters)
@example(pairs=[("limit", "-1"), ("offset", "abc")])
@example(pairs=[("limit", "0"), ("offset", "-5")])
@example(pairs=[("limit", "2"), ("offset", "3")])
@example(pairs=[("offset", "7")])
@example(pairs=[("offset", "8")])
@example(pairs=[("limit", "9" * 4300), ("offset", "9" * 4300)])
@example(pairs=[("limit", "1"), ("z", "1"), ("b", "2"), ("z", "0"), ("limit", "3"), ("", "")])
def test_a_page_is_what_the_rules_say(seven: int, pairs: Pairs) -> None:
    expected = _model(pairs)
    reply = ask(seven, f"{LIST}?{urlencode(pairs)}")
    assert reply.status == 200
    page = reply.json
    assert page["count"] == len(IDS)
    assert [item["id"] for item in page["results"]] == expected.ids
    assert _parameters(page["next"]) == expected.next
    assert _parameters(page["previous"]) == expected.previous


def test_parameters_that_are_not_encoded_are_read_as_forms_are(seven: int) -> None:
    assert len(ask(seven, LIST + "?limit=+3").json["results"]) == 3
    assert len(ask(seven, LIST + "?limit=%2B3").json["results"]) == 3
    assert ask(seven, LIST + "?limit=3;offset=1").json["next"] is None
    reply = ask(seven, LIST + "?&&limit=3&=&a&%FF=%FF&limit=3#x").json
    assert _parameters(reply["next"]) is None
    page = ask(seven, LIST + "?&limit=3&=&a&%FF=%FE").json
    assert page["next"] == f"{ROOT}packages/?=&a=&limit=3&offset=3&%EF%BF%BD=%EF%BF%BD"


def test_a_page_is_compact_json_in_the_order_of_the_original(seven: int) -> None:
    body = ask(seven, LIST + "?limit=1&offset=6").body.decode()
    item = ask(seven, LIST + "1/").body.decode()
    before = f'"{ROOT}packages/?limit=1&offset=5"'
    assert body == f'{{"count":7,"next":null,"previous":{before},"results":[{item}]}}'


def test_an_empty_collection_is_a_page(seven: int) -> None:
    body = ask(seven, "/api/v4/grids/?limit=5&offset=0").body
    assert body == b'{"count":0,"next":null,"previous":null,"results":[]}'


def _walk(port: int, query: str, headers: dict[str, str], by: str = "next") -> Iterator[Any]:
    link: str | None = ROOT + "packages/" + query
    seen: set[str] = set()
    while link:
        assert link not in seen, "it goes round in circles"
        seen.add(link)
        page = ask(port, "/api/v4/" + link.removeprefix(ROOT), headers=headers).json
        yield page
        link = page[by]


@modestly
@given(limit=numbers, other=st.text(max_size=4))
def test_next_visits_every_item_exactly_once(seven: int, limit: str, other: str) -> None:
    query = "?" + urlencode([("limit", limit), ("x", other)])
    found = [item["id"] for page in _walk(seven, query, {}) for item in page["results"]]
    assert found == IDS


@modestly
@given(limit=st.integers(1, 9), start=st.integers(0, 9))
def test_previous_ends_at_the_start(seven: int, limit: int, start: int) -> None:
    pages = list(_walk(seven, f"?limit={limit}&offset={start}", {}, by="previous"))
    found = [item["id"] for page in pages[::-1] for item in page["results"]]
    # The first page may overlap the second, as in the original: none begins before the start.
    assert list(dict.fromkeys(found)) == IDS[: start + limit]


@modestly
@given(
    limit=st.integers(1, 9),
    bound=st.integers(0, 9_000),
    indent=st.sampled_from([0, 1, 8]),
    host=st.sampled_from(["djangopackages.org", "h" * 2_000]),
)
def test_a_page_too_large_to_return_is_cut_with_a_right_next(
    seven: int, limit: int, bound: int, indent: int, host: str
) -> None:
    headers = {"Accept": f"application/json; indent={indent}", "Host": host}
    found: list[int] = []
    with settings(max_response_bytes=bound):
        link = f"{ROOT}packages/?limit={limit}"
        while link:
            reply = ask(seven, "/api/v4/" + link.removeprefix(ROOT), headers=headers)
            page = reply.json
            # What Lambda counts: the body as a JSON string of its own.
            size = len(json.dumps(reply.body.decode()))
            results = page["results"]
            assert size <= bound * 9 // 8 or len(results) == 1
            assert 1 <= len(results) <= limit
            found += [item["id"] for item in results]
            link = (page["next"] or "").replace(host, "djangopackages.org")
    assert found == IDS


def test_a_page_that_fits_is_not_cut(seven: int) -> None:
    whole = ask(seven, LIST + "?limit=7")
    with settings(max_response_bytes=len(json.dumps(whole.body.decode())) + 64 * len(IDS)):
        assert ask(seven, LIST + "?limit=7").body == whole.body
