"""Of a lexeme with and without prefix, the same one counts as in PostgreSQL."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.search.entries import Entry
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.pgtext.tsquery import And, Lexeme, Or, Query
from chalicelib.search.pgtext.websearch import parse_search_text
from chalicelib.search.ranking import get_distinct_lexemes
from chalicelib.search.searcher import rank_by_text
from chalicelib.search.text_match import TextMatch

LEXEMES = st.builds(Lexeme, st.text("abé🔥", min_size=1, max_size=2), st.booleans())


@pytest.mark.parametrize(
    ("word", "title", "rank"),
    [
        ("x-y-z", "x509 x-y-z", 0.6079271),
        ("x-y-z", "x-y-z", 0.6079271),
        ("z-y-x", "x509 x-y-z", 0.75990885),
        ("z-y-x", "z-y-x zebra yak x509", 1.0638725),
        ("x-y_z", "x509 x-y-z", 0.4559453),
        ("x_y-z", "z-y-x zebra yak x509", 0.6079271),
        ("c-b-c", "c-b-c bus cat", 0.6585877),
        ("b-2-c", "b-2-c bcd 25", 0.81056947),
        ("b-2-c", "c-b-c bus cat", 1.0638725),
        ("2-1-3", "d-3-d door", 0.20264237),
        ("d-3-d", "d-3-d door", 0.98788154),
    ],
)
def test_short_words_with_parts_rank_as_the_servers(
    tmp_path: Path, word: str, title: str, rank: float
) -> None:
    query = parse_search_text(word)
    assert query
    path = tmp_path / "index.sqlite"
    write_index(path, [Entry(title=title, slug="", item_type="package", weight=0, body="")])
    index = IndexFile(path)
    ranks = rank_by_text(TextMatch(index, query), query, index.all_entries)
    assert ranks.get(0, 0.0) == pytest.approx(rank, rel=1e-7)
    index.close()


def test_the_prefix_counts_where_lexemes_are_few() -> None:
    query = parse_search_text("x_y")
    assert query
    assert get_distinct_lexemes(query) == [Lexeme("x", is_prefix=True), Lexeme("y", is_prefix=True)]


@given(st.lists(LEXEMES, min_size=1, max_size=40), st.sampled_from((And, Or)))
def test_each_text_is_there_once_in_the_order_of_bytes(
    lexemes: list[Lexeme], kind: type[And] | type[Or]
) -> None:
    query: Query = lexemes[0]
    for lexeme in lexemes[1:]:
        query = kind(query, lexeme)
    distinct = get_distinct_lexemes(query)
    assert set(distinct) <= set(lexemes)
    texts = [lexeme.text.encode() for lexeme in distinct]
    assert texts == sorted({lexeme.text.encode() for lexeme in lexemes})
