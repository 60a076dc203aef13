"""What strangers say does not steer the terminal."""

from chalicelib.storage import sources
from tests.cli.conftest import Site
from tests.upstream.world import making

EVIL = "\x1b]0;owned\x07\x1b[31mred\r\n\u202eback\x9b2J"
SHOWN = "?]0;owned??[31mred???back?2J"


def test_reasons_addresses_and_tokens_are_printed_without_control_characters(site: Site) -> None:
    package = site.of(making.CODEBERG)
    (row,) = [row for row in sources.of_package(package) if row.kind == "repository"]
    version = int(row.version)
    row.address, row.reason, row.failures = f"a/{EVIL}", EVIL, 1
    row.provenance = {"repo_forks": [f"call {EVIL}", EVIL, f"etag:{EVIL}"]}
    sources.replace(row, version)
    assert site.run("status", "--package", site.world.made[package].name) == 0
    assert f"repository: codeberg a/{SHOWN}" in site.out.splitlines()
    assert f"  reason: {SHOWN} (1 times)" in site.out.splitlines()
    assert f"etag:{SHOWN}" in site.out
    _assert_harmless(site.out)
    assert site.run("status") == 0
    assert f"codeberg: 1 x {SHOWN}" in site.out.splitlines()
    _assert_harmless(site.out)


def _assert_harmless(text: str) -> None:
    assert "".join(text.split("\n")).isprintable()
