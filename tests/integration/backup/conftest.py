"""Rows in every table, with every type of DynamoDB's."""

import pytest

from chalicelib.settings import TABLES
from chalicelib.storage import raw_items
from chalicelib.storage.raw_items import RawItem
from tests.support import state

#: Each type that DynamoDB has, and what JSON or base64 could spoil.
EVERY_TYPE: RawItem = {
    "text": {"S": 'é\n\u2028 "\U0001f40d\x00'},
    "number": {"N": "-12345678901234567890.12345678901234567"},
    "bytes": {"B": bytes(range(256))},
    "texts": {"SS": ["b", "a"]},
    "numbers": {"NS": ["3", "-1"]},
    "many bytes": {"BS": [b"\xff", b"\x00"]},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "list": {"L": [{"B": b"\x01"}, {"L": []}, {"N": "0"}]},
    "map": {"M": {"Item": {"M": {"B": {"B": b"\x02"}}}}},
}


@pytest.fixture
def stored(tables: None, bucket: None) -> state.Rows:
    """A small catalogue, rows of the refresh and of loads; what the tables hold."""
    state.small_catalogue()
    raw_items.create_item("loads", {"sha256": {"S": "0" * 64}, "file_name": {"S": "a.json"}})
    for at in ("2026-11-01", "2026-11-02"):
        raw_items.create_item("history", {"package_id": {"N": "1"}, "at": {"S": at}, **EVERY_TYPE})
    for kind in ("repository", "project"):
        raw_items.create_item("sources", source(1, kind))
    raw_items.create_item(
        "hosts", {"name": {"S": "github"}, "version": {"N": "7"}, "meters": {"S": "{}"}}
    )
    rows = state.rows()
    assert {kind for kind, _ in rows} == set(TABLES)
    return rows


def source(package: int, kind: str, **values: object) -> RawItem:
    """A source of a package, as stored."""
    item: RawItem = {
        "package_id": {"N": str(package)},
        "kind": {"S": kind},
        "version": {"N": "1"},
        "host": {"S": "github" if kind == "repository" else "index"},
        "address": {"S": "owner/name"},
        "due": {"N": "1764000000"},
        "handled": {"N": "0"},
        "failures": {"N": "0"},
        "state": {"S": "{}"},
        "provenance": {"S": "{}"},
    }
    return item | {name: {"N": str(value)} for name, value in values.items()}
