"""The search index from the command line."""

from pathlib import Path

import pytest

from chalicelib import clock
from chalicelib.cli.__main__ import main
from chalicelib.search.cache import IndexCache
from chalicelib.search.searcher import search
from chalicelib.storage import objects
from tests.support import state
from tests.support.bucket import client_error, failing
from tests.support.fixtures import category, package, write

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalogue of one package."""
    return write(tmp_path / "fixture.json", [category(), package(1, title="catkin")])


def _finds(text: str) -> int:
    with IndexCache().acquire(0) as index:
        return len(search(index, text))


def test_what_was_loaded_is_found(tables: None, bucket: None, file: Path, capsys: Capture) -> None:
    assert main(["load", str(file)]) == 0
    assert "search index: 1 entries, " in capsys.readouterr().out
    assert _finds("catkin") == 1


def test_a_dry_run_publishes_nothing(tables: None, bucket: None, file: Path) -> None:
    assert main(["load", "--dry-run", str(file)]) == 0
    assert list(objects.iter_keys("")) == []


def test_index_publishes_and_can_be_repeated(
    tables: None, bucket: None, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-23T11:00:00Z")
    assert main(["index"]) == 0
    assert main(["index"]) == 0
    output = capsys.readouterr()
    assert output.out.startswith("search index: 0 entries, ")
    assert output.err == ""
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-23T10:00:00Z")
    assert main(["index"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "packgrid: not published: a newer search index exists\n"


def test_a_bucket_that_does_not_exist_is_a_matter_of_init(
    tables: None, bucket: None, file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKGRID_BUCKET", "another")
    assert main(["load", str(file)]) == 2
    error = capsys.readouterr().err
    assert "packgrid: loaded, but search cannot find it yet\n" in error
    assert "`init` creates the bucket, `index` publishes the search index" in error
    # The load itself is done, and what is left is what it says.
    assert state.listed("packages") == [1]
    assert main(["init"]) == 0
    assert "created the bucket another" in capsys.readouterr().out
    assert main(["index"]) == 0
    assert _finds("catkin") == 1


def test_a_bucket_that_refuses_is_one_line(tables: None, bucket: None, capsys: Capture) -> None:
    with failing(client_error("AccessDenied", 403)):
        assert main(["index"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("packgrid: ")
    assert "AccessDenied" in line
