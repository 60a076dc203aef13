"""What ExportTableToPointInTime wrote is restored like an export of ours."""

import base64
import hashlib
from typing import Any

import pytest

from chalicelib.backup import manifest
from chalicelib.backup.manifest import UnusableExport
from chalicelib.settings import TABLES
from chalicelib.storage import objects, raw_items
from tests.support import state
from tests.support.exports import body, by_dynamodb, keys, one_by_dynamodb, restore, wipe


@pytest.mark.parametrize("prefix", ["", "aws/", "exports/of-november/"])
def test_it_is_restored(stored: state.Rows, prefix: str) -> None:
    by_dynamodb(prefix, stored)
    wipe()
    restore(prefix or "AWSDynamoDB")
    assert state.rows() == stored


def test_it_is_listed_where_ours_are(stored: state.Rows) -> None:
    by_dynamodb("exports/of-november/", stored)
    (found,) = manifest.iter_exports()
    assert (found.prefix, found.state) == ("exports/of-november/", manifest.OF_DYNAMODB)
    assert found.items == len(stored)


def test_a_copy_elsewhere_is_as_good(stored: state.Rows) -> None:
    by_dynamodb("aws/", stored)
    for key in keys("aws/"):
        objects.overwrite(key.replace("aws/", "copied/to/"), body(key))
        objects.delete(key)
    wipe()
    restore("copied/to")
    assert state.rows() == stored


@pytest.mark.parametrize(
    "name",
    ["{table}", "packgrid-{kind}", "{kind}", "a-{Kind}Table-0X", "old{kind}", "grids-of-{kind}"],
)
def test_which_table_it_is_of(stored: state.Rows, name: str) -> None:
    for kind in TABLES:
        table = name.format(table=raw_items.get_table_name(kind), kind=kind, Kind=kind.title())
        items = [row for (of, _), row in stored.items() if of == kind]
        arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}"
        one_by_dynamodb(f"aws/AWSDynamoDB/{kind[:3]}/", items, tableArn=arn)
    assert set(manifest.find_export("aws").tables) == set(TABLES)


def test_a_folder_says_it_where_the_name_does_not(stored: state.Rows) -> None:
    for kind in TABLES:
        items = [row for (of, _), row in stored.items() if of == kind]
        one_by_dynamodb(f"aws/{kind}/AWSDynamoDB/0-1/", items, tableArn="arn:x:table/Music")
    wipe()
    restore("aws")
    assert state.rows() == stored


@pytest.mark.parametrize("written", ["base64", "hexadecimal", "in words", "not at all"])
def test_checksums_beside_manifests(stored: state.Rows, written: str) -> None:
    by_dynamodb("aws/", stored)
    for key in keys("aws/"):
        if key.endswith(".checksum"):
            md5 = hashlib.md5(body(key.replace(".checksum", ".json")))
            says: dict[str, Any] = {
                "base64": base64.b64encode(md5.digest()) + b"\n",
                "hexadecimal": md5.hexdigest().encode(),
                "in words": b"This is the checksum of a file",
            }
            objects.overwrite(key, says[written]) if written in says else objects.delete(key)
    wipe()
    restore("aws")
    assert state.rows() == stored


def test_other_instants_are_known(stored: state.Rows) -> None:
    by_dynamodb("aws/", stored)
    assert manifest.find_export("aws").export_times == ["2026-11-20T10:11:12.000Z"]
    items = [row for (of, _), row in stored.items() if of == "grids"]
    (folder,) = {
        key.rpartition("/")[0] for key in keys("aws/AWSDynamoDB/01") if "/data/" not in key
    }
    arn = "arn:aws:dynamodb:us-east-1:1:table/x-grids"
    one_by_dynamodb(folder + "/", items, tableArn=arn, exportTime="2026-11-21T00:00:00Z")
    assert len(manifest.find_export("aws").export_times) == 2


def test_what_the_catalogue_can_do_without_may_be_missing(stored: state.Rows) -> None:
    by_dynamodb("aws/", stored)
    left = ("loads", "sources", "history", "hosts")
    for number, kind in enumerate(TABLES):
        if kind in left:
            objects.delete(f"aws/AWSDynamoDB/0{number}-1a2b/manifest-summary.json")
    assert manifest.find_export("aws").missing == list(left)
    wipe()
    restore("aws")
    assert state.rows() == {p: row for p, row in stored.items() if p[0] not in left}


def test_nothing_below_a_prefix_is_said(stored: state.Rows) -> None:
    with pytest.raises(UnusableExport, match="there is nothing below exports/20261125T210000Z/"):
        manifest.find_export("20261125T210000Z")
