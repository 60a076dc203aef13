"""Rankings as PostgreSQL 15 gives them for a catalogue generated for this test.

``rankings.json`` holds the entries and, of each query, the slugs in the order of the server:
relevance, similarity, title, at most 20.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.search.entries import Entry
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.searcher import search

RECORDED: dict[str, Any] = json.loads(
    Path(__file__).with_name("rankings.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexFile]:
    entries = [
        Entry(item_type="package", body=entry["slug"], **entry) for entry in RECORDED["entries"]
    ]
    path = tmp_path_factory.mktemp("rankings") / "index.sqlite"
    write_index(path, sorted(entries, key=lambda entry: entry.title))
    opened = IndexFile(path)
    yield opened
    opened.close()


@pytest.mark.parametrize("query", RECORDED["queries"])
def test_the_order_is_the_servers(index: IndexFile, query: str) -> None:
    assert search(index, query) == RECORDED["queries"][query]
