"""A project's document as values of a package."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog import validation
from chalicelib.refresh.hosts.index.document import read_document
from chalicelib.refresh.json_fields import BadValue
from tests.support import entities
from tests.support.index_documents import document, upload


def _values(json: Any) -> dict[str, Any]:
    return dict(read_document(json, "tool").values)


def test_a_document_gives_version_times_and_classifiers() -> None:
    classifiers = ["Framework :: Django", "Framework :: Django :: 5.2", "Framework :: Wagtail :: 6"]
    json = document(classifiers=classifiers, requires_python=">=3.10", license="MIT")
    json["urls"] = [upload("2024-03-02T01:00:00Z"), upload("2024-03-02T00:59:59.25+00:00")]
    json["vulnerabilities"] = [
        {"id": "PYSEC-1", "withdrawn": None},
        {"id": "PYSEC-2", "withdrawn": "2024-01-01T00:00:00Z"},
        {"id": "GHSA-3"},
    ]
    found = read_document(json, "tool")
    assert found.serial == 100
    assert found.values == {
        "pypi_version": "1.2",
        "last_released": datetime(2024, 3, 2, 0, 59, 59, 250000, tzinfo=UTC),
        "pypi_classifiers": tuple(classifiers),
        "pypi_frameworks": ("Django 5.2", "Wagtail 6"),
        "pypi_requires_python": ">=3.10",
        "supports_python3": True,
        "pypi_license": "MIT",
        "pypi_licenses": (),
        "pypi_yanked": False,
        "pypi_advisories": ("PYSEC-1", "GHSA-3"),
    }


def test_times_come_from_the_releases_where_the_files_are_not_listed() -> None:
    json = document()
    json["urls"] = []
    json["releases"] = {"1.1": [upload("2020-01-01T00:00:00Z")], "1.2": [upload(None)]}
    json["releases"]["1.2"][0]["upload_time"] = "2021-02-03T04:05:06"
    assert _values(json)["last_released"] == datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize("version", [None, ""])
def test_a_project_without_a_published_release_has_no_version(version: str | None) -> None:
    json = document(version=version)
    json["urls"] = []
    json["releases"] = {}
    values = _values(json)
    assert (values["pypi_version"], values["last_released"]) == (None, None)


def test_a_release_without_files_has_no_time() -> None:
    json = document()
    json["urls"] = []
    assert (_values(json)["pypi_version"], _values(json)["last_released"]) == ("1.2", None)


@pytest.mark.parametrize(
    ("info", "licence", "licences"),
    [
        (
            {"license_expression": "MIT OR (Apache-2.0 AND BSD-3-Clause)", "license": "old"},
            "MIT OR (Apache-2.0 AND BSD-3-Clause)",
            ("MIT", "Apache-2.0", "BSD-3-Clause"),
        ),
        (
            {"license_expression": "Apache-2.0 WITH LLVM-exception or LicenseRef-Own"},
            "Apache-2.0 WITH LLVM-exception or LicenseRef-Own",
            ("Apache-2.0", "LicenseRef-Own"),
        ),
        (
            {"license": "BSD", "classifiers": ["License :: OSI Approved :: BSD License"]},
            "BSD",
            ("BSD License",),
        ),
        ({"license": "\n  MIT License\n\nCopyright (c) ...\n"}, "MIT License", ()),
        (
            {"license": "x" * 101, "classifiers": ["License :: OSI Approved :: MIT License"]},
            "MIT License",
            ("MIT License",),
        ),
        (
            {
                "license": "UNKNOWN",
                "classifiers": ["License :: OSI Approved", "License :: Public Domain"],
            },
            "Public Domain",
            ("Public Domain",),
        ),
        ({"license": "", "classifiers": ["License :: OSI Approved"]}, None, ()),
        ({}, None, ()),
    ],
)
def test_licences(info: Any, licence: str | None, licences: tuple[str, ...]) -> None:
    values = _values(document(**info))
    assert (values["pypi_license"], values["pypi_licenses"]) == (licence, licences)


_PYTHON = "Programming Language :: Python :: "


@pytest.mark.parametrize(
    ("classifiers", "requires_python", "supports"),
    [
        ([_PYTHON + "3"], None, True),
        ([_PYTHON + "3 :: Only"], "<3", True),
        ([_PYTHON + "2", _PYTHON + "3.12"], None, True),
        ([_PYTHON + "2 :: Only"], ">=2.7", False),
        ([_PYTHON + "2.7"], ">=2.7,!=3.0.*", True),
        ([_PYTHON + "2.7"], None, None),
        ([], ">=3.14", True),
        ([], "==3.6.5", True),
        ([], "==3.9.*", True),
        ([], ">=2.7,<3", False),
        ([], "<3.0", False),
        ([], ">=4", False),
        ([], "", None),
        ([], "three", None),
        ([], "===three", None),
        ([_PYTHON + "Implementation :: CPython"], None, None),
    ],
)
def test_python_3(classifiers: list[str], requires_python: str | None, supports: bool) -> None:
    values = _values(document(classifiers=classifiers, requires_python=requires_python))
    assert values["supports_python3"] is supports
    assert values["pypi_requires_python"] == (requires_python or None)


@pytest.mark.parametrize(
    ("info", "url"),
    [
        ({"project_urls": {"Documentation": "https://tool.example/"}}, "https://tool.example/"),
        ({"project_urls": {" DOCS ": "http://tool.example/a"}}, "http://tool.example/a"),
        (
            {"project_urls": {"Docs": "http://b.example", "documentation": "http://a.example"}},
            "http://a.example",
        ),
        ({"project_urls": {"Homepage": "http://a.example"}}, None),
        ({"docs_url": "https://docs.example/tool"}, "https://docs.example/tool"),
        (
            {"project_urls": {"Docs": "ftp://a.example"}, "docs_url": "http://b.example"},
            "http://b.example",
        ),
        ({"project_urls": {"Docs": "javascript:alert(1)"}}, None),
        ({"project_urls": {"Docs": "http://a.example/\x01x"}}, None),
        ({"project_urls": {"Docs": "http://[a.example/"}}, None),
        ({"project_urls": {"Docs": "http://a.example/" + "x" * 2_000}}, None),
        ({"project_urls": ["http://a.example"], "docs_url": 5}, None),
    ],
)
def test_documentation_is_an_address_of_the_web(info: Any, url: str | None) -> None:
    assert read_document(document(**info), "tool").documentation_url == url


def test_a_release_is_yanked_when_the_index_says_so_or_all_its_files_are() -> None:
    assert _values(document(yanked=True))["pypi_yanked"] is True
    json = document(yanked=None)
    json["urls"] = [upload("2024-01-01", yanked=True), upload("2024-01-01", yanked=True)]
    assert _values(json)["pypi_yanked"] is True
    json["urls"][0]["yanked"] = False
    assert _values(json)["pypi_yanked"] is False
    json["urls"] = []
    assert "pypi_yanked" not in _values(json)


@pytest.mark.parametrize(
    "info",
    [
        {"name": "another"},
        {"name": None},
        {"version": 1.2},
        {"classifiers": "MIT"},
        {"classifiers": ["a", None]},
        {"classifiers": {"a": 1}},
    ],
)
def test_a_document_that_cannot_be_trusted_is_of_no_use(info: Any) -> None:
    with pytest.raises(BadValue):
        read_document(document(**info), "tool")


@pytest.mark.parametrize("urls", [{}, "x", [None], [[]], [upload("yesterday")], [upload(5)]])
def test_files_of_a_wrong_type_are_of_no_use(urls: Any) -> None:
    with pytest.raises(BadValue):
        read_document(document() | {"urls": urls}, "tool")


def test_secondary_members_of_a_wrong_type_are_left_out() -> None:
    json = document(license=["MIT"], requires_python=3, yanked="no", project_urls="x")
    json |= {"vulnerabilities": [{"id": 5}], "last_serial": "100"}
    found = read_document(json, "tool")
    assert found.serial is None
    assert set(found.values) == {
        "pypi_version",
        "last_released",
        "pypi_classifiers",
        "pypi_frameworks",
    }


def test_texts_are_cut_to_their_bounds_and_have_no_nul_or_surrogate() -> None:
    json = document(version="1\x00.\ud800", classifiers=["x" * 500] * 300)
    values = _values(json)
    assert values["pypi_version"] == "1.?"
    assert values["pypi_classifiers"] == ("x" * 300,) * 200


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1.2", "2024-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", ">=3.8", "MIT"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_TEXTS = st.lists(
    st.sampled_from(["Framework :: A :: 1", "License :: B", _PYTHON + "3"]) | _JSON, max_size=4
)
_FILES = st.lists(_JSON | st.fixed_dictionaries({"upload_time_iso_8601": _JSON, "yanked": _JSON}))
_INFO: Any = st.fixed_dictionaries(
    {"name": st.just("tool")},
    optional={
        "version": st.just("1.2") | _JSON,
        "classifiers": _TEXTS | _JSON,
        "license": _JSON,
        "license_expression": _JSON,
        "requires_python": _JSON,
        "docs_url": _JSON,
        "project_urls": st.dictionaries(st.sampled_from(["Docs", "DOCUMENTATION"]), _JSON) | _JSON,
        "yanked": _JSON,
    },
)
_DOCUMENTS: Any = st.fixed_dictionaries(
    {"info": _INFO},
    optional={
        "urls": _FILES | _JSON,
        "releases": st.fixed_dictionaries({"1.2": _FILES}) | _JSON,
        "vulnerabilities": st.lists(st.fixed_dictionaries({"id": _JSON, "withdrawn": _JSON})),
        "last_serial": _JSON,
    },
)
_TYPES: dict[str, tuple[type, ...]] = {
    "pypi_version": (str, type(None)),
    "last_released": (datetime, type(None)),
    "pypi_classifiers": (tuple,),
    "pypi_frameworks": (tuple,),
    "pypi_requires_python": (str, type(None)),
    "supports_python3": (bool, type(None)),
    "pypi_license": (str, type(None)),
    "pypi_licenses": (tuple,),
    "pypi_yanked": (bool,),
    "pypi_advisories": (tuple,),
}


@given(_JSON | _DOCUMENTS)
def test_whatever_comes_is_refused_or_can_be_stored(json: Any) -> None:
    try:
        found = read_document(json, "tool")
    except BadValue:
        return
    validation.validate(dataclasses.replace(entities.package(), **found.values))
    for name, value in found.values.items():
        assert isinstance(value, _TYPES[name])
        if isinstance(value, tuple):
            assert all(isinstance(text, str) and text for text in value)
    assert found.serial is None or (type(found.serial) is int and found.serial >= 0)
    assert found.documentation_url is None or found.documentation_url.startswith("http")
