"""Rows of sources: small enough for one write unit, and read as they were before they were."""

import json
from typing import Any

import pytest

from chalicelib.storage import raw_items, sources
from tests.support.upstream.asking import TODAY


@pytest.mark.usefixtures("tables")
def test_a_row_of_before_is_read_and_small_once_it_is_written() -> None:
    state = {"id": 7, "oid": "0" * 40}
    provenance = {"repo_forks": ["graphql", TODAY.isoformat(), f"oid:{'0' * 40}"]}
    before: dict[str, Any] = {
        "package_id": {"N": "1"},
        "kind": {"S": "repository"},
        "version": {"N": "3"},
        "host": {"S": "github"},
        "address": {"S": "owner/name"},
        "due": {"N": "1764007200.5"},
        # As leases were noted once: nobody asks for it any more.
        "leased": {"N": "1764007200.5"},
        "handled": {"N": "1764000000"},
        "failures": {"N": "0"},
        "state": {"S": json.dumps(state)},
        "provenance": {"S": json.dumps(provenance)},
    }
    assert raw_items.create_item("sources", before)
    (row,) = sources.get_package_sources(1)
    assert (row.state, row.provenance, row.due) == (state, provenance, 1764007200.5)
    sources.replace_source(row, 3)
    after = raw_items.get_item("sources", before)
    assert after is not None
    assert ({*after["state"]}, {*after["provenance"]}) == ({"B"}, {"B"})
    assert "leased" not in after
    (row,) = sources.get_package_sources(1)
    assert (row.state, row.provenance, row.version) == (state, provenance, 4)
