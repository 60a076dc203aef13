"""What is rendered: the original's JSON, and links that nothing else can be taken for."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog.entities import Entity
from chalicelib.catalog.json_body import (
    is_renderable,
    render_body,
    resolve_links,
    split_participants,
    to_json,
    to_local_time,
)
from tests.support.entities import category, grid, package

LAWS = settings(deadline=None, derandomize=True, max_examples=60)
BASE = "https://example.org/api/v4/"
#: Text with what is special in JSON, in links and in JavaScript.
TEXTS = st.text(
    st.one_of(
        st.sampled_from('\x00\x01\x02\x1f\x7f"\\/\u2028\u2029é😀'),
        st.characters(exclude_categories=["Cs"]),
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@LAWS
@given(value=VALUES)
def test_json_says_what_was_meant_on_one_line_of_javascript(value: object) -> None:
    for indent in (None, 4):
        text = to_json(value, indent)
        assert json.loads(text) == value
        assert not {"\u2028", "\u2029", "\x00", "\x01", "\x02"} & set(text)


def test_json_is_compact_and_keeps_letters_as_they_are() -> None:
    value = {"a": [1, None, True], "é": "naïve 😀 \u2028\u2029"}
    assert to_json(value) == '{"a":[1,null,true],"é":"naïve 😀 \\u2028\\u2029"}'


@LAWS
@given(title=TEXTS, slug=TEXTS, description=TEXTS, participants=TEXTS)
def test_no_text_is_taken_for_a_link(
    title: str, slug: str, description: str, participants: str
) -> None:
    entity = package(
        7,
        title=title,
        slug=slug,
        repo_description=description,
        participants=participants,
        memberships=((1, 5), (2, 3)),
    )
    answer = json.loads(resolve_links(render_body(entity), BASE, "/"))
    assert answer["title"] == title
    assert answer["slug"] == slug
    assert answer["repo_description"] == description
    assert answer["participants"] == split_participants(participants)
    assert answer["category"] == f"{BASE}categories/1/"
    assert answer["grids"] == [f"{BASE}grids/5/", f"{BASE}grids/3/"]


def test_link_marks_in_a_title_stay_text() -> None:
    body = render_body(grid(7, title="\x01packages/1\x02", members=((1, 9),)))
    assert body.count("\x01") == body.count("\x02") == 1
    answer = json.loads(resolve_links(body, BASE, ".json/"))
    assert answer["title"] == "\x01packages/1\x02"
    assert answer["packages"] == [f"{BASE}packages/9.json/"]


@pytest.mark.parametrize(
    ("entity", "keys"),
    [
        (
            package(),
            "category grids id title slug last_updated last_fetched repo_url pypi_version created"
            " modified repo_forks repo_description pypi_url documentation_url repo_watchers"
            " commits_over_52 participants",
        ),
        (grid(), "id title slug description is_locked packages header created modified"),
        (category(), "id title slug description title_plural show_pypi created modified"),
    ],
    ids=["package", "grid", "category"],
)
def test_keys_stand_in_the_original_s_order(entity: Entity, keys: str) -> None:
    assert " ".join(_answer(entity)) == keys


def test_a_package_of_which_little_is_known_is_rendered() -> None:
    answer = _answer(package(repo_url=None, participants=None, pypi_url=""))
    assert (answer["repo_url"], answer["pypi_url"], answer["pypi_version"]) == (None, "", None)
    assert (answer["grids"], answer["participants"], answer["commits_over_52"]) == ([], [], [])
    assert (answer["last_updated"], answer["last_fetched"]) == (None, None)


def _answer(entity: Entity) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(resolve_links(render_body(entity), BASE, "/"))
    return answer


def test_a_category_s_whole_body_is_this() -> None:
    entity = category(5, title="Starter", show_pypi=False, description='a "b"')
    assert render_body(entity) == (
        '{"id":5,"title":"Starter","slug":"category-5","description":"a \\"b\\"",'
        '"title_plural":"Categories 5","show_pypi":false,'
        '"created":"2024-05-06T03:08:09.123456-04:00",'
        '"modified":"2024-05-06T03:08:09.123456-04:00"}'
    )


def test_only_things_of_the_directory_are_rendered() -> None:
    with pytest.raises(TypeError, match="str"):
        render_body("package")


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        # Spring forward: the hour from two to three is not there.
        (datetime(2024, 3, 10, 6, 59, 59, tzinfo=UTC), "2024-03-10T01:59:59-05:00"),
        (datetime(2024, 3, 10, 7, 0, 0, tzinfo=UTC), "2024-03-10T03:00:00-04:00"),
        # Fall back: the hour from one to two is there twice.
        (datetime(2024, 11, 3, 5, 59, 59, tzinfo=UTC), "2024-11-03T01:59:59-04:00"),
        (datetime(2024, 11, 3, 6, 0, 0, tzinfo=UTC), "2024-11-03T01:00:00-05:00"),
        # Microseconds are shown in full, unless they are zero.
        (datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC), "2023-12-31T19:00:00.000001-05:00"),
        (datetime(2024, 1, 1, 0, 0, 0, 120_000, tzinfo=UTC), "2023-12-31T19:00:00.120000-05:00"),
        (datetime(2024, 1, 1, 0, 0, 0, 0, tzinfo=UTC), "2023-12-31T19:00:00-05:00"),
    ],
)
def test_times_are_new_york_s(instant: datetime, shown: str) -> None:
    assert to_local_time(instant) == shown
    assert to_local_time(instant.astimezone(timezone(timedelta(hours=5, minutes=45)))) == shown


@LAWS
@given(instant=st.datetimes(timezones=st.timezones()))
def test_a_time_shown_is_the_instant_it_was(instant: datetime) -> None:
    if is_renderable(instant):
        shown = to_local_time(instant)
        assert shown is not None
        assert datetime.fromisoformat(shown) == instant.astimezone(UTC)
        assert ("." in shown) == (instant.microsecond != 0)


def test_the_ends_of_the_calendar_have_no_time_in_new_york() -> None:
    assert not is_renderable(datetime(1, 1, 1, tzinfo=UTC))
    assert not is_renderable(datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))))
    assert is_renderable(datetime(2024, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, []),
        ("", []),
        ("  ", []),
        (",", []),
        ("one", ["one"]),
        ("one,two", ["one", "two"]),
        (" one , two,,\tthree\n", ["one", "two", "three"]),
        ("dependabot[bot],a b", ["dependabot[bot]", "a b"]),
        ("same,same", ["same", "same"]),
    ],
)
def test_participants_are_the_names_between_commas(text: str | None, names: list[str]) -> None:
    assert split_participants(text) == names


@LAWS
@given(names=st.lists(st.text(st.characters(exclude_characters=",", exclude_categories=["Cs"]))))
def test_participants_lose_only_blanks(names: list[str]) -> None:
    assert split_participants(",".join(names)) == [n.strip() for n in names if n.strip()]
