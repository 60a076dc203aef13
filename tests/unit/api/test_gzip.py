"""The parsing of Accept-Encoding: who accepts gzip."""

import pytest

from chalicelib.api.negotiation import accepts_gzip


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br, GZIP ;Q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("deflate;q=0.9,*;q=0.001", True),
        ("identity, gzip;q=1.000", True),
        ("", False),
        ("identity", False),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("*;q=0, gzip;q=1", True),
        ("gzip;q=2", False),
        ("gzip;q=0.0001", False),
        ("gzip;q=x", False),
        ("gzip;level=1", False),
        (",;=,gzip2,\u2028", False),
    ],
)
def test_who_takes_gzip(header: str, taken: bool) -> None:
    assert accepts_gzip(header) is taken
