"""The operator's commands: what they do, say and return."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.catalog import changes, queries
from chalicelib.catalog.json_body import RENDER_VERSION
from chalicelib.cli.__main__ import main
from chalicelib.storage import models
from chalicelib.storage.models import DirectoryItem, LoadItem, NameItem, PackageItem
from tests.support import state
from tests.support.entities import category, package
from tests.support.fixtures import category as category_record
from tests.support.fixtures import package as package_record
from tests.support.fixtures import record, write
from tests.support.races import Answer, answering

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalogue of two packages and a record that is refused."""
    records = [category_record(), package_record(1), record("x.y", 5, {}), package_record(2)]
    return write(tmp_path / "fixture.json", records)


def test_init_creates_what_is_missing_and_can_be_repeated(tables: None, capsys: Capture) -> None:
    models.NameItem.delete_table()
    assert main(["init"]) == 0
    assert capsys.readouterr().out == (f"created {NameItem.Meta.table_name}\nthe bucket exists\n")
    assert main(["init"]) == 0
    assert capsys.readouterr().out == "all tables exist\nthe bucket exists\n"


def test_load_says_what_became_of_every_record(tables: None, file: Path, capsys: Capture) -> None:
    assert main(["load", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "refused record 3 (line 4, character 1): x.y 5: unknown model 'x.y'"
    cells = [
        [cell.strip() for cell in line.split("\u2502")[1:-1]] for line in lines if "\u2502" in line
    ]
    assert cells == [
        ["package.category", "1", "0", "0", "0"],
        ["package.package", "2", "0", "0", "0"],
        ["x.y", "0", "0", "0", "1"],
    ]


def test_strict_tells_a_refusal_by_the_exit_code(
    tables: None, file: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["load", "--strict", str(file)]) == 1
    assert state.listed("packages") == [2, 1]
    clean = write(tmp_path / "clean.json", [category_record(), package_record(1)])
    assert main(["load", "--strict", str(clean)]) == 0


def test_a_dry_run_refuses_and_writes_nothing(tables: None, file: Path, capsys: Capture) -> None:
    assert main(["load", "--dry-run", str(file)]) == 0
    assert main(["load", "--dry-run", "--strict", str(file)]) == 1
    output = capsys.readouterr().out
    assert "refused record 3" in output
    assert "dry run: nothing was written" in output
    assert state.rows() == {}


@pytest.mark.parametrize("model", ["[/bold]", "[red]", ":smile:", "a\nb", "\u5c71.\u7530"])
def test_a_model_of_any_name_can_be_told(
    tables: None, tmp_path: Path, capsys: Capture, model: str
) -> None:
    file = write(tmp_path / "odd.json", [record(model, 1, {})])
    assert main(["load", str(file)]) == 0
    told = capsys.readouterr().out
    assert f"unknown model {model!r}" in told
    assert (model if model.isprintable() else "record") in told.split("\u2502")[1]


def test_a_load_is_noted_with_the_frozen_clock(
    tables: None, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKGRID_NOW", "2026-11-23T11:00:00.123456-05:00")
    assert main(["load", str(file)]) == 0
    (note,) = LoadItem.scan()
    assert note.finished == datetime(2026, 11, 23, 16, 0, 0, 123456, tzinfo=UTC)
    assert note.file_name == "fixture.json"
    assert note.outcome["x.y"] == {"refused": 1}


def test_check_finds_nothing_in_a_sound_catalogue(
    tables: None, file: Path, capsys: Capture
) -> None:
    main(["load", str(file)])
    capsys.readouterr()
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "items, names, directory and grids agree\n"


def test_check_says_each_fault_on_its_line(tables: None, file: Path, capsys: Capture) -> None:
    main(["load", str(file)])
    PackageItem.get(1).update([PackageItem.body.set("{}")])
    NameItem("packages/slug/package-2").delete()
    block = DirectoryItem.get("categories", 0)
    block.live = 7
    block.save()
    capsys.readouterr()
    assert main(["check"]) == 1
    *faults, last = capsys.readouterr().out.splitlines()
    assert sorted(fault.split(":")[0] for fault in faults) == [
        "directory of categories, block 0",
        "name packages/slug/package-2",
        "packages 1",
    ]
    assert last == "3 faults"


def _age(identifier: int) -> None:
    """Leave a package as a version of the program with another rendering would have."""
    package = PackageItem.get(identifier)
    package.update([PackageItem.rendering.set(RENDER_VERSION - 1), PackageItem.body.set("{}")])


def test_rerender_makes_old_bodies_new(tables: None, capsys: Capture) -> None:
    changes.create(category())
    changes.create(package(1))
    changes.create(package(2))
    wanted = queries.get_body_by_id("packages", 1)
    _age(1)
    assert main(["rerender"]) == 0
    assert main(["rerender"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 bodies rendered again",
        "0 bodies rendered again",
    ]
    assert queries.get_body_by_id("packages", 1) == wanted
    state.assert_sound()


def test_a_load_also_makes_old_bodies_new(tables: None, file: Path) -> None:
    main(["load", str(file)])
    wanted = queries.get_body_by_id("packages", 1)
    _age(1)
    main(["load", str(file)])
    assert queries.get_body_by_id("packages", 1) == wanted


def test_a_load_that_is_interrupted_says_what_it_wrote(
    tables: None, tmp_path: Path, capsys: Capture
) -> None:
    many = write(tmp_path / "many.json", [category_record(), *map(package_record, range(1, 61))])
    sent = 0

    def interrupted(arguments: dict[str, Any], call: Callable[[], Answer]) -> Answer:
        nonlocal sent
        sent += 1
        if sent > 2:
            raise KeyboardInterrupt
        return call()

    with answering("TransactWriteItems", interrupted):
        assert main(["load", str(many)]) == 130
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if "package.package" in line]
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        "package.package",
        "28",
        "0",
        "0",
        "0",
    ]
    assert "not finished" in said
    assert main(["check"]) == 0
    assert "the load of many.json did not finish" in capsys.readouterr().out
    assert main(["load", str(many)]) == 0
    assert main(["check"]) == 0
    assert "did not finish" not in capsys.readouterr().out


def test_refusals_are_in_the_order_of_the_file_and_counted(
    tables: None, tmp_path: Path, capsys: Capture
) -> None:
    records = [category_record(), package_record(1, category=9), record("x.y", 5, {})]
    assert main(["load", str(write(tmp_path / "fixture.json", records))]) == 0
    said = capsys.readouterr().out
    refused = [line.split(" (")[0] for line in said.splitlines() if line.startswith("refused ")]
    assert refused == ["refused record 2", "refused record 3"]
    assert "refused, for the reasons above: 2" in said
