"""Records refused for what they say themselves: where, which, and why; the rest is loaded."""

from pathlib import Path
from typing import Any

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
    without,
    write,
)
from tests.support.state import assert_sound

_GOOD = (category(1), package(1), grid(1), row(1, 1, 1))


def _with(a_record: Json, **values: Any) -> Json:
    return {**a_record, **values}


#: A record to refuse, how it is called, and why it is refused.
_REFUSED: list[tuple[Any, str, str]] = [
    # Dates.
    (package(9, created="yesterday"), "package.package 9", "created: not a date: 'yesterday'"),
    (package(9, created=""), "package.package 9", "created: not a date: ''"),
    (package(9, created=None), "package.package 9", "created: not a date: None"),
    (package(9, created=1714979289), "package.package 9", "created: not a date: 1714979289"),
    (
        package(9, created="06/05/2024 07:08Z"),
        "package.package 9",
        "created: not a date: '06/05/2024 07:08Z'",
    ),
    (
        package(9, created="2024-02-30T00:00:00Z"),
        "package.package 9",
        "created: not a date: '2024-02-30T00:00:00Z'",
    ),
    (
        package(9, created="0000-00-00T00:00:00Z"),
        "package.package 9",
        "created: not a date: '0000-00-00T00:00:00Z'",
    ),
    (
        grid(9, modified="2024-05-06T25:00:00Z"),
        "grid.grid 9",
        "modified: not a date: '2024-05-06T25:00:00Z'",
    ),
    (
        category(9, created="2012-03-01 10:11:12"),
        "package.category 9",
        "created: a date without a time zone: '2012-03-01 10:11:12'",
    ),
    (
        package(9, last_fetched="2012-03-01"),
        "package.package 9",
        "last_fetched: a date without a time zone: '2012-03-01'",
    ),
    (
        package(9, last_commit_date="0001-01-01T00:00:00Z"),
        "package.package 9",
        "last_commit_date: a date outside the calendar: '0001-01-01T00:00:00Z'",
    ),
    (
        version(9, 1, upload_time="9999-12-31T23:59:59-12:00"),
        "package.version 9",
        "upload_time: a date outside the calendar: '9999-12-31T23:59:59-12:00'",
    ),
    # Fields that are missing, or null where they cannot be.
    (without(package(9), "slug"), "package.package 9", "slug is missing"),
    (without(package(9), "category"), "package.package 9", "category is missing"),
    (without(grid(9), "created"), "grid.grid 9", "created is missing"),
    (without(category(9), "title"), "package.category 9", "title is missing"),
    (without(version(9, 1), "number"), "package.version 9", "number is missing"),
    (without(row(9, 1, 1), "grid"), "grid.gridpackage 9", "grid is missing"),
    (package(9, title=None), "package.package 9", "title: not text: None"),
    (
        package(9, repo_watchers=None),
        "package.package 9",
        "repo_watchers: not a whole number: None",
    ),
    # Types.
    (
        package(9, repo_watchers=True),
        "package.package 9",
        "repo_watchers: not a whole number: True",
    ),
    (package(9, repo_forks="12"), "package.package 9", "repo_forks: not a whole number: '12'"),
    (package(9, score=1.5), "package.package 9", "score: not a whole number: 1.5"),
    (package(9, score=float("nan")), "package.package 9", "score: not a whole number: nan"),
    (package(9, score=2**63), "package.package 9", "score: a number of more than 64 bits"),
    (package(9, slug=" \t"), "package.package 9", "slug: blank"),
    (package(9, slug="s" * 2029), "package.package 9", "slug: longer than 2028 bytes"),
    (package(9, repo_url="\u00e9" * 1015), "package.package 9", "repo_url: longer than 2028 bytes"),
    (package(9, title=["a"]), "package.package 9", "title: not text: ['a']"),
    (package(9, category=["apps"]), "package.package 9", "category: not a whole number: ['apps']"),
    (
        package(9, commits_over_52w="1,2"),
        "package.package 9",
        "commits_over_52w: not a list: '1,2'",
    ),
    (
        package(9, commits_over_52w=[1, None]),
        "package.package 9",
        "commits_over_52w: not a whole number: None",
    ),
    (grid(9, is_locked="false"), "grid.grid 9", "is_locked: not true or false: 'false'"),
    (category(9, show_pypi=1), "package.category 9", "show_pypi: not true or false: 1"),
    # Text that cannot be stored.
    (
        package(9, title="a\ud800b"),
        "package.package 9",
        "title: text that is not UTF-8, or with a lone surrogate",
    ),
    (
        package(9, pypi_licenses=["\udfff"]),
        "package.package 9",
        "pypi_licenses: text that is not UTF-8, or with a lone surrogate",
    ),
    (grid(9, description="a\0b"), "grid.grid 9", "description: text with a NUL character"),
    # Models.
    (record("auth.user", 9, {}), "auth.user 9", "unknown model 'auth.user'"),
    (record("grid.element", 9, {}), "grid.element 9", "unknown model 'grid.element'"),
    (record("Package.Package", 9, {}), "Package.Package 9", "unknown model 'Package.Package'"),
    (record("a\ud800\x1b[2J", 9, {}), "(not a record) 9", "unknown model 'a\\ud800\\x1b[2J'"),
    ({"pk": 9, "fields": {}}, "(not a record) 9", "no model"),
    (_with(package(9), model=7), "(not a record) 9", "unknown model 7"),
    # Fields and primary keys.
    (_with(package(9), fields=None), "package.package 9", "no fields"),
    (_with(package(9), fields=[]), "package.package 9", "no fields"),
    (_with(package(9), pk=None), "package.package", "pk is missing"),
    (_with(package(9), pk=0), "package.package 0", "pk: not an id: 0"),
    (_with(package(9), pk=-3), "package.package -3", "pk: not an id: -3"),
    (_with(package(9), pk="9"), "package.package '9'", "pk: not a whole number: '9'"),
    (_with(package(9), pk=True), "package.package True", "pk: not a whole number: True"),
    (_with(package(9), pk=9.0), "package.package 9.0", "pk: not a whole number: 9.0"),
    (_with(package(9), pk=2**63), f"package.package {2**63}", "pk: a number of more than 64 bits"),
    # No objects at all.
    (None, "(not a record)", "not an object with model, pk and fields"),
    ("package.package", "(not a record)", "not an object with model, pk and fields"),
    (12, "(not a record)", "not an object with model, pk and fields"),
    ([package(9)], "(not a record)", "not an object with model, pk and fields"),
]


