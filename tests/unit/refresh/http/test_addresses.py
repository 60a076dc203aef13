"""Which addresses are public."""

import pytest

from chalicelib.refresh.http.ssrf import ForbiddenAddress, resolve_public_addresses


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "fc00::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        # NAT64: by the well-known prefix, and by one for local use.
        "64:ff9b::7f00:1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::8c52:7003",
        # 6to4, compatible, translated, Teredo, site-local, documentation.
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "2001:0:4136:e378:8000:63bf:73ad:8ffc",
        "fec0::1",
        "3fff::1",
        # A cloud's own service behind a number that looks public.
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "2130706433",
        "0x7f.1",
    ],
)
def test_what_is_not_public_is_forbidden(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        resolve_public_addresses(host, 443)


@pytest.mark.parametrize("host", ["140.82.112.3", "2606:50c0:8000::153", "64:ff9b::8c52:7003"])
def test_what_is_public_is_not(host: str) -> None:
    assert resolve_public_addresses(host, 443) == [host]
