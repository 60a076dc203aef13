"""What strangers say does not steer the terminal."""

from pathlib import Path

import pytest

from chalicelib.cli.__main__ import main
from chalicelib.storage import sources
from tests.integration.cli.conftest import Site
from tests.support.bucket import client_error
from tests.support.bucket import failing as bucket_failing
from tools.fakehosts import builder

EVIL = "\x1b]0;owned\x07\x1b[31mred\r\n\u202eback\x9b2J"
SHOWN = "?]0;owned??[31mred???back?2J"


def test_reasons_addresses_and_tokens_are_printed_without_control_characters(site: Site) -> None:
    package = site.of(builder.CODEBERG)
    (row,) = [row for row in sources.get_package_sources(package) if row.kind == "repository"]
    version = int(row.version)
    row.address, row.reason, row.failures = f"a/{EVIL}", EVIL, 1
    row.provenance = {"repo_forks": [f"call {EVIL}", EVIL, f"etag:{EVIL}"]}
    sources.replace_source(row, version)
    assert site.run("status", "--package", site.world.packages[package].name) == 0
    assert f"repository: codeberg a/{SHOWN}" in site.out.splitlines()
    assert f"  reason: {SHOWN} (1 times)" in site.out.splitlines()
    assert f"etag:{SHOWN}" in site.out
    _assert_harmless(site.out)
    assert site.run("status") == 0
    assert f"codeberg: 1 x {SHOWN}" in site.out.splitlines()
    _assert_harmless(site.out)


def _assert_harmless(text: str) -> None:
    assert "".join(text.split("\n")).isprintable()


def test_errors_are_printed_line_by_line_without_control_characters(
    tables: None, bucket: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with bucket_failing(client_error("\x1b[31mSlow\u202e\nDown\r\x07", 400)):
        assert main(["exports"]) == 2
    said = capsys.readouterr().err
    assert "?[31mSlow?\npackgrid: Down" in said
    assert all(line.startswith("packgrid: ") for line in said.splitlines())
    _assert_harmless(said)
    for name, content in (("x\x1b[31m.json", "Hello"), ("y\x1b[31m\ny.json", None)):
        if content:
            (tmp_path / name).write_text(content)
        assert main(["load", str(tmp_path / name)]) == 2
        said = capsys.readouterr().err
        assert name[0] in said
        _assert_harmless(said)
