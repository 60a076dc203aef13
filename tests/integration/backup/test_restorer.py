"""Restoring: it ends where it should from wherever it begins, and overwrites nothing unasked."""

from dataclasses import replace as replaced
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.backup.exporter import export_tables
from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.refresh import planner
from chalicelib.refresh.batch import Batch
from chalicelib.storage import raw_items, refresh_state, sources
from chalicelib.storage.errors import Throttled
from chalicelib.storage.models import NameItem
from chalicelib.storage.raw_items import RawItem
from tests.integration.backup.conftest import source
from tests.support import entities, state
from tests.support.aws import Died, dying, failing, recorded
from tests.support.exports import restore, wipe
from tests.support.races import answering
from tests.support.toy_host import Toy

NOW = 1_764_100_000


@pytest.fixture
def prefix(stored: state.Rows) -> str:
    """An export of what is stored; the tables are as they were then."""
    return export_tables().prefix


def _different(done: dict[str, Any]) -> dict[str, int]:
    return {kind: table.different for kind, table in done.items() if table.different}


def test_what_is_there_already_is_not_written(stored: state.Rows, prefix: str) -> None:
    with recorded() as calls:
        done = restore(prefix)
    assert sum(table.same for table in done.values()) == len(stored)
    assert set(calls.operations) == {"Scan"}


@pytest.mark.parametrize("replace", [False, True])
def test_one_that_died_anywhere_is_repeated_to_its_end(
    stored: state.Rows, prefix: str, replace: bool
) -> None:
    wipe()
    # One thread, so that calls can be counted.
    with recorded() as calls:
        restore(prefix, replace=replace, threads=1)
    total = len(calls)
    assert total > 15
    for at in {*range(0, total, 3), total - 1}:
        wipe()
        with pytest.raises(Died), dying(at, after=False):
            restore(prefix, replace=replace, threads=1)
        assert state.rows().items() <= stored.items()
        assert _different(restore(prefix, replace=replace)) == {}
        assert state.rows() == stored


def test_nothing_newer_is_overwritten(stored: state.Rows, prefix: str) -> None:
    changes.update(Package, 1, lambda before: replaced(before, title="newer"))
    after = state.rows()
    done = restore(prefix)
    assert state.rows() == after
    changed = {place[0] for place, row in after.items() if row != stored.get(place)}
    assert set(_different(done)) == changed >= {"packages"}
    assert "different: packages 1" in done["packages"].examples
    done = restore(prefix, replace=True)
    assert done["packages"].replaced == 1
    assert _different(done) == {}
    assert state.rows() == stored


def test_a_dry_run_tells_the_same_and_writes_nothing(stored: state.Rows, prefix: str) -> None:
    raw_items.put_items("names", [{"name": {"S": "packages/slug/package-1"}, "owner": {"N": "9"}}])
    raw_items.create_item("memberships", {"id": {"N": "99"}})
    before = {place: row for place, row in state.rows().items() if place[0] != "history"}
    state.restore(before)
    with recorded() as calls:
        done = restore(prefix, dry_run=True)
        replacing = restore(prefix, dry_run=True, replace=True)
    assert set(calls.operations) == {"Scan"}
    assert state.rows() == before
    assert (done["history"].written, replacing["history"].written) == (2, 2)
    assert (done["names"].different, replacing["names"].replaced) == (1, 1)
    assert done["memberships"].others == 1


def test_what_the_export_does_not_have_is_told_and_kept(stored: state.Rows, prefix: str) -> None:
    changes.create(entities.package(50))
    done = restore(prefix)
    assert done["packages"].others == 1
    assert "not in the export: packages 50" in done["packages"].examples
    assert changes.get(Package, 50).entity.title == "package-50"


def _one_faster(kind: str, theirs: RawItem, is_deleted: bool = False) -> Any:
    """Another writer puts ``theirs`` just before the restore puts that item of ``kind``."""
    key = raw_items.get_key(kind, theirs)

    def put(arguments: dict[str, Any], call: Any) -> Any:
        is_meant = arguments["TableName"] == raw_items.get_table_name(kind)
        if not is_meant or raw_items.get_key(kind, arguments["Item"]) != key:
            return call()
        raw_items.put_items(kind, [theirs])
        try:
            return call()
        finally:
            if is_deleted:
                NameItem(theirs["name"]["S"]).delete()

    return answering("PutItem", put)


NAME: RawItem = {"name": {"S": "packages/slug/package-1"}}


def test_another_writer_in_between_keeps_what_it_wrote(stored: state.Rows, prefix: str) -> None:
    wipe()
    with _one_faster("names", NAME | {"owner": {"N": "77"}}):
        done = restore(prefix)
    assert _different(done) == {"names": 1}
    assert done["names"].examples == ["different: names packages/slug/package-1"]
    assert raw_items.get_item("names", NAME) == NAME | {"owner": {"N": "77"}}


