"""What a dump of a site of fifteen years may hold."""

import gzip
import json
from pathlib import Path

import pytest

from chalicelib.catalog import queries
from tests.support.fixtures import (
    Json,
    category,
    grid,
    load_file,
    load_records,
    package,
    record,
    row,
    version,
    write,
)
from tests.support.state import assert_sound, grids_of, listed, packages_of


def _body(pk: int) -> Json:
    body = queries.get_body_by_id("packages", pk)
    assert body is not None
    parsed: Json = json.loads(body.replace("\x01", "").replace("\x02", ""))
    return parsed


def test_packages_without_a_repository_do_not_clash(tables: None, tmp_path: Path) -> None:
    urls = ["", "", None, " "]
    records = [package(pk, repo_url=url) for pk, url in enumerate(urls, start=1)]
    assert load_records(tmp_path, category(1), *records).refusals == []
    assert [_body(pk)["repo_url"] for pk in (1, 3)] == ["", None]
    assert_sound()


def test_fields_that_came_later_may_be_absent(tables: None, tmp_path: Path) -> None:
    fields = {"title": "Old", "slug": "old", "category": 1}
    stamps = {"created": "2010-08-17T05:00:05Z", "modified": "2010-08-17T05:00:05Z"}
    old = record("package.package", 1, fields | stamps)
    assert load_records(tmp_path, category(1), old).refusals == []
    body = _body(1)
    assert (body["repo_url"], body["repo_watchers"], body["participants"]) == ("", 0, [])
    assert (body["commits_over_52"], body["pypi_version"], body["last_updated"]) == ([], None, None)


def test_models_that_are_gone_are_refused_and_cost_nothing_else(
    tables: None, tmp_path: Path
) -> None:
    gone = [
        record("package.packageexample", 1, {"package": 1, "title": "x"}),
        record("package.commit", 1, {"package": 1}),
        record("grid.feature", 1, {"grid": 1, "title": "x"}),
        record("grid.element", 1, {"grid_package": 1, "feature": 1}),
    ]
    loaded = load_records(
        tmp_path, category(1), gone[0], package(1), gone[1], grid(1), *gone[2:], row(1, 1, 1)
    )
    assert [refusal.record for refusal in loaded.refusals] == [f"{r['model']} 1" for r in gone]
    assert packages_of(1) == [1]


def test_names_that_differ_in_case_are_different_names(tables: None, tmp_path: Path) -> None:
    records = [
        package(1, slug="Pinax", repo_url="https://github.com/pinax/pinax"),
        package(2, slug="pinax", repo_url="https://github.com/Pinax/pinax"),
    ]
    assert load_records(tmp_path, category(1), *records).refusals == []
    assert queries.get_body_by_slug("packages", "Pinax") == queries.get_body_by_id("packages", 1)


def test_text_of_all_scripts_comes_back_as_it_was(tables: None, tmp_path: Path) -> None:
    title = (
        "\u5c71\u7530 \u0627\u0644 \U0001f600 e\u0301 \x01\x02\x1f\u2028\ufeff <b>&amp;\"'\\ \r\n\t"
    )
    loaded = load_records(tmp_path, category(1), package(1, title=title, slug="\u00fcber-\u5c71"))
    assert loaded.refusals == []
    assert _body(1)["title"] == title
    assert queries.get_body_by_slug("packages", "\u00fcber-\u5c71") == queries.get_body_by_id(
        "packages", 1
    )
    assert load_records(
        tmp_path, category(1), package(1, title=title, slug="\u00fcber-\u5c71")
    ).has_only("unchanged")


def test_a_package_may_stand_in_a_grid_twice(tables: None, tmp_path: Path) -> None:
    records = [category(1), package(1), grid(1), row(1, 1, 1), row(2, 1, 1)]
    assert load_records(tmp_path, *records).refusals == []
    assert grids_of(1) == [1, 1]
    assert packages_of(1) == [1, 1]
    assert_sound()


def test_ids_may_be_as_far_apart_as_64_bits_allow(tables: None, tmp_path: Path) -> None:
    ids = [2**63 - 1, 2**53 + 1, 70_000, 1]
    loaded = load_records(tmp_path, category(1), *(package(pk) for pk in ids))
    assert loaded.refusals == []
    assert listed("packages") == ids
    assert_sound()


def test_a_deprecation_may_come_before_what_it_deprecates(tables: None, tmp_path: Path) -> None:
    records = [category(1), package(1, deprecates_package=2), package(2, deprecates_package=1)]
    assert load_records(tmp_path, *records).refusals == []


def test_references_may_come_before_what_they_lead_to(tables: None, tmp_path: Path) -> None:
    records = [row(1, 1, 1), version(5, 1), grid(1), package(1, latest_version=5), category(1)]
    assert load_records(tmp_path, *records).refusals == []
    assert packages_of(1) == [1]
    assert _body(1)["pypi_version"] == "1.0"
    assert_sound()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([category(1), package(1)], indent=4).replace("\n", "\r\n"),
        "\ufeff" + json.dumps([category(1), package(1)], separators=(",", ":")),
        json.dumps([category(1), package(1)], sort_keys=True),
        json.dumps([category(1), package(1)])[:-1] + ",]",
    ],
)
def test_a_file_may_have_gone_through_any_editor(tables: None, tmp_path: Path, text: str) -> None:
    path = tmp_path / "fixture.json"
    path.write_bytes(text.encode())
    assert load_file(path).refusals == []
    assert listed("packages") == [1]


def test_two_dumps_in_one_file_are_told_not_half_forgotten(tables: None, tmp_path: Path) -> None:
    path = write(tmp_path / "both.json", [category(1), package(1)])
    path.write_text(path.read_text() + json.dumps([package(2)]))
    loaded = load_file(path)
    assert [str(refusal) for refusal in loaded.refusals] == [
        "record 3 (line 5, character 1): (not a record): something after the end of the array"
    ]
    assert listed("packages") == [1]


def test_a_dump_cut_short_keeps_what_it_has(tables: None, tmp_path: Path) -> None:
    text = json.dumps([category(1), package(1), package(2), package(3)])
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(text[: text.index("package-3")].encode()))
    loaded = load_file(path)
    assert len(loaded.refusals) == 1
    assert listed("packages") == [2, 1]
    assert_sound()


def test_natural_keys_are_refused_with_what_was_expected(tables: None, tmp_path: Path) -> None:
    natural = {"model": "package.category", "fields": category(1)["fields"]}
    loaded = load_records(tmp_path, natural, category(2), package(1, category=["apps"]))
    assert loaded.reasons == {
        "package.category": "pk is missing",
        "package.package 1": "category: not a whole number: ['apps']",
    }
