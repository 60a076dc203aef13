"""What the index was recorded to answer, and what comes of it."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.refresh.fetch_result import (
    PROJECT,
    FetchResult,
    Figures,
    Gone,
    Postponed,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.index.document import read_document
from chalicelib.refresh.hosts.index.package_index import PackageIndex
from chalicelib.refresh.hosts.index.serials import KEY, MEDIA_TYPE, Serials
from chalicelib.refresh.json_fields import BadValue
from chalicelib.storage import objects
from tests.support.upstream.asking import FakeTime, asked, source
from tools.fakehosts.replay import Replay, Routes

PLY_ETAG = '"hUsuo1X5oRJmD5VgeUd0rw"'


@pytest.fixture(autouse=True)
def _storage(tables: None, bucket: None) -> Iterator[None]:
    return iter([None])


def _project(name: str, id: int = 1, **values: Any) -> Source:
    return source(name, "index", id, kind=PROJECT, **values)


def _fetched(replay: Replay, project: Source) -> FetchResult:
    return asked(PackageIndex(replay.url, None), [project]).only


def _figures(har: Path, name: str) -> Figures:
    with Replay.from_har(har) as replay:
        outcome = _fetched(replay, _project(name))
    assert isinstance(outcome, Figures)
    return outcome


def _body(har: Path, path: str) -> Any:
    """The recorded JSON of a path."""
    for entry in json.loads(har.read_text())["log"]["entries"]:
        if entry["request"]["url"].endswith(path):
            return json.loads(entry["response"]["content"]["text"])
    raise AssertionError(path)


def test_ply_a_project_document_with_etag_and_serial(recordings: Path) -> None:
    found = _figures(recordings / "index-json-ply.har", "ply")
    classifiers = ("Programming Language :: Python :: 2", "Programming Language :: Python :: 3")
    assert found.values == {
        "pypi_version": "3.11",
        "last_released": datetime(2018, 2, 15, 19, 1, 27, 172483, tzinfo=UTC),
        "pypi_classifiers": classifiers,
        "pypi_frameworks": (),
        "pypi_license": "BSD",
        "pypi_licenses": (),
        "pypi_requires_python": None,
        "supports_python3": True,
        "pypi_yanked": False,
        "pypi_advisories": (),
        "latest_version_id": None,
    }
    assert found.marks == dict.fromkeys(found.values, Provenance("index json", "serial:3585324"))
    assert (found.state["etag"], found.state["serial"]) == (PLY_ETAG, 3585324)


def test_ply_release_and_project_documents_say_the_same_of_the_newest_release(
    recordings: Path,
) -> None:
    har = recordings / "index-json-ply.har"
    project = read_document(_body(har, "/pypi/ply/json"), "ply")
    release = read_document(_body(har, "/pypi/ply/3.11/json"), "ply")
    assert project == release


def test_isort_a_release_document_without_releases(recordings: Path) -> None:
    found = read_document(
        _body(recordings / "index-json-release.har", "/pypi/isort/5.12.0/json"), "isort"
    )
    assert found.serial == 16616989
    assert found.documentation_url == "https://pycqa.github.io/isort/"
    assert found.values["last_released"] == datetime(2023, 1, 28, 17, 10, 21, 149615, tzinfo=UTC)
    assert found.values["pypi_license"] == "MIT"
    assert found.values["pypi_licenses"] == ("MIT License",)
    assert found.values["pypi_requires_python"] == ">=3.8.0"
    assert found.values["supports_python3"] is True


def test_django_minify_html_only_one_release_for_python_3_only(recordings: Path) -> None:
    found = _figures(recordings / "index-json-django-minify-html.har", "django-minify-html")
    assert found.values["pypi_version"] == "1.0.0"
    assert found.values["last_released"] == datetime(2021, 12, 28, 10, 37, 18, 583101, tzinfo=UTC)
    assert found.values["pypi_frameworks"] == (
        "Django 2.2",
        "Django 3.0",
        "Django 3.1",
        "Django 3.2",
        "Django 4.0",
    )
    assert found.values["pypi_licenses"] == ("MIT License",)
    # Changelog, Homepage and Twitter are no documentation.
    assert "documentation_url" not in found.values
    assert found.state["serial"] == 12421611


def test_django_crispy_forms_a_document_without_headers(recordings: Path) -> None:
    found = _figures(recordings / "index-json-django-crispy-forms.har", "django-crispy-forms")
    assert found.values["pypi_version"] == "1.14.0"
    assert found.values["last_released"] == datetime(2022, 1, 25, 8, 8, 34, 739304, tzinfo=UTC)
    assert found.values["pypi_frameworks"] == ("Django 2.2", "Django 3.2", "Django 4.0")
    assert found.values["supports_python3"] is True
    assert (found.state["etag"], found.state["serial"]) == (None, 12684778)


def test_wagtail_many_releases_of_which_the_newest_counts(recordings: Path) -> None:
    har = recordings / "index-json-wagtail.har"
    found = _figures(har, "wagtail")
    assert found.values["pypi_version"] == "2.16.1"
    assert found.values["last_released"] == datetime(2022, 2, 11, 13, 58, 20, 278624, tzinfo=UTC)
    assert found.values["pypi_frameworks"] == ("Django 3.2", "Django 4.0")
    assert found.values["pypi_license"] == "BSD"
    assert found.values["pypi_licenses"] == ("BSD License",)
    json = _body(har, "/pypi/wagtail/json")
    assert found.values["pypi_classifiers"] == tuple(json["info"]["classifiers"])
    # Without its own list of files, the same is found among all releases.
    same = read_document(json | {"urls": []}, "wagtail")
    assert same.values["last_released"] == found.values["last_released"]


@pytest.mark.parametrize("name", ["argset", "yanked"])
def test_a_projects_page_of_the_simple_api_is_neither_root_nor_document(
    recordings: Path, name: str
) -> None:
    """Its JSON (PEP 691) has no classifiers and no licence, so it is not what is asked for."""
    page = _body(recordings / "index-simple-json.har", f"/simple/{name}/")
    with pytest.raises(BadValue):
        read_document(page, name)
    _assert_no_root(json.dumps(page), MEDIA_TYPE)


def test_the_simple_api_as_html_is_no_root(recordings: Path) -> None:
    entries = json.loads((recordings / "index-simple-html.har").read_text())["log"]["entries"]
    _assert_no_root(entries[0]["response"]["content"]["text"], "text/html; charset=UTF-8")


def test_the_root_tells_what_moved_and_then_that_nothing_did(recordings: Path) -> None:
    clock = FakeTime()
    serials = Serials(lambda: ["ply", "django", "gone"])
    documents: Routes = {
        "GET /pypi/django/json": [(200, {}, _document("django", 24888689))],
    }
    batch = [
        _project("ply", 1, state={"serial": 3585324, "etag": PLY_ETAG}),
        _project("django", 2, state={"serial": 24888688}),
        _project("gone", 3, state={"serial": 5}),
        # Enough that the root is worth it.
        *(_project("ply", place, state={"serial": 3585324}) for place in range(4, 24)),
    ]
    with Replay.from_har(recordings / "docs-index-root-serials.har", documents) as replay:
        index = PackageIndex(replay.url, None, serials=serials)
        outcomes = asked(index, batch, clock.context()).outcomes
        assert replay.targets == ["GET /simple/", "GET /pypi/django/json", "GET /pypi/gone/json"]
        assert replay.requests[0].headers["Accept"] == MEDIA_TYPE
        assert isinstance(outcomes[1], Unchanged)
        assert isinstance(outcomes[2], Figures)
        assert outcomes[3] == Gone("404 Not Found")

        clock.advance(hours=2)
        same = asked(index, [batch[0], *batch[3:]], clock.context()).outcomes
        assert replay.targets[3:] == ["GET /simple/"]
        assert replay.requests[3].headers["If-None-Match"] == '"root-1"'
    assert set(map(type, same.values())) == {Unchanged}


def test_a_document_asked_for_with_its_etag_is_not_modified(recordings: Path) -> None:
    ply = _project("ply", state={"serial": 3585324, "etag": PLY_ETAG})
    with Replay.from_har(recordings / "docs-index-root-serials.har") as replay:
        assert isinstance(_fetched(replay, ply), Unchanged)
        assert replay.requests[0].headers["If-None-Match"] == PLY_ETAG


def _document(name: str, serial: int) -> Any:
    return {"info": {"name": name, "version": "1"}, "last_serial": serial, "urls": []}


def _assert_no_root(body: str, media_type: str) -> None:
    """Nothing is stored of such a root but that it failed, and the batch is put off."""
    batch = [_project("argset", place, state={"serial": 1}) for place in range(1, 25)]
    routes: Routes = {"GET /simple/": [(200, {"Content-Type": media_type}, body)]}
    with Replay.from_routes(routes) as replay:
        index = PackageIndex(replay.url, None, serials=Serials(lambda: ["argset"]))
        outcomes = asked(index, batch).outcomes
        assert replay.targets == ["GET /simple/"]
    assert set(map(type, outcomes.values())) == {Postponed}
    stored = objects.read(KEY)
    assert stored is not None
    kept = json.loads(gzip.decompress(stored.body))
    assert (kept["serials"], kept["failures"]) == ({}, 1)
