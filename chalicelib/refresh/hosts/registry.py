"""Which hosts there are, and which of them has a repository."""

from collections.abc import Mapping

from chalicelib.refresh.fetch_result import PROJECT, Host
from chalicelib.refresh.hosts import repo_urls
from chalicelib.refresh.hosts.bitbucket import Bitbucket
from chalicelib.refresh.hosts.forgejo import Forgejo
from chalicelib.refresh.hosts.gitlab import GitLab
from chalicelib.refresh.hosts.repo_urls import locate, web_url
from chalicelib.settings import SelfHosted, Upstreams

__all__ = ["hosts", "locate", "web_url"]

_API_PATHS = ("/api/v4", "/api/v1", "/2.0")


def hosts(upstreams: Upstreams, tokens: Mapping[str, str]) -> dict[str, Host]:
    """Every host that is asked, by name; those that an operator runs by host and port.

    ``tokens`` are by the same names. An address that the operator named may be of a private
    network; a host that was only allowed (``SELF_HOSTED``) without an address may not.
    """
    # Here, because what reads the index is large and ``locate`` needs none of it.
    from chalicelib.refresh.hosts.github import GitHub
    from chalicelib.refresh.hosts.index.package_index import PackageIndex
    from chalicelib.refresh.hosts.index.serials import Serials

    found: list[Host] = [
        GitHub(
            upstreams.github_api_url,
            tokens.get(repo_urls.GITHUB),
            upstreams.github_api_url is not None,
        ),
        GitLab(
            repo_urls.GITLAB,
            _root(upstreams.gitlab_api_url, "https://gitlab.com"),
            "https://gitlab.com",
            tokens.get(repo_urls.GITLAB),
            upstreams.gitlab_api_url is not None,
        ),
        Bitbucket(
            _root(upstreams.bitbucket_api_url, "https://api.bitbucket.org"),
            tokens.get(repo_urls.BITBUCKET),
            upstreams.bitbucket_api_url is not None,
        ),
        Forgejo(
            repo_urls.CODEBERG,
            _root(upstreams.codeberg_api_url, "https://codeberg.org"),
            "https://codeberg.org",
            upstreams.codeberg_api_url is not None,
        ),
        PackageIndex(
            upstreams.package_index_url,
            upstreams.downloads_url,
            upstreams.package_index_url is not None or upstreams.downloads_url is not None,
            Serials(_projects) if upstreams.index_serials else None,
        ),
    ]
    found += [_own(own, tokens) for own in upstreams.self_hosted]
    return {host.name: host for host in found}


def _projects() -> list[str]:
    """The projects of the package index that the catalogue has, as they are stored."""
    from chalicelib.storage import sources

    return [str(row.address) for row in sources.iter_sources() if row.kind == PROJECT]


def _own(own: SelfHosted, tokens: Mapping[str, str]) -> Host:
    public_url = f"https://{own.host}"
    base_url = _root(own.api_url, public_url)
    may_be_private = own.api_url is not None
    if own.kind == repo_urls.GITLAB:
        return GitLab(own.host, base_url, public_url, tokens.get(own.host), may_be_private)
    return Forgejo(own.host, base_url, public_url, may_be_private)


def _root(named: str | None, default: str) -> str:
    """The root of a host: paths that are asked have the API's own part in them."""
    root = (named or default).rstrip("/")
    for path in _API_PATHS:
        root = root.removesuffix(path)
    return root
