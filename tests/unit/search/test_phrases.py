"""Phrases match as in PostgreSQL: its own answers, and the rule written again in the test."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.search.entries import Entry
from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.pgtext.tsquery import Lexeme, Phrase, Query
from chalicelib.search.pgtext.websearch import parse_websearch
from chalicelib.search.text_match import TextMatch

#: No word of these is stemmed or a stop word; two start alike.
WORDS = ("bad", "bag", "cod", "den")


def _write_and_open(path: Path, texts: list[str], **fields: str) -> IndexFile:
    path.unlink(missing_ok=True)
    write_index(
        path,
        [
            Entry(title=text, slug="", item_type="package", weight=0, body=str(number), **fields)
            for number, text in enumerate(texts)
        ],
    )
    return IndexFile(path)


def _get_matches(index: IndexFile, query: Query) -> list[int]:
    return bitset.get_members(TextMatch(index, query).entries)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where index files are written, one after the other."""
    return tmp_path_factory.mktemp("phrases") / "index.sqlite"


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=1, max_size=20),
    phrase=st.lists(
        st.tuples(st.sampled_from(("ba", *WORDS)), st.integers(1, 3)), min_size=2, max_size=4
    ),
)
def test_a_phrase_matches_where_all_of_it_is_in_place(
    path: Path, texts: list[list[str]], phrase: list[tuple[str, int]]
) -> None:
    query: Query = Lexeme(phrase[0][0], is_prefix=True)
    places, end = [(0, phrase[0][0])], 0
    for word, distance in phrase[1:]:
        query = Phrase(query, Lexeme(word, is_prefix=True), distance)
        end += distance
        places.append((end, word))
    index = _write_and_open(path, [" ".join(words) for words in texts])
    assert _get_matches(index, query) == [
        number
        for number, words in enumerate(texts)
        if any(
            all(words[start + place].startswith(word) for place, word in places)
            for start in range(len(words) - end)
        )
    ]
    index.close()


def test_few_entries_are_looked_up_in_what_many_have(path: Path) -> None:
    texts = ["bad cod"] * 40 + ["den bad", "bad bad den", "bad cod den"]
    index = _write_and_open(path, texts, description="bad")
    assert _get_matches(index, Phrase(Lexeme("bad"), Lexeme("den"))) == [41]
    assert _get_matches(index, Phrase(Lexeme("den"), Lexeme("bad"))) == [40, 41, 42]
    index.close()


def test_a_phrase_does_not_reach_into_the_next_entry(path: Path) -> None:
    index = _write_and_open(path, ["the " * 9_000 + "bad", "den " + "the " * 9_000 + "cod bad"])
    for distance in (1, 9_001, 16_383):
        assert _get_matches(index, Phrase(Lexeme("bad"), Lexeme("den"), distance)) == []
    index.close()


def test_words_at_the_last_position_must_all_be_there(path: Path) -> None:
    start = "the " * 16_380
    index = _write_and_open(path, [start + "bad bag cod", start + "bad bag cod den"])
    for phrase, expected in (("bad bag cod den", [1]), ("bad bag den", [1]), ("bad den bug", [])):
        query = parse_websearch(f'"{start}{phrase}"')
        assert query
        assert _get_matches(index, query) == expected
    index.close()
