"""URLs of repositories: from a catalogue's URL to a host and an address, and back.

Pure functions; nothing is asked. The URLs come from strangers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,255}")
#: ``git@host:owner/name.git``, git's short form of an ssh address.
_SCP = re.compile(r"[A-Za-z0-9._-]+@(?P<host>[A-Za-z0-9.-]+):(?!/)(?P<path>.+)", re.DOTALL)
_MAX_URL_LENGTH = 2_000
#: GitLab allows groups in groups, 20 deep (its documentation, "Subgroups").
_MAX_SEGMENTS = 22


@dataclass(frozen=True, slots=True)
class Site:
    """The web site of a host.

    With ``has_nested_paths`` repositories may be in groups of groups. A page of one then begins
    with ``-`` or one of ``page_segments``.
    """

    host: str
    has_nested_paths: bool = False
    page_segments: frozenset[str] = frozenset()


def locate_at(
    repo_url: str | None, sites: Mapping[str, Site], self_hosted: Mapping[str, Site]
) -> tuple[str, str] | None:
    """Return the host's name and the address of a repository; ``None`` if no site has it.

    ``sites`` are by domain, ``self_hosted`` by domain with the port of its web pages, if any.
    The address is ``owner/name``, or the whole path where paths may be nested. Understood are
    https, http, git and ssh URLs (also ``git@host:owner/name.git``) with or without ``.git``,
    ``www.``, a branch or page at the end, query, fragment and userinfo.
    """
    parts = _split(repo_url)
    site = None if parts is None else _find_site(parts, sites, self_hosted)
    if parts is None or site is None:
        return None
    segments = [segment for segment in parts.path.split("/") if segment]
    segments = _strip_page(segments, site.page_segments) if site.has_nested_paths else segments[:2]
    if segments:
        segments[-1] = segments[-1].removesuffix(".git")
    address = "/".join(segments)
    return (site.host, address) if is_address(address, site.has_nested_paths) else None


def is_address(address: str, is_nested: bool = False) -> bool:
    """Return whether a text is ``owner/name`` of plain names; nested: two names or more."""
    segments = address.split("/")
    if not 2 <= len(segments) <= (_MAX_SEGMENTS if is_nested else 2):
        return False
    return all(_SEGMENT.fullmatch(name) and name not in {".", ".."} for name in segments)


def web_url(repo_url: str | None, address: str) -> str:
    """Return what a person opens for an address at the host of ``repo_url``; "" without a host."""
    parts = _split(repo_url)
    if parts is None or not parts.hostname:
        return ""
    if parts.scheme not in {"http", "https"}:
        return f"https://{parts.hostname}/{address}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{address}"


def _split(repo_url: str | None) -> SplitResult | None:
    """Split a URL with one of git's schemes; ``None`` if it is no such URL."""
    url = (repo_url or "").strip()
    if not url or len(url) > _MAX_URL_LENGTH:
        return None
    scp = _SCP.fullmatch(url)
    if scp and "://" not in url:
        url = f"ssh://{scp['host']}/{scp['path']}"
    try:
        parts = urlsplit(url.removeprefix("git+"))
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _PORTS and parts.hostname else None


def _find_site(
    parts: SplitResult, sites: Mapping[str, Site], self_hosted: Mapping[str, Site]
) -> Site | None:
    hostname = (parts.hostname or "").rstrip(".")
    has_port = parts.port not in {None, _PORTS[parts.scheme]}
    site = sites.get(hostname.removeprefix("www."))
    if site is not None and not has_port:
        return site
    # The port of ssh tells nothing of where the host's pages are.
    is_web = parts.scheme in {"http", "https"}
    return self_hosted.get(f"{hostname}:{parts.port}" if has_port and is_web else hostname)


def _strip_page(segments: list[str], page_segments: frozenset[str]) -> list[str]:
    for place, segment in enumerate(segments):
        if segment == "-" or (place >= 2 and segment in page_segments):
            return segments[:place]
    return segments
