"""Uploads that unpack to more than there is room or time for have an outcome like others."""

import gzip

import pytest

from chalicelib.importer import fixture, report, upload
from tests.support import state
from tests.support.upload_calls import AMPLE, event, load, put, read_report

pytestmark = pytest.mark.usefixtures("tables", "bucket")


def test_one_of_too_many_refusals_is_told_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = gzip.compress(b"[" + b"1," * 5000 + b"1]")
    for bound, value, reason in (
        ("MAX_REFUSALS", 1200, "more than 1,200 records are refused, record 1201 (line 1, char"),
        ("MAX_REFUSALS_BYTES", 50_000, " are more than 50,000 bytes"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(report, bound, value)
            key = put("catalogues/ones.json.gz", content)
            (returned,) = load(event("catalogues/ones.json.gz"))
        assert read_report(key) == returned
        assert returned["status"] == "refused"
        assert reason in returned["error"]
        assert 0 < returned["refused"] <= 1200
        assert len(returned["refusals"]) == min(returned["refused"], 1000)
        assert state.rows() == {}


def test_one_that_unpacks_to_too_much_is_told_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fixture, "MAX_BYTES", 1_000_000)
    key = put("catalogues/a.json.gz", gzip.compress(b"[" + b" " * 1_000_000 + b"]"))
    (returned,) = load(event("catalogues/a.json.gz"))
    assert read_report(key) == returned
    assert returned["status"] == "refused"
    assert "more than 1,000,000 bytes when it is unpacked" in returned["error"]
    assert state.rows() == {}


def test_out_of_time_within_white_space_it_stops() -> None:
    key = put("catalogues/a.json.gz", gzip.compress(b"[" + b" " * 5_000_000 + b"]"))
    with pytest.raises(upload.OutOfTime):
        load(event("catalogues/a.json.gz"), *[AMPLE] * 20, upload.MARGIN_SECONDS - 1)
    assert read_report(key)["status"] == "unfinished"
    assert "out of time: read" in read_report(key)["error"]
