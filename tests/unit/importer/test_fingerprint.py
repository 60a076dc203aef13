"""The fingerprint of a record: which records are the same, and that new fields change none."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.catalog.entities import Package
from chalicelib.catalog.repository import Versioned
from chalicelib.importer import fingerprint
from chalicelib.importer.fingerprint import compute_fingerprint, get_changed_fields
from chalicelib.importer.schema import (
    PACKAGE,
    FileEntity,
    Version,
    build_category,
    build_grid,
    build_package,
    parse_record,
)
from tests.support.fixtures import THEN, Json, category, grid, package, version

_FULL: Json = {
    "repo_host": "github",
    "repo_description": "Does it \u2013 well",
    "repo_watchers": 7,
    "repo_forks": 3,
    "commit_count": 11,
    "commits_over_52w": [1] * 52,
    "last_commit_date": THEN,
    "participants": "a,b",
    "documentation_url": "https://d.example",
    "pypi_url": "http://pypi.python.org/pypi/x",
    "pypi_downloads": 5,
    "pypi_license": "MIT",
    "pypi_licenses": ["MIT"],
    "pypi_classifiers": ["Framework :: Django"],
    "pypi_requires_python": ">=3.9",
    "supports_python3": True,
    "latest_version": 9,
    "usage": [3, 4, ["natural"]],
    "favorite_count": 2,
    "score": -5,
    "deprecates_package": 1,
    "date_deprecated": THEN,
    "date_repo_archived": "2024-05-06T07:08:09+02:00",
    "last_fetched": THEN,
    "last_exception": "boom",
    "last_exception_at": THEN,
    "last_exception_count": 1,
}
_NOT_NULL = {"repo_watchers", "repo_forks", "favorite_count", "last_exception_count"}
#: Of the fields at that release: one that was added later is in none of the stored fingerprints.
_NULLS = dict.fromkeys({"repo_url", *_FULL} - _NOT_NULL)


def _build(record: Json, latest: Json | None = None) -> FileEntity[Any]:
    model, pk, values = parse_record(record)
    if model == PACKAGE:
        return build_package(pk, values, None if latest is None else _version(latest))
    return build_category(pk, values) if model == "package.category" else build_grid(pk, values)


def _version(record: Json) -> Version:
    _, pk, values = parse_record(record)
    return Version(pk, values["package"], values["number"], values["upload_time"])


@pytest.mark.parametrize(
    ("record", "latest", "stored"),
    [
        (category(), None, "cdf8d3b6509fdf4002f89f64"),
        (
            category(2, description="d", show_pypi=False, title_plural="Ps"),
            None,
            "2534980752b3ec27634afa97",
        ),
        (grid(), None, "ba91dfda0f2594ca8653c132"),
        (grid(2, description="x", is_locked=True, header=True), None, "187b44e8e85c59f8ec6d31d3"),
        (package(), None, "0042b301fc4f39f91b06eec9"),
        (package(2, **_FULL), version(9, 2), "df762fc4c589deeb50286b70"),
        (package(3, **_NULLS), None, "3222612289ba2710c4a103c6"),
    ],
)
def test_fingerprints_that_releases_to_2026_11_stored_stay_valid(
    record: Json, latest: Json | None, stored: str
) -> None:
    # Computed by the code of 25 November 2026, which hashed the whole entity.
    assert _build(record, latest).fingerprint == stored


def _fingerprint(**values: Any) -> str:
    return _build(package(2, **values)).fingerprint


def test_records_that_say_the_same_have_the_same_fingerprint() -> None:
    record = package(2, **_FULL)
    turned = {**record, "fields": dict(reversed(record["fields"].items()))}
    assert _build(turned).fingerprint == _build(record).fingerprint
    # Defaults may be named or not, and so may fields that are not read.
    assert _fingerprint() == _fingerprint(score=0, commits_over_52w=None, pypi_info={"a": 1})
    # The order of users means nothing, and who they are is not kept.
    assert _fingerprint(usage=[1, 2]) == _fingerprint(usage=[2, 3])


def test_every_value_that_is_read_changes_the_fingerprint() -> None:
    plain = _fingerprint()
    for name, value in _FULL.items():
        assert _fingerprint(**{name: value}) != plain, name
    for name in ("title", "slug", "repo_url"):
        assert _fingerprint(**{name: "other"}) != plain, name
    for name in ("created", "modified"):
        assert _fingerprint(**{name: "2020-01-01T00:00:00Z"}) != plain, name
    assert _fingerprint(category=2) != plain
    assert _fingerprint(commits_over_52w=[1, 2]) != _fingerprint(commits_over_52w=[2, 1])


def test_a_package_changes_with_its_latest_version() -> None:
    marks = {
        _build(package(2, latest_version=9), latest).fingerprint
        for latest in (
            version(9, 2),
            version(9, 2, "2.0"),
            version(9, 2, upload_time=None),
            version(9, 2, upload_time="2020-01-01T00:00:00Z"),
        )
    }
    assert len(marks) == 4


def test_a_value_of_a_field_that_was_added_later_is_hashed_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = {"id": 2, **parse_record(package(2, **_FULL))[2]}
    before = compute_fingerprint(Package, values)
    monkeypatch.setitem(fingerprint._DEFAULTS[Package], "issues", 0)
    # The record lacks it, or has its default.
    assert compute_fingerprint(Package, values) == before
    assert compute_fingerprint(Package, values | {"issues": 0}) == before
    after = compute_fingerprint(Package, values | {"issues": 5, "wiki": "w"})
    assert after.split()[0] == before
    assert [part.partition(":")[0] for part in after.split()[1:]] == ["issues", "wiki"]
    assert get_changed_fields(before, after) == {"issues", "wiki"}
    assert get_changed_fields(after, after) == set()
    assert get_changed_fields(after, before) == {"issues", "wiki"}
    other = compute_fingerprint(Package, values | {"issues": 6, "wiki": "w"})
    assert get_changed_fields(after, other) == {"issues"}
    retitled = compute_fingerprint(Package, values | {"title": "other", "issues": 5, "wiki": "w"})
    assert get_changed_fields(after, retitled) is None
    assert get_changed_fields(None, after) is None


def test_only_what_a_file_changed_replaces_what_is_stored() -> None:
    loaded = _build(package(2, repo_watchers=3))
    refreshed = replace(loaded.entity, repo_watchers=99, pypi_yanked=True)
    entity = replace(loaded.entity, score=5)

    def stored(mark: str | None) -> Versioned[Package]:
        return Versioned(refreshed, 1, mark, 1)

    first = loaded.fingerprint
    assert FileEntity(entity, first).apply_to(None) == entity
    assert FileEntity(entity, first).apply_to(stored(first)) == refreshed
    assert FileEntity(entity, "other").apply_to(stored(first)) == entity
    assert FileEntity(entity, first).apply_to(stored(None)) == entity
    added = FileEntity(entity, f"{first} score:12345678")
    assert added.apply_to(stored(first)) == replace(refreshed, score=5)
    # A field that no longer exists is forgotten.
    assert FileEntity(entity, first).apply_to(stored(f"{first} gone:12345678")) == refreshed
