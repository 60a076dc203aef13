"""Everything that comes from the environment, read in one place.

AWS itself is configured by AWS's own variables (``AWS_ENDPOINT_URL``, ``AWS_REGION``,
credentials), which botocore reads; nothing here repeats them.
"""

import os
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
)


class BadSetting(ValueError):
    """A variable of the environment has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    ``tables`` maps each of ``TABLES`` to the table's name in DynamoDB. ``base_url`` is the
    scheme, host and path before ``/api/v4/`` in links, or ``None`` to take them from each
    request. ``max_response_bytes`` bounds a JSON answer as AWS Lambda counts it.
    """

    tables: dict[str, str] = field(default_factory=dict)
    base_url: str | None = None
    cache_seconds: int = 60
    max_response_bytes: int = 5_500_000


def from_environment(environ: dict[str, str] | None = None) -> Settings:
    """Read ``Settings`` from ``environ`` (the process's own by default); raises BadSetting."""
    env = dict(os.environ) if environ is None else environ
    prefix = env.get("PACKGRID_TABLE_PREFIX", "packgrid-")
    return Settings(
        tables={name: env.get(f"{name.upper()}_TABLE") or prefix + name for name in TABLES},
        base_url=_base_url(env.get("PACKGRID_BASE_URL")),
        cache_seconds=_whole_number(env, "PACKGRID_CACHE_SECONDS", 60),
        # Lambda returns at most 6 MB (6,291,556 bytes); the rest is left for the envelope.
        max_response_bytes=_whole_number(env, "PACKGRID_MAX_RESPONSE_BYTES", 5_500_000),
    )


def _base_url(value: str | None) -> str | None:
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise BadSetting(f"PACKGRID_BASE_URL={value!r} is not like https://example.org")
    return value.rstrip("/")


def _whole_number(env: dict[str, str], name: str, default: int) -> int:
    value = env.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()):
        raise BadSetting(f"{name}={value!r} is not a whole number")
    return int(value)
