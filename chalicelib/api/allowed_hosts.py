"""Which hosts a request may name, as Django decides it (``ALLOWED_HOSTS``).

Links are made of the Host header, so a host that anyone could make up must not get into them.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address

#: A name or [IPv6 address], and maybe a port (RFC 3986, as Django checks it).
_HOST = re.compile(
    r"(?!\.(?::|$))(?P<domain>[a-z0-9.-]+|\[(?P<v6>[a-f0-9]*:[a-f0-9.:]+)\])(?::[0-9]+)?",
    re.IGNORECASE | re.ASCII,
)
ANY = "*"


def domain_of(host: str) -> str | None:
    """The domain of a Host header, in lower case, without port; ``None`` if it is no host."""
    found = _HOST.fullmatch(host)
    if not found or (found["v6"] and not _is_ipv6(found["v6"])):
        return None
    return found["domain"].lower().removesuffix(".")


def is_allowed(domain: str, allowed: Iterable[str]) -> bool:
    """Whether a domain is one of those allowed.

    ``*`` allows any; ``.example.org`` allows example.org and all below it.
    """
    for pattern in allowed:
        wanted = pattern.lower().removesuffix(".")
        if pattern == ANY or domain == wanted:
            return True
        if wanted.startswith(".") and (domain.endswith(wanted) or domain == wanted[1:]):
            return True
    return False


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
