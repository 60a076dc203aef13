"""Phrases match where PostgreSQL's do; the values are its answers, or said plainly again here."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.search.entries import Entry
from chalicelib.search.index_file import bitset
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.matches import TextMatch
from chalicelib.search.pgtext.tsquery import Lexeme, Phrase, Query
from chalicelib.search.pgtext.websearch import websearch

#: No word of these is stemmed or a stop word; two start alike.
WORDS = ("bad", "bag", "cod", "den")


def _segment(path: Path, texts: list[str], **fields: str) -> IndexFile:
    path.unlink(missing_ok=True)
    write_index(
        path,
        [
            Entry(title=text, slug="", item_type="package", weight=0, body=str(number), **fields)
            for number, text in enumerate(texts)
        ],
    )
    return IndexFile(path)


def _matching(segment: IndexFile, query: Query) -> list[int]:
    return bitset.members_of(TextMatch(segment, query).entries)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where segments are written, one after the other."""
    return tmp_path_factory.mktemp("phrases") / "segment.sqlite"


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=1, max_size=20),
    phrase=st.lists(
        st.tuples(st.sampled_from(("ba", *WORDS)), st.integers(1, 3)), min_size=2, max_size=4
    ),
)
def test_a_phrase_matches_where_all_of_it_is_in_place(
    path: Path, texts: list[list[str]], phrase: list[tuple[str, int]]
) -> None:
    query: Query = Lexeme(phrase[0][0], prefix=True)
    places, end = [(0, phrase[0][0])], 0
    for word, distance in phrase[1:]:
        query = Phrase(query, Lexeme(word, prefix=True), distance)
        end += distance
        places.append((end, word))
    segment = _segment(path, [" ".join(words) for words in texts])
    assert _matching(segment, query) == [
        number
        for number, words in enumerate(texts)
        if any(
            all(words[start + place].startswith(word) for place, word in places)
            for start in range(len(words) - end)
        )
    ]
    segment.close()


def test_few_entries_are_looked_up_in_what_many_have(path: Path) -> None:
    texts = ["bad cod"] * 40 + ["den bad", "bad bad den", "bad cod den"]
    segment = _segment(path, texts, description="bad")
    assert _matching(segment, Phrase(Lexeme("bad"), Lexeme("den"))) == [41]
    assert _matching(segment, Phrase(Lexeme("den"), Lexeme("bad"))) == [40, 41, 42]
    segment.close()


def test_a_phrase_does_not_reach_into_the_next_entry(path: Path) -> None:
    segment = _segment(path, ["the " * 9_000 + "bad", "den " + "the " * 9_000 + "cod bad"])
    for distance in (1, 9_001, 16_383):
        assert _matching(segment, Phrase(Lexeme("bad"), Lexeme("den"), distance)) == []
    segment.close()


def test_words_at_the_last_position_must_all_be_there(path: Path) -> None:
    start = "the " * 16_380
    segment = _segment(path, [start + "bad bag cod", start + "bad bag cod den"])
    for phrase, expected in (("bad bag cod den", [1]), ("bad bag den", [1]), ("bad den bug", [])):
        query = websearch(f'"{start}{phrase}"')
        assert query
        assert _matching(segment, query) == expected
    segment.close()
