"""What a read costs: requests and read units."""

from chalicelib.catalog import changes, queries
from chalicelib.storage import id_bitmap
from chalicelib.storage.models import DirectoryItem
from tests.support.aws import recorded
from tests.support.entities import category, package

LARGE = 100_000


def test_detail_by_id_is_one_request_of_at_most_one_unit(tables: None) -> None:
    changes.create(category())
    # Its item is just under 8 KB.
    changes.create(package(7, participants=",".join(f"participant-{n:04}" for n in range(185))))
    with recorded() as calls:
        assert queries.get_body_by_id("packages", 7) is not None
    assert calls.operations == ["GetItem"]
    assert calls.read_units == 1.0


def test_detail_by_slug_is_one_request(tables: None) -> None:
    changes.create(category())
    changes.create(package(7))
    with recorded() as calls:
        assert queries.get_body_by_slug("packages", "package-7") is not None
    assert calls.operations == ["Query"]
    assert calls.read_units == 0.5


def test_a_page_costs_the_same_at_any_offset_of_100_000(tables: None) -> None:
    first, last = range(LARGE, LARGE - 20, -1), range(20, 0, -1)
    changes.create(category())
    for identifier in (*first, *last):
        changes.create(package(identifier))
    _list_everything(LARGE)
    costs = []
    for offset, expected in ((0, first), (LARGE - 20, last)):
        with recorded() as calls:
            page = queries.get_page("packages", offset, 20, max_bytes=5_500_000)
        assert page.count == LARGE
        assert [int(body.split('"id":')[1].split(",")[0]) for body in page.bodies] == [*expected]
        assert calls.operations == ["Query", "BatchGetItem"]
        costs.append(calls.read_units)
    assert costs[0] == costs[1]


def _list_everything(count: int) -> None:
    """List the ids 1 to ``count``, most of which no page of the test shows."""
    for block in range(id_bitmap.get_block(count) + 1):
        start = block * id_bitmap.BLOCK_SIZE
        ids = range(max(1, start), min(count + 1, start + id_bitmap.BLOCK_SIZE))
        bits = id_bitmap.apply_changes(0, dict.fromkeys(ids, True))
        DirectoryItem("packages", block, ids=id_bitmap.pack(bits), live=len(ids), version=9).save()
