"""Trigrams and similarity; the expected values are PostgreSQL's (``show_trgm``)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.search.entries import Entry
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.pgtext.characters import to_lower
from chalicelib.search.similarity import (
    SimilarityMatch,
    compute_similarity,
    get_trigrams,
    is_similar,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("---", ""),
        ("a", "  a| a "),
        ("C++", "  c| c "),
        ("Cat", "  c| ca|at |cat"),
        ("foo_bar", "  b|  f| ba| fo|ar |bar|foo|oo "),
        ("two  two", "  t| tw|two|wo "),
        ("2fa", "  2| 2f|2fa|fa "),
    ],
)
def test_trigrams_are_the_servers(text: str, expected: str) -> None:
    assert get_trigrams(text) == frozenset(expected.split("|") if expected else ())


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("²abc", "abc", 1),
        ("①abc", "abc", 1),
        ("café½ x", "café x", 1),
        ("हिन्", "हिन्दी", 0.5714286),
        ("हिन्दी", "हिन्दी app", 0.6363636),
        ("İstanbul", "istanbul", 1),
        # In Python, lower case of İ is two characters.
        ("İstanbul", "İstanbul".lower(), 0.5833333),
    ],
)
def test_letters_beyond_ascii_are_the_servers(first: str, second: str, expected: float) -> None:
    one, other = get_trigrams(first), get_trigrams(second)
    assert compute_similarity(len(one & other), len(one), len(other)) == pytest.approx(expected)


def test_a_query_is_lower_cased_as_the_original_does_it(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    write_index(path, [Entry(title="İstanbul", slug="", item_type="package", weight=0, body="")])
    index = IndexFile(path)
    assert SimilarityMatch(index, "İstanbul").compute([0]) == [pytest.approx(0.5833333)]
    assert SimilarityMatch(index, "ISTANBUL").compute([0]) == [1]
    index.close()


@given(st.text(), st.text())
def test_case_and_separators_do_not_count(first: str, second: str) -> None:
    assert get_trigrams(first + " " + second) == get_trigrams(first) | get_trigrams(second)
    assert get_trigrams("a-" + to_lower(first)) == get_trigrams("a") | get_trigrams(first)


@given(st.frozensets(st.integers(0, 50)), st.frozensets(st.integers(0, 50)))
def test_similarity_is_the_shared_part_of_all(
    first: frozenset[int], second: frozenset[int]
) -> None:
    shared, sizes = len(first & second), (len(first), len(second))
    value = compute_similarity(shared, *sizes)
    assert value == (shared / len(first | second) if shared else 0)
    # 3 of 10 is enough, and 0.3 in double precision is exactly what 3 / 10 gives.
    assert is_similar(shared, *sizes) == (shared > 0 and value >= 0.3)