def test_another_writer_of_the_same_is_no_difference(stored: state.Rows, prefix: str) -> None:
    wipe()
    with _one_faster("names", NAME | {"owner": {"N": "1"}}):
        done = restore(prefix)
    assert (_different(done), done["names"].same) == ({}, 1)
    assert state.rows() == stored


def test_an_item_that_is_put_and_deleted_meanwhile_is_told(stored: state.Rows, prefix: str) -> None:
    wipe()
    with _one_faster("names", NAME | {"owner": {"N": "1"}}, is_deleted=True):
        done = restore(prefix)
    assert _different(done) == {"names": 1}
    assert _different(restore(prefix)) == {}
    assert state.rows() == stored


def test_a_storage_that_fails_is_passed_on_and_may_be_tried_again(
    stored: state.Rows, prefix: str
) -> None:
    wipe()
    with failing("PutItem", lambda arguments: arguments["TableName"].endswith("directory")):
        with pytest.raises(Exception, match="nowhere"):
            restore(prefix)
    assert 0 < len(state.rows()) < len(stored)
    restore(prefix)
    assert state.rows() == stored


def test_what_dynamodb_leaves_unprocessed_is_sent_again(stored: state.Rows, prefix: str) -> None:
    wipe()
    left = []

    def half(arguments: dict[str, Any], call: Any) -> Any:
        ((table, requests),) = arguments["RequestItems"].items()
        if len(requests) < 2:
            return call()
        arguments["RequestItems"] = {table: requests[::2]}
        left.append(table)
        return call() | {"UnprocessedItems": {table: requests[1::2]}}

    with answering("BatchWriteItem", half):
        restore(prefix, replace=True)
    assert left
    assert state.rows() == stored


def test_what_stays_unprocessed_is_an_error(stored: state.Rows, prefix: str) -> None:
    wipe()
    with answering(
        "BatchWriteItem", lambda given, call: {"UnprocessedItems": given["RequestItems"]}
    ):
        with pytest.raises(Throttled, match="unprocessed"):
            restore(prefix, replace=True)
    assert state.rows() == {}


# What belongs to the refresh


def test_slots_are_not_restored_and_budgets_only_where_there_are_none(
    stored: state.Rows, bucket: None
) -> None:
    assert refresh_state.acquire_slot("github", 1, "worker", NOW, NOW + 120) == "github#0"
    prefix = export_tables().prefix
    wipe()
    done = restore(prefix)
    assert (done["hosts"].written, done["hosts"].left_out) == (1, 1)
    # Whoever comes first gets a slot, though the one of then would still be held.
    assert refresh_state.acquire_slot("github", 1, "another", NOW, NOW + 120) == "github#0"
    # What was spent since is not forgotten, and who works now keeps the slot.
    _, version = refresh_state.get_meters("github")
    newer = refresh_state.replace_meters("github", version, {"requests": {"spent": 1}})
    for replace in (False, True):
        done = restore(prefix, replace=replace)
        assert (done["hosts"].kept, done["hosts"].different, done["hosts"].others) == (1, 0, 0)
    assert refresh_state.get_meters("github") == ({"requests": {"spent": 1}}, newer)
    assert refresh_state.acquire_slot("github", 1, "third", NOW, NOW + 120) is None


def test_what_was_under_way_is_planned_anew(stored: state.Rows, bucket: None) -> None:
    raw_items.put_items("sources", [source(2, "repository", due=NOW - 60)])
    host = Toy("http://127.0.0.1:9")
    now = datetime.fromtimestamp(NOW, UTC)

    def planned() -> list[int]:
        sent: list[Batch] = []
        planner.plan({"github": host}, now, sent.extend, timedelta(hours=20))
        return [one for batch in sent for one in batch.packages]

    assert planned() == [1, 2]
    assert planned() == []
    prefix = export_tables().prefix
    wipe()
    # The queue may be another one by now: a lease would only hold up.
    assert restore(prefix)["hosts"].left_out == 1
    assert planned() == [1, 2]
    # Where it still is the same one, what it has is not sent once more.
    restore(prefix, replace=True)
    assert planned() == []


def test_what_was_put_off_by_leases_of_an_older_version_is_due_when_they_end(
    stored: state.Rows, bucket: None
) -> None:
    raw_items.put_items("sources", [source(2, "repository", due=NOW + 7200, leased=NOW + 7200)])
    prefix = export_tables().prefix
    wipe()
    restore(prefix)

    def planned(now: float) -> list[int]:
        return sorted(due.package_id for due in sources.iter_due("github", now, 10))

    assert planned(NOW) == [1]
    assert planned(NOW + 7200) == [1, 2]
