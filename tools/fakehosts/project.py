"""A simulated project of the package index: its releases and its documents."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from tools.fakehosts.repository import format_timestamp

_CLASSIFIERS = (
    "Development Status :: 5 - Production/Stable",
    "Environment :: Web Environment",
    "Framework :: Django",
    "Intended Audience :: Developers",
    "Programming Language :: Python",
    "Programming Language :: Python :: 3",
)
_DJANGO, _PYTHON = ("3.2", "4.2", "5.0", "5.1", "5.2"), ("3.9", "3.10", "3.11", "3.12", "3.13")


def normalize_name(name: str) -> str:
    """Normalize a name as the index does (packaging.python.org, "Name normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(slots=True)
class Release:
    """A release: its version, upload time (epoch seconds), and whether it was yanked."""

    number: str
    uploaded: int
    is_yanked: bool = False


@dataclass(slots=True, kw_only=True)
class Project:
    """A project; licence, classifiers and so on are derived from the number ``kind``."""

    package_id: int
    name: str
    kind: int
    serial: int
    releases: list[Release] = field(default_factory=list)
    is_gone: bool = False

    @property
    def key(self) -> str:
        """The normalised name."""
        return normalize_name(self.name)

    @property
    def latest(self) -> Release:
        """The newest release that was not yanked, or the newest if all were."""
        candidates = [release for release in self.releases if not release.is_yanked]
        return (candidates or self.releases)[-1]

    @property
    def etag(self) -> str:
        """The ETag of the document; it changes with the serial."""
        return f'"{hashlib.sha1(f"{self.key}/{self.serial}".encode()).hexdigest()[:22]}"'

    @property
    def requires_python(self) -> str | None:
        """The Python versions of the newest release; ``None`` for one project in eight."""
        return None if self.kind % 8 == 0 else f">={_PYTHON[self.kind % 3]}"

    @property
    def licence(self) -> tuple[str | None, str | None]:
        """``license`` and ``license_expression``; the second is set where the first is empty."""
        named = ("MIT", "BSD", "BSD-3-Clause", "Apache 2.0", "GPLv3")[self.kind % 5]
        return ("", "MIT") if self.kind % 4 == 1 else (named, None)

    @property
    def classifiers(self) -> list[str]:
        """The classifiers of the newest release; later releases support later versions."""
        newest = min(5, 1 + len(self.releases) // 4 + self.kind % 3)
        django = [f"Framework :: Django :: {number}" for number in _DJANGO[:newest]]
        python = [f"Programming Language :: Python :: {number}" for number in _PYTHON[:newest]]
        return sorted([*_CLASSIFIERS, *django, *python])

    def get_monthly_downloads(self, week: int) -> int:
        """Return the downloads in the month before a week, which is given by its number."""
        return self.kind * self.kind % 90_000 + week % 7 * (self.kind % 10)

    def build_document(self, base: str) -> dict[str, Any]:
        """Return the project's JSON document (the index's API documentation, "JSON API")."""
        latest = self.latest
        releases = {release.number: self._files(release, base) for release in self.releases}
        return {
            "info": self._info(latest, base),
            "last_serial": self.serial,
            "releases": releases,
            "urls": releases[latest.number],
            "vulnerabilities": self._vulnerabilities(),
        }

    def build_release_document(self, release: Release, base: str) -> dict[str, Any]:
        """Return the JSON document of one release, which has no ``releases``."""
        return {
            "info": self._info(release, base),
            "last_serial": self.serial,
            "urls": self._files(release, base),
            "vulnerabilities": self._vulnerabilities(),
        }

    def build_simple_document(self, base: str) -> dict[str, Any]:
        """Return the project's document of the Simple API."""
        return {
            "meta": {"_last-serial": self.serial, "api-version": "1.4"},
            "name": self.key,
            "project-status": {"status": "active"},
            "versions": [release.number for release in self.releases],
            "files": [
                {
                    "filename": file["filename"],
                    "url": file["url"],
                    "hashes": {"sha256": file["digests"]["sha256"]},
                    "requires-python": file["requires_python"],
                    "size": file["size"],
                    "upload-time": file["upload_time_iso_8601"],
                    "yanked": file["yanked"],
                }
                for release in self.releases
                for file in self._files(release, base)
            ],
        }

    def _info(self, release: Release, base: str) -> dict[str, Any]:
        licence, expression = self.licence
        return {
            "author": "Ada",
            "author_email": "ada@mail.example",
            "classifiers": self.classifiers,
            "description": f"# {self.name}\n\nWhat it is for.",
            "docs_url": None,
            "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
            "license": licence,
            "license_expression": expression,
            "name": self.name,
            "package_url": f"{base}/project/{self.name}/",
            "project_urls": {"Documentation": f"https://{self.key}.docs.example/en/latest/"},
            "requires_dist": ["Django>=4.2"],
            "requires_python": self.requires_python,
            "summary": f"The {self.kind}th way to do it in Django",
            "version": release.number,
            "yanked": release.is_yanked,
            "yanked_reason": "broken" if release.is_yanked else None,
        }

    def _files(self, release: Release, base: str) -> list[dict[str, Any]]:
        stem = f"{self.key.replace('-', '_')}-{release.number}"
        return [
            self._file(release, f"{stem}-py3-none-any.whl", "bdist_wheel", 0, base),
            self._file(release, f"{stem}.tar.gz", "sdist", 3, base),
        ]

    def _file(
        self, release: Release, name: str, kind: str, seconds: int, base: str
    ) -> dict[str, Any]:
        uploaded = format_timestamp(release.uploaded + seconds)
        return {
            "digests": {"sha256": hashlib.sha1(name.encode()).hexdigest()},
            "filename": name,
            "packagetype": kind,
            "requires_python": self.requires_python,
            "size": 20_000 + self.kind,
            "upload_time": uploaded[:-1],
            "upload_time_iso_8601": f"{uploaded[:-1]}.{self.kind % 1_000_000:06d}Z",
            "url": f"{base}/packages/{name}",
            "yanked": release.is_yanked,
            "yanked_reason": "broken" if release.is_yanked else None,
        }

    def _vulnerabilities(self) -> list[dict[str, Any]]:
        if self.kind % 50:
            return []
        return [{"id": f"PYSEC-2025-{self.kind}", "fixed_in": ["99.0"], "aliases": []}]
