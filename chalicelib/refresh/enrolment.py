"""Which sources there are: one row for each repository and project of the catalogue.

The catalogue knows nothing of refreshing, so the rows are brought up to date from it: after a
load, and once a day.
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

#: A name or password in a URL is nobody's business here.
_USERINFO = re.compile(r"^([^/?#]*//)[^/?#]*@")


@dataclass(slots=True)
class EnrolmentReport:
    """How many sources there are, and how many were written and removed."""

    sources: int = 0
    written: int = 0
    removed: int = 0


def enrol(upstreams: Upstreams, now: float) -> EnrolmentReport:
    """Have a row for every source, due at once where it is new or leads elsewhere now.

    Safe to repeat and to run twice at once. A package whose address changed starts anew: what
    was remembered belongs to the old one.
    """
    kept = {(int(row.package_id), str(row.kind)): row for row in sources.iter_sources()}
    done = EnrolmentReport()
    for identifier, repo_url, pypi_url in sources.iter_package_urls():
        for kind, host, address in _iter_addresses(repo_url, pypi_url, upstreams):
            done.sources += 1
            row = kept.pop((identifier, kind), None)
            if row is None or (row.host, row.address) != (host, address):
                done.written += _write(row, identifier, kind, host, address, now)
    for row in kept.values():
        sources.delete_source(row)
        done.removed += 1
    return done


def _iter_addresses(
    repo_url: str | None, pypi_url: str | None, upstreams: Upstreams
) -> Iterator[tuple[str, str, str]]:
    """Kind, host and address of each source that a package with these URLs has."""
    if repo_url and repo_url.strip():
        located = locate(repo_url, upstreams)
        if located is None:
            yield REPOSITORY, UNSUPPORTED, _USERINFO.sub(r"\1", repo_url.strip())[:500]
        else:
            yield REPOSITORY, *located
    project = locate_project(pypi_url)
    if project is not None:
        yield PROJECT, *project


def _write(
    row: SourceItem | None, identifier: int, kind: str, host: str, address: str, now: float
) -> bool:
    is_asked = host != UNSUPPORTED
    after = SourceItem(
        identifier,
        kind,
        version=int(row.version) if row else 0,
        host=host,
        address=address,
        due=now if is_asked else None,
        handled=float(row.handled or 0) if row else 0,
        state={},
        provenance=_copy_provenance(row),
        reason=None if is_asked else "no host that we ask",
    )
    if row is None:
        return sources.create_source(after)
    try:
        sources.replace_source(after, int(row.version))
    except Superseded:
        # A worker has just written it; the next enrolment sees what it made of it.
        return False
    return True


def _copy_provenance(row: SourceItem | None) -> Mapping[str, object]:
    """The figures stay until they are read anew, and so does where they came from."""
    return {} if row is None else row.provenance or {}
