"""Reading a project's JSON document into fields of a package.

The members are those of the index's documentation of its JSON API (``info`` of the newest
release, ``urls`` its files, ``releases`` deprecated, ``vulnerabilities``, ``last_serial``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from chalicelib.refresh.hosts.index import classifiers as trove
from chalicelib.refresh.json_fields import (
    BadValue,
    get_bool,
    get_datetime,
    get_int,
    get_member,
    get_required_text,
    get_text,
)

MAX_CLASSIFIERS, MAX_CLASSIFIER = 200, 300
MAX_ADVISORIES, MAX_ADVISORY = 200, 100
_MAX_FILES = 5_000
_MAX_LINE, _MAX_URL = 300, 2_000


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a document.

    ``values`` are fields of ``Package``, without those of which it says nothing sensible.
    ``documentation_url`` is apart because a person may have set another.
    """

    values: Mapping[str, Any]
    serial: int | None = None
    documentation_url: str | None = None


def read_document(json: Any, name: str) -> Document:
    """Read the document of the project ``name``; raises BadValue.

    The whole document is rejected if it is another project's, or if version, classifiers or
    times of upload are not of their types. A project without any release has no version.
    """
    if canonicalize_name(get_required_text(json, "info", "name")) != canonicalize_name(name):
        raise BadValue("info.name is another project")
    version = get_text(json, "info", "version", max_length=_MAX_LINE) or None
    classifiers = _get_texts(
        json, "info", "classifiers", max_items=MAX_CLASSIFIERS, longest=MAX_CLASSIFIER
    )
    values: dict[str, Any] = {
        "pypi_version": version,
        "last_released": _read_released(json, version),
        "pypi_classifiers": classifiers,
        "pypi_frameworks": trove.read_frameworks(classifiers),
    }
    for part in (_read_licences, _read_pythons, _read_yanked, _read_advisories):
        values |= _read_or_skip(part, json, classifiers)
    return Document(values, _read_serial(json), _read_documentation_url(json))


def _read_or_skip(
    part: Callable[[Any, tuple[str, ...]], dict[str, Any]], json: Any, classifiers: tuple[str, ...]
) -> dict[str, Any]:
    """Read a secondary part; nothing if a member is not of its type."""
    try:
        return part(json, classifiers)
    except BadValue:
        return {}


def _read_licences(json: Any, classifiers: tuple[str, ...]) -> dict[str, Any]:
    expression = get_text(json, "info", "license_expression", max_length=_MAX_LINE).strip()
    plain = get_text(json, "info", "license")
    return {
        "pypi_license": trove.read_licence(expression, plain, classifiers),
        "pypi_licenses": trove.read_licences(expression, classifiers),
    }


def _read_pythons(json: Any, classifiers: tuple[str, ...]) -> dict[str, Any]:
    requires_python = get_text(json, "info", "requires_python", max_length=_MAX_LINE)
    return {
        "pypi_requires_python": requires_python or None,
        "supports_python3": trove.supports_python3(classifiers, requires_python),
    }


def _read_yanked(json: Any, _: tuple[str, ...]) -> dict[str, Any]:
    """Read whether the release is yanked: every file is (PEP 592), or the index says so."""
    if get_member(json, "info", "yanked") is not None:
        return {"pypi_yanked": get_bool(json, "info", "yanked")}
    files = _get_list(json, "urls", max_items=_MAX_FILES)
    return {"pypi_yanked": all(get_bool(file, "yanked") for file in files)} if files else {}


def _read_advisories(json: Any, _: tuple[str, ...]) -> dict[str, Any]:
    """Read the ids of the release's advisories, without those that were withdrawn."""
    if get_member(json, "vulnerabilities") is None:
        return {}
    advisories = _get_list(json, "vulnerabilities", max_items=MAX_ADVISORIES)
    standing = [entry for entry in advisories if not get_member(entry, "withdrawn")]
    ids = (get_required_text(entry, "id")[:MAX_ADVISORY] for entry in standing)
    return {"pypi_advisories": tuple(dict.fromkeys(ids))}


def _read_released(json: Any, version: str | None) -> datetime | None:
    """Read when the release's first file was uploaded."""
    if version is None:
        return None
    files = _get_list(json, "urls", max_items=_MAX_FILES)
    files = files or _get_list(json, "releases", version, max_items=_MAX_FILES)
    times = (
        get_datetime(file, "upload_time_iso_8601") or get_datetime(file, "upload_time")
        for file in files
    )
    return min((time for time in times if time is not None), default=None)


def _read_serial(json: Any) -> int | None:
    try:
        return get_int(json, "last_serial")
    except BadValue:
        return None


def _read_documentation_url(json: Any) -> str | None:
    """Read the web address labelled ``Documentation`` or ``Docs``, else ``docs_url``."""
    named = get_member(json, "info", "project_urls")
    labels = named if isinstance(named, dict) else {}
    by_label = {label.strip().lower(): address for label, address in labels.items()}
    given = (
        by_label.get("documentation"),
        by_label.get("docs"),
        get_member(json, "info", "docs_url"),
    )
    return next((url for address in given if (url := _check_web_address(address))), None)


def _check_web_address(address: Any) -> str | None:
    try:
        url = get_text({"address": address}, "address", max_length=_MAX_URL + 1).strip()
        parts = urlsplit(url)
    except ValueError:
        return None
    is_plain = len(url) <= _MAX_URL and url.isprintable() and " " not in url
    return url if is_plain and parts.scheme in {"http", "https"} and parts.netloc else None


def _get_list(json: Any, *path: str, max_items: int) -> list[Any]:
    """Return a list of objects, empty for null and cut to ``max_items``; raises BadValue."""
    items = get_member(json, *path)
    if items is None:
        return []
    if not isinstance(items, list) or not all(
        isinstance(entry, dict) for entry in items[:max_items]
    ):
        raise BadValue(f"{'.'.join(path)} is not a list of objects")
    return items[:max_items]


def _get_texts(json: Any, *path: str, max_items: int, longest: int) -> tuple[str, ...]:
    items = get_member(json, *path)
    if items is None:
        return ()
    if not isinstance(items, list):
        raise BadValue(f"{'.'.join(path)} is not a list")
    name = path[-1]
    return tuple(get_required_text({name: entry}, name)[:longest] for entry in items[:max_items])
