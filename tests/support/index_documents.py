"""Project documents and roots as the index has them; a test names only what it is about."""

from typing import Any

from tools.fakehosts.hosts.index import build_root
from tools.fakehosts.project import Project, Release

_BASE = "https://index.example"


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
    project = _project()
    found = project.build_release_document(project.latest, _BASE)
    found["info"] |= members | info
    return found | {"last_serial": serial, "urls": [upload("2024-03-02T01:00:00.5Z")]}


def upload(at: Any, **members: Any) -> dict[str, Any]:
    """A file of a release."""
    project = _project()
    file: dict[str, Any] = project.build_release_document(project.latest, _BASE)["urls"][0]
    return file | {"upload_time_iso_8601": at, "yanked": False, **members}


def root(serials: dict[str, Any]) -> str:
    """The root of the Simple API as JSON."""
    return build_root(serials, 30_000_000)


def _project() -> Project:
    return Project(package_id=1, name="tool", kind=1, serial=1, releases=[Release("1.2", 0)])
