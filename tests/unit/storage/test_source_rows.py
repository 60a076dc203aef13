"""The format of source items: they fit one write unit and are read as written."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.attributes import CompressedJSONAttribute, ProvenanceAttribute
from chalicelib.storage.capacity import compute_item_size
from chalicelib.storage.refresh_models import SourceItem
from tests.support.upstream.asking import TODAY

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
_ORIGINS = st.lists(st.text(max_size=8), min_size=3, max_size=3)


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_a_state_is_read_as_it_was_written(state: dict[str, Any]) -> None:
    stored = CompressedJSONAttribute()
    assert stored.deserialize(stored.serialize(state)) == state
    assert stored.deserialize(json.dumps(state)) == state


@given(st.data())
def test_provenance_is_read_as_it_was_written(data: st.DataObject) -> None:
    # Few origins, so that figures have them in common.
    origins = data.draw(st.lists(_ORIGINS, min_size=1, max_size=3))
    found = data.draw(st.dictionaries(st.text(), st.sampled_from(origins), max_size=8))
    stored = ProvenanceAttribute()
    assert stored.deserialize(stored.serialize(found)) == found
    assert stored.deserialize(json.dumps(found)) == found


def test_a_row_is_one_write_unit_with_all_that_github_says() -> None:
    """Long names, digests as long as GitHub's are, and no two figures of the same instant."""
    digits = Random(1)
    oid = f"{digits.getrandbits(160):040x}"
    contributors, participation = (f'W/"{digits.getrandbits(256):064x}"' for _ in range(2))
    marks = {
        "repo_watchers": ("graphql", ""),
        "repo_forks": ("graphql", ""),
        "repo_description": ("graphql", ""),
        "date_repo_archived": ("graphql", ""),
        "commit_count": ("graphql", f"oid:{oid}"),
        "last_commit_date": ("graphql", f"oid:{oid}"),
        "participants": ("contributors", f"etag:{contributors}"),
        "commits_over_52w": ("stats/participation", f"etag:{participation}"),
    }

    def instant() -> datetime:
        return TODAY - timedelta(days=digits.uniform(0, 999))

    row = SourceItem(
        123_456,
        "repository",
        version=12_345,
        host="github",
        address="an-organisation-of-39-characters-nearly/django-a-package-with-a-long-name",
        due=instant().timestamp(),
        due_since=instant().timestamp(),
        check_at=instant().timestamp(),
        checked=instant().timestamp(),
        handled=instant().timestamp(),
        state={
            "id": 123_456_789,
            "oid": oid,
            "head": instant().isoformat(),
            "contributors_etag": contributors,
            "participation_etag": participation,
            "weeks": {"until": "2026-11-23", "series": "participation"},
        },
        provenance={
            name: [source, instant().isoformat(), token] for name, (source, token) in marks.items()
        },
    )
    assert compute_item_size(row.serialize()) < 0.9 * 1024
