"""Documents and queries are what PostgreSQL makes of the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.search.pgtext.tokenizer import Token, tokenize
from chalicelib.search.pgtext.tsquery import Lexeme, Not, Or, Query
from chalicelib.search.pgtext.tsvector import build_tsvector
from chalicelib.search.pgtext.websearch import parse_prefix_word, parse_search_text, parse_websearch
from tests.unit.search.pgtext.answers import DOCUMENTS, PREFIXES, WEB_QUERIES
from tests.unit.search.pgtext.printing import shown_document, shown_query

NASTY = st.text("ab1eE_-./:@~+& \\\"'é\u0301<>;#!orXx?=🔥\u00a0\x00\ud800\n")
TEXTS = st.one_of(NASTY, st.text())


@pytest.mark.parametrize(("text", "answer"), DOCUMENTS)
def test_a_document_is_the_servers(text: str, answer: str) -> None:
    assert shown_document(build_tsvector([(text, "D")])) == answer


@pytest.mark.parametrize(("text", "answer"), WEB_QUERIES)
def test_a_query_is_the_servers(text: str, answer: str) -> None:
    assert shown_query(parse_websearch(text)) == answer


@pytest.mark.parametrize(("word", "answer"), PREFIXES)
def test_a_prefix_is_the_servers(word: str, answer: str) -> None:
    assert shown_query(parse_prefix_word(word)) == answer


def test_fields_go_on_behind_the_last_lexeme() -> None:
    fields = [("foo the the", "A"), ("the", "B"), ("the foo", "C"), ("", "D"), ("bar", "D")]
    assert build_tsvector(fields) == {"foo": [(1, "A"), (3, "C")], "bar": [(4, "D")]}


def test_a_lexeme_keeps_255_positions_of_a_field_and_256_in_all() -> None:
    assert len(build_tsvector([("foo " * 300, "A")])["foo"]) == 255
    assert build_tsvector([("foo " * 300, "A"), ("bar foo foo", "B")])["foo"][-2:] == [
        (255, "A"),
        (257, "B"),
    ]


def test_no_position_is_above_16383() -> None:
    vector = build_tsvector([("the " * 16380 + "foo bar", "A"), ("baz foo bar qux", "B")])
    last = 16383
    assert vector == {
        "foo": [(16381, "A"), (last, "B")],
        "bar": [(16382, "A"), (last, "B")],
        "baz": [(last, "B")],
        "qux": [(last, "B")],
    }
    query = parse_websearch('"' + "the " * 16380 + 'foo bar foo baz qux foo"')
    assert shown_query(query) == "'foo' <-> 'bar' <-> ( 'foo' & 'baz' & 'qux' & 'foo' )"


def test_words_that_are_too_long_leave_no_trace() -> None:
    longest = "a1" * 1023
    assert build_tsvector([(f"{longest}a {longest} x", "A")]) == {
        longest: [(1, "A")],
        "x": [(2, "A")],
    }
    assert "ⱥ" * 1000 not in build_tsvector([("Ⱥ" * 1000, "A")])


def test_words_of_more_than_1000_bytes_are_not_stemmed() -> None:
    stemmed, kept = "a" * 997 + "ing", "a" * 998 + "ing"
    assert list(build_tsvector([(stemmed + " " + kept, "A")])) == ["a" * 997, kept]


def test_short_single_words_match_as_prefixes_too() -> None:
    assert parse_search_text(" dja ") == Or(Lexeme("dja"), Lexeme("dja", is_prefix=True))
    assert parse_search_text("-abc") == Or(Not(Lexeme("abc")), Lexeme("abc", is_prefix=True))
    assert parse_search_text("django") == Lexeme("django")
    assert parse_search_text("dj") == Lexeme("dj")
    assert parse_search_text("-1.5") == Not(Lexeme("1.5"))
    assert parse_search_text("----") is None
    assert parse_search_text("____") is None


def test_tokens_have_the_servers_kinds() -> None:
    assert list(tokenize("See http://a.bc/d v1.0-rc é-1b -7")) == [
        Token("asciiword", "See"),
        Token("protocol", "http://"),
        Token("url", "a.bc/d"),
        Token("host", "a.bc"),
        Token("url_path", "/d"),
        Token("file", "v1.0-rc"),
        Token("numhword", "é-1b"),
        Token("hword_part", "é"),
        Token("hword_numpart", "1b"),
        Token("int", "-7"),
    ]


@pytest.mark.parametrize(
    "piece", ["a_", "a.", "a@", "/./", "<!--", "<a '", "<a \"'", "1.", "a-", "&"]
)
def test_long_runs_are_read_to_the_end(piece: str) -> None:
    """Would not end in reasonable time if anything were read over and over."""
    text = piece * 30_000 + " last"
    assert list(tokenize(text))[-1] == Token("asciiword", "last")
    parse_search_text(text)


@given(TEXTS)
def test_any_text_is_a_query(text: str) -> None:
    assert _lexemes_are_sound(parse_search_text(text))


@given(st.lists(st.tuples(TEXTS, st.sampled_from("ABCD")), max_size=5))
def test_positions_ascend_and_are_bounded(fields: list[tuple[str, str]]) -> None:
    for lexeme, places in build_tsvector(fields).items():
        positions = [position for position, _ in places]
        assert lexeme
        assert positions == sorted(set(positions))
        assert 1 <= positions[0] <= positions[-1] <= 16383


@given(TEXTS, TEXTS)
def test_fields_follow_each_other(first: str, second: str) -> None:
    left, right = build_tsvector([(first, "A")]), build_tsvector([(second, "B")])
    shift = max((places[-1][0] for places in left.values()), default=0)
    both = {lexeme: list(places) for lexeme, places in left.items()}
    for lexeme, places in right.items():
        both.setdefault(lexeme, []).extend((at + shift, weight) for at, weight in places)
    assert build_tsvector([(first, "A"), (second, "B")]) == both


@given(TEXTS)
def test_tokens_stand_in_the_text(text: str) -> None:
    assert all(token and token in text for _, token in tokenize(text))


def _lexemes_are_sound(query: Query | None) -> bool:
    if query is None:
        return True
    if isinstance(query, Lexeme):
        return bool(query.text)
    if isinstance(query, Not):
        return _lexemes_are_sound(query.operand)
    return _lexemes_are_sound(query.left) and _lexemes_are_sound(query.right)
