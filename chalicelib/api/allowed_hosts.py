"""Check the Host header against the allowed hosts, as Django does (``ALLOWED_HOSTS``).

Links are built from the Host header, so a forged host must not get into them.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address

#: A name or [IPv6 address] and an optional port (RFC 3986, as Django checks it).
_HOST = re.compile(
    r"(?!\.(?::|$))(?P<domain>[a-z0-9.-]+|\[(?P<v6>[a-f0-9]*:[a-f0-9.:]+)\])(?::[0-9]+)?",
    re.IGNORECASE | re.ASCII,
)
ANY_HOST = "*"


def parse_domain(host: str) -> str | None:
    """Return the domain of a Host header in lower case, without port; ``None`` if malformed."""
    match = _HOST.fullmatch(host)
    if not match or (match["v6"] and not _is_ipv6(match["v6"])):
        return None
    return match["domain"].lower().removesuffix(".")


def is_allowed(domain: str, patterns: Iterable[str]) -> bool:
    """Return whether a domain matches one of the patterns.

    ``*`` matches any domain; ``.example.org`` matches example.org and its subdomains.
    """
    for pattern in patterns:
        allowed = pattern.lower().removesuffix(".")
        if pattern == ANY_HOST or domain == allowed:
            return True
        if allowed.startswith(".") and (domain.endswith(allowed) or domain == allowed[1:]):
            return True
    return False


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
