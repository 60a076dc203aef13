"""The setting of allowed hosts."""

import re
from itertools import product

import pytest

from chalicelib.api.allowed_hosts import is_allowed, parse_domain
from chalicelib.settings import BadSetting, from_environment

AROUND = (
    "",
    ".",
    "a.",
    "evil",
    "evil.",
    ":",
    ":80",
    "/",
    "@",
    "#",
    "*",
    "%",
    " ",
    "\r\n",
    "\u0130",
)
NAMES = ("example.org", "EXAMPLE.net", "a.example.net", "evil.example", "[::1]")
LISTED = re.compile(
    r"(example\.org|([a-z0-9.-]*\.)?example\.net)\.?(:[0-9]+)?", re.IGNORECASE | re.ASCII
)


def test_only_what_is_listed_is_allowed() -> None:
    found = set()
    for host in map("".join, product(AROUND, NAMES, AROUND)):
        domain = parse_domain(host)
        if domain is not None and is_allowed(domain, ("example.org", ".example.net")):
            found.add(host)
        assert (host in found) == (LISTED.fullmatch(host) is not None), host
    assert {"example.org", "a.a.example.net:80"} <= found


@pytest.mark.parametrize(
    "value", ["https://example.org", "example.org:80", "exam ple.org", "a/b", "*.example.org"]
)
def test_what_is_no_host_is_refused_as_a_setting(value: str) -> None:
    with pytest.raises(BadSetting, match="ALLOWED_HOSTS"):
        from_environment({"ALLOWED_HOSTS": value})


def test_only_here_any_host_is_allowed_by_default() -> None:
    assert from_environment({}).allowed_hosts == ("*",)
    assert from_environment({"AWS_LAMBDA_FUNCTION_NAME": "api"}).allowed_hosts == ()
