"""The fingerprint of a record, by which a load recognizes a record that it loaded before.

It is stored with the item: hashes of what the file says of it, memberships aside. As long as the
record stays the same, loading it again leaves the item alone, so figures that a refresh has
written since stay.

A fingerprint begins with one hash of the fields in ``_FIRST_FIELDS``. A field that was added
later has a hash of its own, and only where the record has a value other than the default:
``cdf8d3b6509fdf4002f89f64 open_issues:5b1f0c3a``. So a new field never changes what is stored
of the others, and loading the same file again takes the new field alone.
"""

import dataclasses
import hashlib
import json
from typing import Any

from chalicelib.catalog.entities import Category, Grid, Package

#: The fields that the first hash covers, with the values that stand for absent ones. The stored
#: fingerprints depend on them: never add, remove or change one.
_FIRST_FIELDS: dict[type, dict[str, Any]] = {
    Category: {
        **dict.fromkeys(("id", "title", "slug", "created", "modified")),
        **dict.fromkeys(("description", "title_plural"), ""),
        "show_pypi": True,
    },
    Grid: {
        **dict.fromkeys(("id", "title", "slug", "created", "modified")),
        "description": "",
        **dict.fromkeys(("is_locked", "header"), False),
    },
    Package: {
        **dict.fromkeys(("id", "title", "slug", "category_id", "created", "modified")),
        **dict.fromkeys(("repo_url", "repo_host", "repo_description", "participants"), ""),
        **dict.fromkeys(("documentation_url", "pypi_url"), ""),
        **dict.fromkeys(("repo_watchers", "repo_forks", "commit_count", "pypi_downloads"), 0),
        **dict.fromkeys(("usage_count", "favorite_count", "score", "last_exception_count"), 0),
        "commits_over_52w": (),
        **dict.fromkeys(("pypi_license", "pypi_licenses", "pypi_classifiers")),
        **dict.fromkeys(("pypi_requires_python", "supports_python3")),
        **dict.fromkeys(("latest_version_id", "pypi_version", "last_released")),
        **dict.fromkeys(("deprecates_package_id", "date_deprecated", "date_repo_archived")),
        **dict.fromkeys(("last_commit_date", "last_fetched")),
        **dict.fromkeys(("last_exception", "last_exception_at")),
    },
}
_DEFAULTS = {
    kind: {field.name: field.default for field in dataclasses.fields(kind)}
    for kind in _FIRST_FIELDS
}


def compute_fingerprint(kind: type[Any], values: dict[str, Any]) -> str:
    """Return the fingerprint of a record's validated values, which have the entity's names.

    Absent values count as the defaults.
    """
    first = _FIRST_FIELDS[kind]
    content = {name: values.get(name, default) for name, default in first.items()}
    defaults = _DEFAULTS[kind]
    later = [
        f"{name}:{_hash(values[name], 4)}"
        for name in sorted(values.keys() - first.keys())
        if values[name] != defaults.get(name)
    ]
    return " ".join([_hash(content, 12), *later])


def get_changed_fields(stored: str | None, current: str) -> set[str] | None:
    """Return the fields that differ between two fingerprints; ``None`` stands for all of them.

    ``stored`` is ``None`` for an item that was not loaded from a file.
    """
    if not stored:
        return None
    first, *others = stored.split()
    current_first, *current_others = current.split()
    if first != current_first:
        return None
    return {part.partition(":")[0] for part in set(others) ^ set(current_others)}


def _hash(value: Any, size: int) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
