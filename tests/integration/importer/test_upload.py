"""Loading what was put in the bucket, through Chalice and as Lambda calls it."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from chalice.test import Client
from pynamodb.exceptions import TransactWriteError

import app
from chalicelib import clock, functions
from chalicelib.importer import membership_rows, upload
from chalicelib.search import index_manifest
from chalicelib.storage import aws, objects, sources
from chalicelib.storage.models import LoadItem
from tests.support import bucket as s3
from tests.support import state
from tests.support.aws import failing
from tests.support.exports import keys
from tests.support.fixtures import category, generate, grid, package, row
from tests.support.upload_calls import (
    AMPLE,
    RECORDS,
    Context,
    dump,
    event,
    finds,
    load,
    put,
    read_report,
)

pytestmark = pytest.mark.usefixtures("tables", "bucket")


def test_chalice_calls_it_with_the_time_that_is_left() -> None:
    # Chalice's own client says that 3 seconds are left: too few to begin.
    put("catalogues/a.json", dump(*RECORDS))
    with pytest.raises(upload.OutOfTime):
        Client(app.app).lambda_.invoke("load", event("catalogues/a.json"))
    assert state.catalogue_rows() == {}
    (report,) = map(read_report, keys("loads/"))
    assert report["status"] == "unfinished"


@pytest.mark.parametrize("pack", [lambda plain: plain, gzip.compress])
def test_a_catalogue_is_loaded_found_and_enrolled(pack: Callable[[bytes], bytes]) -> None:
    key = "catalogues/2026/my catalogue+\u00e9.json"
    expected = put(key, pack(dump(*RECORDS)))
    (returned,) = load(event(key))
    assert keys("loads/") == [expected]
    report = read_report(expected)
    assert report == returned
    assert (report["key"], report["status"], report["error"], report["refused"]) == (
        key,
        "loaded",
        None,
        0,
    )
    assert report["counts"]["package.package"] == {"created": 2}
    assert state.listed("packages") == [2, 1]
    state.assert_sound()
    (mark,) = LoadItem.scan()
    assert mark.sha256 == report["sha256"]
    assert mark.file_name == "my catalogue+\u00e9.json"
    assert mark.finished
    assert mark.outcome == report["counts"]
    assert finds("catkin") == 1
    assert sorted(row.package_id for row in sources.iter_sources()) == [1, 2]


def test_another_catalogue_changes_what_the_first_had() -> None:
    put("catalogues/a.json", dump(*RECORDS))
    load(event("catalogues/a.json"))
    assert sorted(row.address for row in sources.iter_sources()) == [
        "owner/package-1",
        "owner/package-2",
    ]
    records = [
        category(),
        package(1, slug="renamed", repo_url="https://github.com/owner/moved"),
        package(2, repo_url=""),
        package(3),
        grid(),
        grid(2),
        row(1, 2, 2),
    ]
    key = put("catalogues/b.json", dump(*records))
    load(event("catalogues/b.json"))
    assert read_report(key)["counts"]["package.package"] == {"changed": 2, "created": 1}
    state.assert_sound()
    assert state.grids_of(2) == [2]
    # The refresh asks where the packages are now.
    assert sorted(row.address for row in sources.iter_sources()) == [
        "owner/moved",
        "owner/package-3",
    ]


def test_names_are_swapped_and_those_of_others_are_not_taken() -> None:
    put("catalogues/a.json", dump(category(), package(1), package(2), package(3)))
    load(event("catalogues/a.json"))
    swapped = [package(1, slug="package-2", repo_url=""), package(2, slug="package-1", repo_url="")]
    taken = package(4, slug="package-3")
    key = put("catalogues/b.json", dump(category(), *swapped, taken))
    load(event("catalogues/b.json"))
    report = read_report(key)
    assert report["counts"]["package.package"] == {"changed": 2, "refused": 1}
    assert "duplicate slug 'package-3': that of packages 3" in report["refusals"][0]
    state.assert_sound()


def test_large_grids_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership_rows, "_MIN_MEASURED_GRID", 1)
    put("catalogues/a.json", dump(*RECORDS))
    load(event("catalogues/a.json"))
    assert state.packages_of(1) == [2]


def test_search_indexes_of_days_ago_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, day in enumerate(("2099-01-01", "2099-01-03", "2099-01-05"), start=1):
        monkeypatch.setenv(clock.FREEZE_VARIABLE, f"{day}T00:00:00Z")
        put(
            "catalogues/a.json",
            dump(category(), package(number, title=("ox", "emu", "catkin")[number - 1])),
        )
        load(event("catalogues/a.json"))
    assert len(keys(index_manifest.INDEX_FILES_PREFIX)) == 2
    assert finds("catkin") == 1


def test_delivered_twice_it_changes_nothing() -> None:
    key = put("catalogues/a.json", dump(*RECORDS))
    load(event("catalogues/a.json"))
    before = state.catalogue_rows()
    load(event("catalogues/a.json"))
    assert state.catalogue_rows() == before
    assert read_report(key)["counts"]["package.package"] == {"unchanged": 2}


def test_refused_records_are_told() -> None:
    key = put("catalogues/a.json", dump(*RECORDS, package(3, category=9)))
    load(event("catalogues/a.json"))
    report = read_report(key)
    assert (report["status"], report["refused"]) == ("loaded", 1)
    (refusal,) = report["refusals"]
    assert "package.package 3: category 9 does not exist" in refusal
    assert state.listed("packages") == [2, 1]


@pytest.mark.parametrize("content", [b"", b"Hello", b"{}", b"\x1f\x8b broken", b"\x89PNG"])
def test_what_is_no_catalogue_is_told_and_not_tried_again(content: bytes) -> None:
    key = put("catalogues/notes.txt", content)
    (returned,) = load(event("catalogues/notes.txt"))
    report = read_report(key)
    assert report == returned
    assert report["status"] == "refused"
    assert "not a JSON array" in report["error"] or "broken" in report["error"]
    assert state.rows() == {}
    assert keys("search/") == []


def test_one_that_is_too_large_is_not_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = dump(*RECORDS)
    monkeypatch.setattr(upload, "MAX_BYTES", len(content) - 1)
    put("catalogues/a.json", content)
    (returned,) = load(event("catalogues/a.json"))
    assert returned["status"] == "refused"
    assert f"{len(content):,} bytes, at most {len(content) - 1:,} are taken" in returned["error"]
    assert keys("loads/") == ["loads/a.json.not-read.json"]
    assert state.rows() == {}


def test_one_that_was_deleted_since_is_told() -> None:
    (returned,) = load(event("catalogues/gone.json"))
    assert returned["status"] == "refused"
    assert "catalogues/gone.json" in returned["error"]


def test_the_version_that_was_put_is_loaded() -> None:
    client = aws.client("s3")
    name = objects.get_bucket_name()
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    try:
        versions = [
            client.put_object(Bucket=name, Key="catalogues/a.json", Body=content)["VersionId"]
            for content in (dump(category(), package(1)), dump(category(), package(2)))
        ]
        happened = event("catalogues/a.json")
        happened["Records"][0]["s3"]["object"]["versionId"] = versions[0]
        (returned,) = load(happened)
        assert returned["versionId"] == versions[0]
        assert state.listed("packages") == [1]
    finally:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})


def test_what_is_none_of_its_business_is_left_alone() -> None:
    put("catalogues/a.json", dump(*RECORDS))
    put("exports/a.json", dump(*RECORDS))
    put("catalogues/", b"")
    assert load({"Service": "Amazon S3", "Event": "s3:TestEvent"}) == []
    assert load({"Records": []}) == []
    assert load({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}) == []
    assert load(event("catalogues/a.json", bucket="another")) == []
    assert load(event("catalogues/a.json", name="ObjectRemoved:Delete")) == []
    assert load(event("exports/a.json", "catalogues/")) == []
    assert state.rows() == {}
    assert keys("loads/") == []


def test_a_name_that_no_file_can_have_is_no_obstacle() -> None:
    for name in ("..", "x" * 900, "a%2Fb", "?&=#.json"):
        key = f"catalogues/{name}"
        put(key, dump(*RECORDS))
        (returned,) = load(event(key))
        assert (returned["key"], returned["status"]) == (key, "loaded")
    assert len(keys("loads/")) == 4
    assert all(len(key) < 300 for key in keys("loads/"))


def test_out_of_time_it_stops_and_another_try_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "large.json.gz"
    generate(file, 40, versions_each=0, grids=2)
    key = put("catalogues/large.json.gz", file.read_bytes())
    happened = event("catalogues/large.json.gz")
    # Each question is a point where it may stop: all of them, from the last to the first.
    questions = Context(*[AMPLE] * 10_000)
    app.load(happened, questions)
    asked = 10_000 - len(questions._seconds)
    complete = state.contents(state.catalogue_rows())
    assert asked > 50
    state.restore({})
    written = 0
    for seconds in (asked - 3, asked - 8, 30):
        state.restore({})
        with pytest.raises(upload.OutOfTime):
            load(happened, *[AMPLE] * seconds, upload.MARGIN_SECONDS - 1)
        assert read_report(key)["status"] == "unfinished"
        assert "out of time" in read_report(key)["error"]
        (mark,) = LoadItem.scan()
        assert not mark.finished
        written += len(state.listed("packages"))
        load(happened)
        assert read_report(key)["status"] == "loaded"
        assert state.contents(state.catalogue_rows()) == complete
    assert written


def test_with_little_time_left_the_rest_is_for_the_schedules() -> None:
    key = put("catalogues/a.json", dump(*RECORDS))
    load(event("catalogues/a.json"), functions.FOLLOW_UP_SECONDS - 1)
    assert read_report(key)["status"] == "loaded"
    assert list(sources.iter_sources()) == []
    assert keys("search/") == []


def test_what_follows_may_fail_and_the_load_is_done() -> None:
    key = put("catalogues/a.json", dump(*RECORDS))
    with failing("Scan", lambda arguments: True):
        load(event("catalogues/a.json"))
    assert read_report(key)["status"] == "loaded"
    assert state.listed("packages") == [2, 1]
    assert list(sources.iter_sources()) == []


def test_a_storage_that_fails_is_raised_so_that_it_is_tried_again() -> None:
    key = put("catalogues/a.json", dump(*RECORDS))
    with s3.failing(s3.client_error("SlowDown")):
        with pytest.raises(objects.ObjectError, match="SlowDown"):
            load(event("catalogues/a.json"))
    with failing("TransactWriteItems", lambda arguments: True):
        with pytest.raises(TransactWriteError):
            load(event("catalogues/a.json"))
    assert keys("loads/") == []
    load(event("catalogues/a.json"))
    assert read_report(key)["status"] == "loaded"


def test_of_several_the_good_are_loaded_though_one_is_bad() -> None:
    put("catalogues/bad.json", b"Hello")
    put("catalogues/a.json", dump(*RECORDS))
    done = load(event("catalogues/bad.json", "catalogues/a.json"))
    assert [one["status"] for one in done] == ["refused", "loaded"]
