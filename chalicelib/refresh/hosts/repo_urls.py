"""Where a repository is: from the URL that a catalogue has to a host and an address, and back.

Pure; nothing is asked. The URLs come from strangers.
"""

import re
from urllib.parse import SplitResult, urlsplit

from chalicelib.settings import Upstreams

GITHUB, GITLAB, BITBUCKET, CODEBERG = "github", "gitlab", "bitbucket", "codeberg"
_PUBLIC = {
    "github.com": GITHUB,
    "gitlab.com": GITLAB,
    "bitbucket.org": BITBUCKET,
    "codeberg.org": CODEBERG,
}
_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,255}")
#: ``git@host:owner/name.git``, as git itself writes an address of ssh.
_SCP = re.compile(r"[A-Za-z0-9._-]+@(?P<host>[A-Za-z0-9.-]+):(?!/)(?P<path>.+)", re.DOTALL)
_LONGEST_URL = 2_000
#: GitLab allows groups in groups, 20 deep (its documentation, "Subgroups").
_MOST_SEGMENTS = 22
#: What follows a project in GitLab's URLs, now after ``-`` and formerly without it. None of
#: these can be the name of a project or subgroup (its documentation, "Reserved project and
#: group names").
_AFTER_PROJECT = {
    "badges",
    "blame",
    "blob",
    "builds",
    "commits",
    "create",
    "create_dir",
    "edit",
    "files",
    "find_file",
    "new",
    "preview",
    "raw",
    "refs",
    "tree",
    "update",
    "wikis",
}


def locate(repo_url: str | None, upstreams: Upstreams) -> tuple[str, str] | None:
    """The name of the host and the repository's address there; ``None`` if nobody is asked.

    The address is ``owner/name``, or GitLab's whole path with its groups. Understood are
    https, http, git and ssh URLs (also ``git@host:owner/name.git``) with or without ``.git``,
    ``www.``, a branch or page behind, query, fragment and userinfo.
    """
    parts = _split(repo_url)
    if parts is None:
        return None
    host = _host(parts, upstreams)
    if host is None:
        return None
    name, kind = host
    segments = [segment for segment in parts.path.split("/") if segment]
    segments = _project(segments) if kind == GITLAB else segments[:2]
    if segments:
        segments[-1] = segments[-1].removesuffix(".git")
    address = "/".join(segments)
    return (name, address) if is_address(address, kind == GITLAB) else None


def is_address(address: str, is_nested: bool = False) -> bool:
    """Whether a text is ``owner/name`` (or, nested, a path of at least two) of plain names."""
    segments = address.split("/")
    if not 2 <= len(segments) <= (_MOST_SEGMENTS if is_nested else 2):
        return False
    return all(_SEGMENT.fullmatch(name) and name not in {".", ".."} for name in segments)


def web_url(repo_url: str | None, address: str) -> str:
    """What a person opens for another address at the host of ``repo_url``; "" without a host."""
    parts = _split(repo_url)
    if parts is None or not parts.hostname:
        return ""
    if parts.scheme not in {"http", "https"}:
        return f"https://{parts.hostname}/{address}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{address}"


def _split(repo_url: str | None) -> SplitResult | None:
    """The parts of a URL whose scheme is one of git's; ``None`` if it is no such URL."""
    url = (repo_url or "").strip()
    if not url or len(url) > _LONGEST_URL:
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


def _host(parts: SplitResult, upstreams: Upstreams) -> tuple[str, str] | None:
    """Name and kind of the host of a URL, if it is one that is asked."""
    hostname = (parts.hostname or "").rstrip(".")
    has_port = parts.port not in {None, _PORTS[parts.scheme]}
    public = _PUBLIC.get(hostname.removeprefix("www."))
    if public is not None and not has_port:
        return public, public
    # The port of ssh tells nothing of where the host's pages are.
    is_web = parts.scheme in {"http", "https"}
    name = f"{hostname}:{parts.port}" if has_port and is_web else hostname
    for own in upstreams.self_hosted:
        if own.host == name:
            return own.host, own.kind
    return None


def _project(segments: list[str]) -> list[str]:
    """The segments of GitLab's project, without those of a page of it."""
    for place, segment in enumerate(segments):
        if segment == "-" or (place >= 2 and segment in _AFTER_PROJECT):
            return segments[:place]
    return segments
