"""Enrolment: the table of sources is updated from the catalogue.

There is one item for each repository and project of the catalogue. The catalogue knows nothing
of the refresh, so the table is updated after a load, and once a day.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.refresh.fetch_result import PROJECT, REPOSITORY
from chalicelib.refresh.hosts.registry import UNSUPPORTED, locate, locate_project
from chalicelib.settings import Upstreams
from chalicelib.storage import sources
from chalicelib.storage.errors import Superseded
from chalicelib.storage.refresh_models import SourceItem

_MAX_ADDRESS_LENGTH = 500
#: A user name or password in a URL, which must not be stored or shown.
_USERINFO = re.compile(r"^([^/?#]*//)[^/?#]*@")


@dataclass(slots=True)
class EnrolmentReport:
    """Counts of sources, and of items written and removed."""

    sources: int = 0
    written: int = 0
    removed: int = 0


def enrol(upstreams: Upstreams, now: float) -> EnrolmentReport:
    """Write an item for each new source, and remove those that are no longer in the catalogue.

    New sources are due at once, and so are those with a new address, whose state starts anew: it
    belongs to the old address. Safe to repeat, and to run twice at the same time.
    """
    obsolete = {(int(item.package_id), str(item.kind)): item for item in sources.iter_sources()}
    report = EnrolmentReport()
    for package_id, repo_url, pypi_url in sources.iter_package_urls():
        for kind, host, address in _iter_addresses(repo_url, pypi_url, upstreams):
            report.sources += 1
            item = obsolete.pop((package_id, kind), None)
            if item is None or (item.host, item.address) != (host, address):
                report.written += _write(item, package_id, kind, host, address, now)
    for item in obsolete.values():
        sources.delete_source(item)
        report.removed += 1
    return report


def _iter_addresses(
    repo_url: str | None, pypi_url: str | None, upstreams: Upstreams
) -> Iterator[tuple[str, str, str]]:
    """Yield the kind, host and address of each source of a package with these URLs."""
    if repo_url and repo_url.strip():
        located = locate(repo_url, upstreams)
        if located is None:
            address = _USERINFO.sub(r"\1", repo_url.strip())[:_MAX_ADDRESS_LENGTH]
            yield REPOSITORY, UNSUPPORTED, address
        else:
            yield REPOSITORY, *located
    project = locate_project(pypi_url)
    if project is not None:
        yield PROJECT, *project


def _write(
    before: SourceItem | None, package_id: int, kind: str, host: str, address: str, now: float
) -> bool:
    """Write the item of a source unless another writer is faster; return whether it was written.

    Provenance is kept: the figures stay until they are read anew.
    """
    is_supported = host != UNSUPPORTED
    provenance: Mapping[str, object] = (before.provenance or {}) if before else {}
    item = SourceItem(
        package_id,
        kind,
        version=int(before.version) if before else 0,
        host=host,
        address=address,
        due=now if is_supported else None,
        handled=float(before.handled or 0) if before else 0,
        state={},
        provenance=provenance,
        reason=None if is_supported else "unsupported host",
    )
    if before is None:
        return sources.create_source(item)
    try:
        sources.replace_source(item, int(before.version))
    except Superseded:
        # A worker has just written it; the next enrolment sees the result.
        return False
    return True
