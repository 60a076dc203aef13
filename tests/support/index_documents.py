"""Project documents and roots as the index has them; a test names only what it is about."""

import json
from typing import Any


def document(name: str = "tool", serial: int | None = 100, **info: Any) -> dict[str, Any]:
    """A project's document with one release of one file."""
    members: dict[str, Any] = {
        "name": name,
        "version": "1.2",
        "classifiers": [],
        "license": None,
        "license_expression": None,
        "requires_python": None,
        "docs_url": None,
        "project_urls": None,
        "yanked": False,
    }
    return {
        "info": members | info,
        "last_serial": serial,
        "urls": [upload("2024-03-02T01:00:00.5Z")],
        "vulnerabilities": [],
    }


def upload(at: Any, **members: Any) -> dict[str, Any]:
    """A file of a release."""
    return {"upload_time_iso_8601": at, "yanked": False, **members}


def root(serials: dict[str, Any]) -> str:
    """The root of the Simple API as JSON."""
    projects = [{"_last-serial": serial, "name": name} for name, serial in serials.items()]
    return json.dumps({"meta": {"api-version": "1.4"}, "projects": projects})
