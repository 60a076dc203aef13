"""Settings, read from the environment.

AWS itself is configured by AWS's own variables (``AWS_ENDPOINT_URL``, ``AWS_REGION``,
credentials), which botocore reads.
"""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TABLES = (
    "packages",
    "grids",
    "categories",
    "memberships",
    "directory",
    "names",
    "loads",
    "sources",
    "history",
    "hosts",
)

#: 22 hours. Sources that wait for a batch or a failing host are still asked within a day.
_REFRESH_SECONDS = 79_200
#: A host name without port, ``.example.org`` for a domain and its subdomains, an IPv6 address,
#: or ``*``.
_HOST_PATTERN = re.compile(r"\*|\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
#: Valid in a metric's dimension and in names of AWS resources.
_STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
#: ``refresh.hosts.registry`` checks the kinds.
_SELF_HOSTED_PATTERN = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(:\d+)?)=(?P<kind>[a-z]+)(@(?P<url>https?://[^@\s]+))?"
)
#: Settings of one host; its name is the prefix.
_HOST_VARIABLE = re.compile(r"(?P<host>[A-Z][A-Z0-9]*)_(?P<setting>API_URL|TOKEN|TOKEN_PARAMETER)")


class BadSetting(ValueError):
    """An environment variable has an invalid value."""


@dataclass(frozen=True, slots=True)
class SelfHosted:
    """A self-hosted code host that may be asked; ``api_url`` is ``None`` if it was not given."""

    host: str
    kind: str
    api_url: str | None = None


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Settings of the hosts that figures come from.

    ``api_urls``, ``tokens`` (never shown) and ``token_parameters`` are keyed by host name
    (``GITHUB_TOKEN`` is the token of ``github``). Any name is accepted here; the registry of hosts
    (``refresh.hosts.registry``) picks and checks those of its hosts. A host without an API URL is
    asked at its public one. ``public_index_url`` is the package index's public URL, needed only
    where pip, which knows it, is not installed. ``downloads_url`` has no default: without it,
    downloads are not fetched.
    """

    api_urls: dict[str, str] = field(default_factory=dict)
    package_index_url: str | None = None
    public_index_url: str | None = None
    downloads_url: str | None = None
    index_serials: bool = True
    contact: str = ""
    self_hosted: tuple[SelfHosted, ...] = ()
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    token_parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    ``tables`` maps each of ``TABLES`` to the table's name in DynamoDB. ``base_url`` is the
    scheme, host and path before ``/api/v4/`` in links; ``None`` takes them from each request.
    ``allowed_hosts`` are the hosts that a request may name; if empty, only the API Gateway's own.
    ``max_response_bytes`` limits a response, in bytes as AWS Lambda counts them; ``None`` means no
    limit. ``bucket`` is the bucket's name. A process checks for a newer search index every
    ``search_seconds``. A source is due again ``refresh_seconds`` after its last response.
    ``queue_url`` and ``dead_letter_url`` are the SQS queues of batches. ``stage`` names the
    deployment. ``metrics`` is whether functions write metrics and log lines (``telemetry``).
    """

    tables: dict[str, str] = field(default_factory=dict)
    base_url: str | None = None
    allowed_hosts: tuple[str, ...] = ("*",)
    cache_seconds: int = 60
    max_response_bytes: int | None = None
    bucket: str = "packgrid"
    search_seconds: int = 60
    refresh_seconds: int = _REFRESH_SECONDS
    queue_url: str | None = None
    dead_letter_url: str | None = None
    stage: str = "local"
    metrics: bool = False
    upstreams: Upstreams = field(default_factory=Upstreams)


def from_environment(environ: dict[str, str] | None = None) -> Settings:
    """Read ``Settings`` from ``environ`` (the process's own by default); raises BadSetting."""
    env = dict(os.environ) if environ is None else environ
    prefix = env.get("PACKGRID_TABLE_PREFIX", "packgrid-")
    return Settings(
        tables={name: env.get(f"{name.upper()}_TABLE") or prefix + name for name in TABLES},
        base_url=_url(env, "PACKGRID_BASE_URL"),
        allowed_hosts=_allowed_hosts(env),
        cache_seconds=_whole_number(env, "PACKGRID_CACHE_SECONDS", 60),
        max_response_bytes=_max_response_bytes(env),
        # The prefix applies to the bucket as to the tables.
        bucket=env.get("PACKGRID_BUCKET") or prefix.strip("-").lower() or "packgrid",
        search_seconds=_whole_number(env, "PACKGRID_SEARCH_SECONDS", 60),
        refresh_seconds=_whole_number(env, "PACKGRID_REFRESH_SECONDS", _REFRESH_SECONDS),
        queue_url=env.get("PACKGRID_QUEUE_URL") or None,
        dead_letter_url=env.get("PACKGRID_DEAD_LETTER_URL") or None,
        stage=_stage(env),
        metrics=_metrics(env),
        upstreams=_upstreams(env),
    )


def _upstreams(env: dict[str, str]) -> Upstreams:
    by_setting: dict[str, dict[str, str]] = {"API_URL": {}, "TOKEN": {}, "TOKEN_PARAMETER": {}}
    for variable, value in env.items():
        match = _HOST_VARIABLE.fullmatch(variable)
        if match and value:
            by_setting[match["setting"]][match["host"].lower()] = value
    return Upstreams(
        api_urls=by_setting["API_URL"],
        package_index_url=_url(env, "PACKAGE_INDEX_URL"),
        public_index_url=_url(env, "PACKGRID_PUBLIC_INDEX_URL"),
        downloads_url=_url(env, "DOWNLOADS_URL"),
        index_serials=env.get("PACKGRID_INDEX_SERIALS") != "0",
        contact=env.get("PACKGRID_CONTACT", ""),
        self_hosted=_self_hosted(env.get("SELF_HOSTED", "")),
        tokens=by_setting["TOKEN"],
        token_parameters=by_setting["TOKEN_PARAMETER"],
    )


def _self_hosted(value: str) -> tuple[SelfHosted, ...]:
    """Parse ``git.example.org=forgejo,gitlab.example.org=gitlab@http://10.0.0.5``."""
    hosts = []
    for entry in filter(None, (part.strip() for part in value.split(","))):
        match = _SELF_HOSTED_PATTERN.fullmatch(entry)
        if match is None:
            raise BadSetting(
                f"SELF_HOSTED: {entry!r} is not like git.example.org=forgejo "
                "or gitlab.example.org=gitlab@http://10.0.0.5"
            )
        url = match["url"]
        hosts.append(
            SelfHosted(match["host"].lower(), match["kind"], url.rstrip("/") if url else None)
        )
    return tuple(hosts)


def _url(env: dict[str, str], name: str) -> str | None:
    value = env.get(name)
    return check_url(name, value) if value else None


def check_url(name: str, value: str) -> str:
    """Return the URL of the variable ``name`` without a trailing slash; raises BadSetting."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise BadSetting(f"{name}={value!r} is not like https://example.org")
    return value.rstrip("/")


def _allowed_hosts(env: dict[str, str]) -> tuple[str, ...]:
    """Parse ``ALLOWED_HOSTS``; by default any host is allowed, on Lambda only the gateway's."""
    hosts = tuple(host.strip() for host in env.get("ALLOWED_HOSTS", "").split(",") if host.strip())
    for host in hosts:
        if not _HOST_PATTERN.fullmatch(host):
            raise BadSetting(f"ALLOWED_HOSTS: {host!r} is not like example.org or .example.org")
    return hosts if hosts or "AWS_LAMBDA_FUNCTION_NAME" in env else ("*",)


def _stage(env: dict[str, str]) -> str:
    stage = env.get("PACKGRID_STAGE") or "local"
    if not _STAGE.fullmatch(stage):
        raise BadSetting(f"PACKGRID_STAGE={stage!r} is not like prod")
    return stage


def _metrics(env: dict[str, str]) -> bool:
    """Return whether to write metrics; by default only on Lambda, as commands print for people."""
    value = env.get("PACKGRID_METRICS")
    return value != "0" if value else "AWS_LAMBDA_FUNCTION_NAME" in env


def _max_response_bytes(env: dict[str, str]) -> int | None:
    """Return the limit of a response; by default there is one on Lambda only."""
    if env.get("PACKGRID_MAX_RESPONSE_BYTES") or "AWS_LAMBDA_FUNCTION_NAME" in env:
        # Lambda returns at most 6 MB (6,291,556 bytes); the rest is for the headers.
        return _whole_number(env, "PACKGRID_MAX_RESPONSE_BYTES", 6_200_000)
    return None


def _whole_number(env: dict[str, str], name: str, default: int) -> int:
    value = env.get(name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit()):
        raise BadSetting(f"{name}={value!r} is not a whole number")
    return int(value)
