"""The hosts there are, built from the settings, and which of them has a package's source.

A new host is a line in ``HOST_CLASSES``: its settings, its domains and its part of the status
follow from the class.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from chalicelib.refresh.fetch_result import PROJECT
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.bitbucket import Bitbucket
from chalicelib.refresh.hosts.forgejo import Codeberg, Forgejo
from chalicelib.refresh.hosts.github import GitHub
from chalicelib.refresh.hosts.gitlab import GitLab, SelfHostedGitLab
from chalicelib.refresh.hosts.index.package_index import PackageIndex
from chalicelib.refresh.hosts.index.project_names import get_project
from chalicelib.refresh.hosts.repo_urls import Site, locate_at
from chalicelib.settings import BadSetting, SelfHosted, Upstreams, check_url

#: The host of repositories that nobody asks; their figures stay as they are.
UNSUPPORTED = "unsupported"
#: Those with a ``self_hosted_kind`` are built for each entry of ``SELF_HOSTED``, others once.
HOST_CLASSES: list[type[Host]] = [
    GitHub,
    GitLab,
    SelfHostedGitLab,
    Bitbucket,
    Codeberg,
    Forgejo,
    PackageIndex,
]


def build_hosts(upstreams: Upstreams, tokens: Mapping[str, str]) -> dict[str, Host]:
    """Return every host by its name, a self-hosted one by its domain; raises BadSetting.

    ``tokens`` are by the same names. An API's address that the operator gave may be of a private
    network; a host that was only allowed (``SELF_HOSTED``) without an address may not.
    """
    upstreams = select_settings(upstreams)
    hosts: list[Host] = []
    for host_class in _iter_public():
        host = host_class.from_upstreams(upstreams, tokens.get(host_class.name))
        hosts += [host] if host else []
    for entry, host_class in _iter_self_hosted(upstreams):
        hosts.append(host_class(entry.api_url, tokens.get(entry.host), entry.host))
    return {host.name: host for host in hosts}


def check_settings(upstreams: Upstreams) -> None:
    """Raise BadSetting if any host cannot be built from the settings."""
    select_settings(upstreams)
    for _ in _iter_self_hosted(upstreams):
        pass


def select_settings(upstreams: Upstreams) -> Upstreams:
    """Return the settings of hosts there are, without those of others; raises BadSetting."""
    # Not of self-hosted ones: a domain may be any word, and NPM_TOKEN is none of ours.
    names = {host_class.name for host_class in _iter_public()}
    with_token = {host_class.name for host_class in _iter_public() if host_class.takes_token}
    api_urls = {
        name: check_url(f"{name.upper()}_API_URL", url)
        for name, url in upstreams.api_urls.items()
        if name in names
    }
    tokens = {name: token for name, token in upstreams.tokens.items() if name in with_token}
    parameters = upstreams.token_parameters.items()
    return replace(
        upstreams,
        api_urls=api_urls,
        tokens=tokens,
        token_parameters={name: value for name, value in parameters if name in with_token},
    )


def locate(repo_url: str | None, upstreams: Upstreams) -> tuple[str, str] | None:
    """Return the host's name and the address of a repository; ``None`` if no host has it."""
    sites = {
        domain: _build_site(host_class.name, host_class)
        for host_class in _iter_public()
        for domain in host_class.domains
    }
    self_hosted = {
        entry.host: _build_site(entry.host, host_class)
        for entry, host_class in _iter_self_hosted(upstreams)
    }
    return locate_at(repo_url, sites, self_hosted)


def locate_project(pypi_url: str | None) -> tuple[str, str] | None:
    """Return the host's name and the address of a project; ``None`` if the URL names none."""
    project = get_project(pypi_url)
    index = next(host_class for host_class in _iter_public() if host_class.kind == PROJECT)
    return None if project is None else (index.name, project)


def _build_site(name: str, host_class: type[Host]) -> Site:
    return Site(name, host_class.has_nested_paths, host_class.page_segments)


def _iter_public() -> Iterator[type[Host]]:
    return (host_class for host_class in HOST_CLASSES if host_class.self_hosted_kind is None)


def _iter_self_hosted(upstreams: Upstreams) -> Iterator[tuple[SelfHosted, type[Host]]]:
    """Yield each entry of ``SELF_HOSTED`` with its class; raises BadSetting."""
    kinds = {
        host_class.self_hosted_kind: host_class
        for host_class in HOST_CLASSES
        if host_class.self_hosted_kind
    }
    # As names of others they would get these hosts' tokens and budgets.
    taken = {UNSUPPORTED}
    for host_class in _iter_public():
        taken |= {host_class.name, *host_class.reserved_names}
    for entry in upstreams.self_hosted:
        if entry.kind not in kinds:
            raise BadSetting(
                f"SELF_HOSTED: {entry.host}={entry.kind} is of no kind that there is: "
                f"{', '.join(sorted(kinds))}"
            )
        if entry.host in taken:
            raise BadSetting(f"SELF_HOSTED: {entry.host} is the name of a host of ours")
        yield entry, kinds[entry.kind]
