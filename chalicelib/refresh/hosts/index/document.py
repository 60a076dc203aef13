"""A project's JSON document as values of a package; nothing here asks anybody.

The members are those of the index's documentation of its JSON API (``info`` of the newest
release, ``urls`` its files, ``releases`` deprecated, ``vulnerabilities``, ``last_serial``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from chalicelib.refresh.hosts.index import classifiers as reading
from chalicelib.refresh.hosts.index.project_names import normalised
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
    """What a document says.

    ``values`` are fields of ``Package``; what it says nothing of, or nothing sensible, is left
    out. ``documentation_url`` stands apart because a person may have set another.
    """

    values: Mapping[str, Any]
    serial: int | None = None
    documentation_url: str | None = None


def read(json: Any, name: str) -> Document:
    """The document of the project ``name``; raises BadValue.

    It is of no use at all if it is another project's, or if version, classifiers or times of
    upload are not of their types. A project without any published release has no version.
    """
    if normalised(get_required_text(json, "info", "name")) != normalised(name):
        raise BadValue("info.name is another project")
    version = get_text(json, "info", "version", longest=_MAX_LINE) or None
    classifiers = _texts(json, "info", "classifiers", most=MAX_CLASSIFIERS, longest=MAX_CLASSIFIER)
    values: dict[str, Any] = {
        "pypi_version": version,
        "last_released": _released(json, version),
        "pypi_classifiers": classifiers,
        "pypi_frameworks": reading.frameworks(classifiers),
    }
    for part in (_licences, _pythons, _yanked, _advisories):
        values |= _or_nothing(part, json, classifiers)
    return Document(values, _serial(json), _documentation_url(json))


def _or_nothing(
    part: Callable[[Any, tuple[str, ...]], dict[str, Any]], json: Any, classifiers: tuple[str, ...]
) -> dict[str, Any]:
    """A secondary part; nothing where it is not as it should be."""
    try:
        return part(json, classifiers)
    except BadValue:
        return {}


def _licences(json: Any, classifiers: tuple[str, ...]) -> dict[str, Any]:
    expression = get_text(json, "info", "license_expression", longest=_MAX_LINE).strip()
    plain = get_text(json, "info", "license")
    return {
        "pypi_license": reading.licence(expression, plain, classifiers),
        "pypi_licenses": reading.licences(expression, classifiers),
    }


def _pythons(json: Any, classifiers: tuple[str, ...]) -> dict[str, Any]:
    required_python = get_text(json, "info", "requires_python", longest=_MAX_LINE)
    return {
        "pypi_requires_python": required_python or None,
        "supports_python3": reading.supports_python3(classifiers, required_python),
    }


def _yanked(json: Any, _: tuple[str, ...]) -> dict[str, Any]:
    """Whether the release as a whole is yanked: every file is (PEP 592), or the index says so."""
    if get_member(json, "info", "yanked") is not None:
        return {"pypi_yanked": get_bool(json, "info", "yanked")}
    files = _list(json, "urls", most=_MAX_FILES)
    return {"pypi_yanked": all(get_bool(file, "yanked") for file in files)} if files else {}


def _advisories(json: Any, _: tuple[str, ...]) -> dict[str, Any]:
    """Ids of the advisories known of the release, without those that were withdrawn."""
    if get_member(json, "vulnerabilities") is None:
        return {}
    found = _list(json, "vulnerabilities", most=MAX_ADVISORIES)
    standing = [entry for entry in found if not get_member(entry, "withdrawn")]
    ids = (get_required_text(entry, "id")[:MAX_ADVISORY] for entry in standing)
    return {"pypi_advisories": tuple(dict.fromkeys(ids))}


def _released(json: Any, version: str | None) -> datetime | None:
    """When the release's first file was uploaded."""
    if version is None:
        return None
    files = _list(json, "urls", most=_MAX_FILES)
    files = files or _list(json, "releases", version, most=_MAX_FILES)
    times = (
        get_datetime(file, "upload_time_iso_8601") or get_datetime(file, "upload_time")
        for file in files
    )
    return min((time for time in times if time is not None), default=None)


def _serial(json: Any) -> int | None:
    try:
        return get_int(json, "last_serial")
    except BadValue:
        return None


def _documentation_url(json: Any) -> str | None:
    """The address labelled ``Documentation`` or ``Docs``, else ``docs_url``; of the web only."""
    named = get_member(json, "info", "project_urls")
    labels = named if isinstance(named, dict) else {}
    by_label = {label.strip().lower(): address for label, address in labels.items()}
    given = (
        by_label.get("documentation"),
        by_label.get("docs"),
        get_member(json, "info", "docs_url"),
    )
    return next((url for address in given if (url := _web_address(address))), None)


def _web_address(address: Any) -> str | None:
    try:
        url = get_text({"address": address}, "address", longest=_MAX_URL + 1).strip()
        parts = urlsplit(url)
    except ValueError:
        return None
    is_plain = len(url) <= _MAX_URL and url.isprintable() and " " not in url
    return url if is_plain and parts.scheme in {"http", "https"} and parts.netloc else None


def _list(json: Any, *path: str, most: int) -> list[Any]:
    """A list of objects; empty for null. What is beyond ``most`` is left out."""
    found = get_member(json, *path)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found[:most]):
        raise BadValue(f"{'.'.join(path)} is not a list of objects")
    return found[:most]


def _texts(json: Any, *path: str, most: int, longest: int) -> tuple[str, ...]:
    found = get_member(json, *path)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise BadValue(f"{'.'.join(path)} is not a list")
    name = path[-1]
    return tuple(get_required_text({name: entry}, name)[:longest] for entry in found[:most])
