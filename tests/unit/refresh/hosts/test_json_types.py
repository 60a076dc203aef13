"""Hosts' JSON as structs: what is decoded may be stored, and what may not is a BadValue."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from chalicelib.refresh.hosts.json_types import Count, Instant, Name, RequiredText, Text, decode
from chalicelib.refresh.json_fields import BadValue


class Example(Struct):
    sha: RequiredText
    stars: Count = 0
    about: Text = Text()
    author: Name = Name()
    at: Instant | None = None


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        ({"sha": "a"}, Example(RequiredText("a"))),
        ({"sha": "a", "about": None, "at": None}, Example(RequiredText("a"))),
        ({"sha": "a", "stars": 2**53}, Example(RequiredText("a"), 2**53)),
        ({"sha": "a\x00\ud800"}, Example(RequiredText("a?"))),
        ({"sha": "a", "author": "x" * 300}, Example(RequiredText("a"), author=Name("x" * 200))),
        ({"sha": "a", "about": "x" * 30_000}, Example(RequiredText("a"), about=Text("x" * 20_000))),
        ({"sha": "a", "other": [1]}, Example(RequiredText("a"))),
    ],
)
def test_members_are_fit_to_be_stored(json: Any, expected: Example) -> None:
    assert decode(json, Example) == expected


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-03T10:00:00Z", datetime(2026, 11, 3, 10, tzinfo=UTC)),
        ("2026-11-03T10:00:00.000+02:00", datetime(2026, 11, 3, 8, tzinfo=UTC)),
        ("2026-11-03T10:00:00", datetime(2026, 11, 3, 10, tzinfo=UTC)),
    ],
)
def test_instants_are_in_utc(text: str, instant: datetime) -> None:
    at = decode({"sha": "a", "at": text}, Example).at
    assert at == instant
    assert at is not None
    assert at.utcoffset() == instant.utcoffset()


def test_a_reason_does_not_repeat_what_a_host_sent() -> None:
    with pytest.raises(BadValue) as caught:
        decode({"sha": "a", "at": "no instant " * 10_000}, Example)
    assert str(caught.value) == "Expected an instant - at `$.at`"


@pytest.mark.parametrize(
    ("json", "fault"),
    [
        ({}, "required field `sha`"),
        ({"sha": ""}, "not empty - at `$.sha`"),
        ({"sha": None}, "not empty - at `$.sha`"),
        ({"sha": 5}, "Expected a text - at `$.sha`"),
        ({"sha": "a", "stars": True}, "at `$.stars`"),
        ({"sha": "a", "stars": -1}, "at `$.stars`"),
        ({"sha": "a", "stars": 1.0}, "at `$.stars`"),
        ({"sha": "a", "stars": 2**53 + 1}, "at `$.stars`"),
        ({"sha": "a", "at": 5}, "Expected an instant - at `$.at`"),
        ({"sha": "a", "at": "yesterday"}, "at `$.at`"),
        ({"sha": "a", "at": "0001-01-01T00:00:00+10:00"}, "Outside the calendar"),
        (None, "Expected `object`"),
        ([], "Expected `object`"),
        ("\ud800", ""),
        ({"\ud800": 1}, ""),
    ],
)
def test_what_may_not_be_stored_is_a_bad_value_that_names_the_member(json: Any, fault: str) -> None:
    with pytest.raises(BadValue) as caught:
        decode(json, Example)
    assert fault in str(caught.value)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("sha", "stars", "about", "at"), ANY)))
def test_any_json_is_an_example_or_a_bad_value(json: dict[str, Any]) -> None:
    try:
        example = decode(json, Example)
    except BadValue:
        return
    assert example.sha
    assert 0 <= example.stars <= 2**53
    assert "\x00" not in example.about
    example.about.encode()