def test_each_bad_record_is_refused_with_its_place_name_and_reason(
    tables: None, tmp_path: Path
) -> None:
    bad = [refused for refused, _, _ in _REFUSED]
    loaded = load_records(tmp_path, *_GOOD[:2], *bad, *_GOOD[2:])
    expected = [
        (f"record {3 + n} (line {4 + n}, character 1)", what, why)
        for n, (_, what, why) in enumerate(_REFUSED)
    ]
    assert [(str(r.position), r.record, r.reason) for r in loaded.refusals] == expected
    assert_sound()
    assert [loaded.count(r["model"], "created") for r in _GOOD] == [1, 1, 1, 1]


def test_a_refusal_reads_as_one_line(tables: None, tmp_path: Path) -> None:
    loaded = load_records(tmp_path, category(1), package(3, created="2012-03-01 10:11:12"))
    (refusal,) = loaded.refusals
    assert str(refusal) == (
        "record 2 (line 3, character 1): package.package 3: "
        "created: a date without a time zone: '2012-03-01 10:11:12'"
    )


@pytest.mark.parametrize(
    ("written", "served"),
    [
        ("2024-05-06T07:08:09Z", "2024-05-06T03:08:09-04:00"),
        ("2024-05-06T07:08:09.120+00:00", "2024-05-06T03:08:09.120000-04:00"),
        ("2024-12-06 07:08:09.5+05:30", "2024-12-05T20:38:09.500000-05:00"),
    ],
)
def test_dates_are_taken_in_every_form_that_django_wrote(
    tables: None, tmp_path: Path, written: str, served: str
) -> None:
    loaded = load_records(tmp_path, category(1), package(1, last_fetched=written))
    assert loaded.refusals == []
    body = queries.get_body_by_id("packages", 1)
    assert body is not None
    assert f'"last_fetched":"{served}"' in body


def test_bytes_that_are_not_utf8_refuse_their_record_only(tables: None, tmp_path: Path) -> None:
    path = write(tmp_path / "fixture.json", [category(1), package(1, title="caf?"), package(2)])
    path.write_bytes(path.read_bytes().replace(b"caf?", b"caf\xe9"))
    loaded = load_file(path)
    assert loaded.reasons == {
        "package.package 1": "title: text that is not UTF-8, or with a lone surrogate"
    }
    assert queries.get_body_by_id("packages", 2) is not None


def test_a_value_nested_to_any_depth_is_refused_not_fatal(tables: None, tmp_path: Path) -> None:
    path = write(tmp_path / "fixture.json", [category(1), package(5000, title="?"), package(1)])
    head, tail = path.read_text().split(',\n{"model": "package.package", "pk": 5000', 1)
    pattern = '{"model": "package.package", "pk": 5000' + tail.split("},\n", 1)[0] + "}"
    rest = tail.split("},\n", 1)[1]
    # About the depth at which a reader gives up there are values it can read but not print.
    nested = [pattern.replace('"?"', "[" * n + "]" * n) for n in range(300, 1000, 5)]
    path.write_text(",\n".join([head, *nested, rest]))
    loaded = load_file(path)
    assert len(loaded.refusals) == len(nested)
    assert loaded.count("package.package", "created") == 1


def test_a_file_of_nothing_but_refusals_tells_them_all(tables: None, tmp_path: Path) -> None:
    loaded = load_records(tmp_path, *(record("x.y", pk, {}) for pk in range(1, 20_001)))
    assert len(loaded.refusals) == loaded.count("x.y", "refused") == 20_000
