"""What cannot be done is said in a line, with exit code 2 and no traceback."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from chalicelib.cli.__main__ import main
from chalicelib.importer import fixture, report
from chalicelib.storage.models import PackageItem
from tests.support import process, state
from tests.support.fixtures import category, package, record, write
from tests.support.races import Answer, answering

Capture = pytest.CaptureFixture[str]


def _one_line(capsys: Capture) -> str:
    """What was said on standard error: one line, and nothing on standard output."""
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    return line


def test_a_missing_file_is_named(tables: None, tmp_path: Path, capsys: Capture) -> None:
    assert main(["load", str(tmp_path / "nothing.json")]) == 2
    line = _one_line(capsys)
    assert line.startswith("packgrid: ")
    assert "No such file" in line
    assert "nothing.json" in line


def test_a_directory_is_no_file(tables: None, tmp_path: Path, capsys: Capture) -> None:
    assert main(["load", str(tmp_path)]) == 2
    assert "Is a directory" in _one_line(capsys)


def test_a_file_that_is_no_fixture_is_named(tables: None, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Hello")
    assert main(["load", str(file)]) == 2
    assert _one_line(capsys) == "packgrid: notes.txt: not a JSON array of records"
    # There is nothing that loading it again could finish.
    assert main(["check"]) == 0
    assert "did not finish" not in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("module", "bound", "reason"),
    [
        (report, "MAX_REFUSALS", "more than 50 records are refused, record 51 (line 1, "),
        (fixture, "MAX_BYTES", "ones.json: more than 50 bytes when it is unpacked"),
    ],
)
def test_a_file_beyond_the_bounds_is_no_fixture(
    tables: None,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    module: ModuleType,
    bound: str,
    reason: str,
) -> None:
    monkeypatch.setattr(module, bound, 50)
    file = tmp_path / "ones.json"
    file.write_text("[" + "1," * 100 + "1]")
    assert main(["load", *options, str(file)]) == 2
    assert _one_line(capsys).startswith(f"packgrid: {reason}")
    assert state.rows() == {}


def test_tables_that_do_not_exist_are_a_matter_of_init(
    tables: None, tmp_path: Path, capsys: Capture
) -> None:
    PackageItem.delete_table()
    file = write(tmp_path / "fixture.json", [category(), package()])
    assert main(["load", str(file)]) == 2
    assert "the command `init` creates the tables" in capsys.readouterr().err
    assert main(["init"]) == 0
    assert main(["load", "--strict", str(file)]) == 0


@pytest.mark.parametrize("now", ["yesterday", "2026-11-23T11:00:00", "1764000000"])
def test_a_clock_that_cannot_be_read_stops_before_anything_is_done(
    tables: None, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, now: str
) -> None:
    monkeypatch.setenv("PACKGRID_NOW", now)
    file = write(tmp_path / "fixture.json", [category(), package()])
    assert main(["load", str(file)]) == 2
    assert _one_line(capsys).startswith(f"packgrid: PACKGRID_NOW={now!r} ")
    assert state.rows() == {}


def test_no_credentials_are_told_as_such(tables: None, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none")
    done = process.run(
        "check",
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        AWS_SHARED_CREDENTIALS_FILE=nowhere,
        AWS_CONFIG_FILE=nowhere,
        AWS_EC2_METADATA_DISABLED="true",
        HOME=nowhere,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "packgrid: no AWS credentials; "
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile\n"
    )


def test_an_endpoint_that_refuses_is_named(tables: None) -> None:
    # Nothing listens on port 1.
    done = process.run("check", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("packgrid: request to http://127.0.0.1:1 failed: ")
    assert done.stderr.count("\n") == 1


def test_a_setting_that_cannot_be_used_is_named(tables: None) -> None:
    done = process.run("check", PACKGRID_CACHE_SECONDS="soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "packgrid: PACKGRID_CACHE_SECONDS='soon' is not a whole number\n"


def test_a_terminal_of_another_encoding_is_no_obstacle(tables: None, tmp_path: Path) -> None:
    file = write(tmp_path / "fixture.json", [record("\u5c71.\u7530", "\ud800", {}), category()])
    done = process.run("load", str(file), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u5c71.\\u7530" in done.stdout
    assert state.listed("categories") == [1]


@pytest.mark.parametrize("endpoint", ["foo", "127.0.0.1:1", "http://"])
def test_an_endpoint_that_is_none_is_said(
    tables: None, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    ended = process.run("check", AWS_ENDPOINT_URL=endpoint)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("packgrid: AWS_ENDPOINT_URL: ")
    assert "Traceback" not in ended.stderr


def test_a_file_that_changes_while_it_is_loaded_is_said(
    tables: None, tmp_path: Path, capsys: Capture
) -> None:
    file = write(tmp_path / "fixture.json", [category(), package(1)])

    def rewritten(arguments: dict[str, Any], call: Callable[[], Answer]) -> Answer:
        write(file, [category(), package(2), package(3)])
        return call()

    with answering("TransactWriteItems", rewritten):
        assert main(["load", str(file)]) == 2
    assert "was changed while it was being loaded" in capsys.readouterr().err
    assert main(["check"]) == 0
    assert "the load of fixture.json did not finish" in capsys.readouterr().out
