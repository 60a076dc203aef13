"""Exporting and restoring from the command line."""

from pathlib import Path

import pytest

from chalicelib import clock
from chalicelib.cli.__main__ import main
from chalicelib.refresh import planner
from chalicelib.refresh.leases import HostLeases
from chalicelib.search.cache import IndexCache
from chalicelib.search.searcher import search
from chalicelib.storage import objects, raw_items, refresh_state
from tests.support import process, state
from tests.support.aws import failing
from tests.support.bucket import client_error
from tests.support.bucket import failing as failing_bucket
from tests.support.exports import by_dynamodb, one_by_dynamodb, wipe
from tests.support.fixtures import category, grid, package, row, write
from tests.support.tables import delete_tables
from tests.support.toy_host import Toy

Capture = pytest.CaptureFixture[str]
PREFIX = "exports/20261125T210000Z/"


@pytest.fixture
def rows(
    tables: None, bucket: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> state.Rows:
    """A catalogue that was loaded and exported; what the tables hold."""
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-25T21:00:00Z")
    records = [category(), package(1, title="catkin"), package(2), grid(), row(1, 1, 2)]
    assert main(["load", str(write(tmp_path / "fixture.json", records))]) == 0
    stored = state.rows()
    assert main(["export"]) == 0
    output = capsys.readouterr()
    assert "packages: 2\n" in output.out
    assert output.out.endswith(f"exported {len(stored)} items to {PREFIX}\n")
    assert output.err == ""
    return stored


def _lose_everything() -> None:
    wipe()
    for key, _ in objects.iter_keys("search/"):
        objects.delete(key)


def _finds(text: str) -> int:
    with IndexCache().acquire(0) as index:
        return len(search(index, text))


@pytest.mark.parametrize("prefix", [PREFIX, PREFIX.rstrip("/"), "20261125T210000Z"])
def test_what_was_exported_is_restored_and_found(
    rows: state.Rows, capsys: Capture, prefix: str
) -> None:
    _lose_everything()
    assert main(["restore", prefix]) == 0
    output = capsys.readouterr()
    assert f"verified {len(rows)} items\n" in output.out
    assert "packages: 2 written\n" in output.out
    assert "items, names, directory and grids agree\n" in output.out
    assert "search index: 3 entries, " in output.out
    assert output.err == ""
    assert state.rows() == rows
    assert _finds("catkin") == 1
    # Once more, and nothing is left to be done.
    assert main(["restore", prefix]) == 0
    assert "packages: 2 there already\n" in capsys.readouterr().out


def test_exports_are_listed(rows: state.Rows, capsys: Capture) -> None:
    objects.overwrite("exports/20261124T210000Z/_started", b"")
    by_dynamodb("exports/of-november/", rows)
    assert main(["exports"]) == 0
    cells = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("│")
    ]
    assert [(prefix, items, said) for prefix, items, _, said in cells] == [
        ("exports/20261124T210000Z/", "", "unfinished"),
        (PREFIX, str(len(rows)), "finished"),
        ("exports/of-november/", str(len(rows)), "by DynamoDB"),
    ]
    assert all(int(size.replace(",", "")) > 500 for prefix, _, size, _ in cells[1:])


def test_no_exports_are_said(tables: None, bucket: None, capsys: Capture) -> None:
    assert main(["exports"]) == 0
    assert capsys.readouterr().out == "there are no exports: `export` creates one\n"


def test_a_second_export_of_an_instant_is_one_line(rows: state.Rows, capsys: Capture) -> None:
    assert main(["export"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("packgrid: ")
    assert f"{PREFIX}_started: there is another one already" in output.err


def test_what_differs_is_named_and_left_unless_it_is_asked_for(
    rows: state.Rows, capsys: Capture
) -> None:
    theirs = {"name": {"S": "packages/slug/package-2"}, "owner": {"N": "9"}}
    raw_items.put_items("names", [theirs])
    for arguments in (["--dry-run"], []):
        assert main(["restore", PREFIX, *arguments]) == 1
        output = capsys.readouterr().out
        assert "1 different" in output
        assert "  different: names packages/slug/package-2\n" in output
        assert raw_items.get_item("names", theirs) == theirs
    assert "name packages/slug/package-2: reserved for [9], used by [2]" in output
    assert main(["restore", PREFIX, "--replace", "--dry-run"]) == 0
    assert "1 to be replaced" in capsys.readouterr().out
    assert main(["restore", PREFIX, "--replace"]) == 0
    assert "1 replaced" in capsys.readouterr().out
    assert state.rows() == rows


def test_a_dry_run_writes_nothing(rows: state.Rows, capsys: Capture) -> None:
    _lose_everything()
    assert main(["restore", PREFIX, "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert "packages: 2 to be written\n" in output
    assert output.endswith("dry run: nothing was written\n")
    assert state.rows() == {}
    assert list(objects.iter_keys("search/")) == []


def test_what_is_not_in_the_export_is_named_and_kept(rows: state.Rows, capsys: Capture) -> None:
    other = {"package_id": {"N": "1"}, "at": {"S": "2026-11-26"}, "figures": {"S": "{}"}}
    raw_items.create_item("history", other)
    assert main(["restore", PREFIX]) == 0
    output = capsys.readouterr().out
    assert (
        "history: 1 not in the export, kept\n  not in the export: history 1 2026-11-26\n" in output
    )
    assert raw_items.get_item("history", other) == other


def test_a_terminal_of_another_encoding_is_no_obstacle(rows: state.Rows) -> None:
    other = {"package_id": {"N": "1"}, "at": {"S": "caf\u00e9"}, "figures": {"S": "{}"}}
    raw_items.create_item("history", other)
    done = process.run("restore", PREFIX, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "not in the export: history 1 caf\\xe9\n" in done.stdout


def test_tables_that_do_not_fit_afterwards_are_said(rows: state.Rows, capsys: Capture) -> None:
    # A package of a table that was written to after the export of the others.
    raw_items.create_item("names", {"name": {"S": "packages/slug/late"}, "owner": {"N": "5"}})
    assert main(["restore", PREFIX]) == 1
    assert "name packages/slug/late: reserved for [5], used by []\n" in capsys.readouterr().out


def test_an_export_that_cannot_be_used_is_one_line(rows: state.Rows, capsys: Capture) -> None:
    _lose_everything()
    objects.overwrite(PREFIX + "grids/data/00000.json.gz", b"")
    for prefix, reason in (
        (PREFIX, "00000.json.gz: its checksum is not the one in the manifest"),
        ("nowhere", "there is nothing below nowhere/"),
        ("exports/\x1b[2J", "there is nothing below exports/?[2J/"),
    ):
        assert main(["restore", prefix]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        (line,) = output.err.splitlines()
        assert line.startswith("packgrid: ")
        assert line.endswith(reason)
    assert state.rows() == {}


def test_what_aws_exported_is_restored_and_told_where_it_may_not_fit(
    rows: state.Rows, capsys: Capture
) -> None:
    by_dynamodb("aws/", rows)
    objects.delete("aws/AWSDynamoDB/08-1a2b/manifest-summary.json")
    grids = [item for (kind, _), item in rows.items() if kind == "grids"]
    folder, table = "aws/AWSDynamoDB/01-1a2b/", "arn:aws:dynamodb:x:1:table/x-grids"
    one_by_dynamodb(folder, grids, tableArn=table, exportTime="2026-11-21T00:00:00Z")
    _lose_everything()
    assert main(["restore", "aws"]) == 0
    errors = capsys.readouterr().err.splitlines()
    assert errors == [
        "packgrid: WARNING: the export has no table of history",
        "packgrid: WARNING: its tables were exported at different instants: "
        "2026-11-20T10:11:12.000Z, 2026-11-21T00:00:00Z",
    ]
    assert state.rows() == rows


def test_the_refresh_goes_on_after_a_restore(rows: state.Rows) -> None:
    # What was under way then is due, what has no source yet gets one, a budget is what it was.
    now = clock.now().timestamp()
    host = Toy("http://127.0.0.1:9")
    assert [due.package_id for due in planner.get_due_sources(host, now)] == [1, 2]
    HostLeases("github", now).add(planner.get_due_sources(host, now)[:1])
    assert [due.package_id for due in planner.get_due_sources(host, now)] == [2]
    assert refresh_state.replace_meters("github", None, {"requests": {"spent": 9}}) == 1
    first = {"package_id": {"N": "1"}, "kind": {"S": "repository"}}
    stored = raw_items.get_item("sources", first)
    assert stored is not None
    by_dynamodb(
        "aws/",
        {
            place: row
            for place, row in state.rows().items()
            if place[0] != "sources" or place[1] == str(first)
        },
    )
    _lose_everything()
    assert main(["restore", "aws"]) == 0
    assert raw_items.get_item("sources", first) == stored
    assert sorted(due.package_id for due in planner.get_due_sources(host, now)) == [1, 2]
    assert refresh_state.get_meters("github") == ({"requests": {"spent": 9}}, 1)


def test_a_storage_that_fails_is_one_line_and_the_restore_can_be_repeated(
    rows: state.Rows, capsys: Capture
) -> None:
    _lose_everything()
    for command in (["exports"], ["export"], ["restore", PREFIX]):
        with failing_bucket(client_error("AccessDenied", 403)):
            assert main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "AccessDenied" in line
    with failing(
        "PutItem", lambda arguments: arguments["TableName"] == raw_items.get_table_name("grids")
    ):
        assert main(["restore", PREFIX]) == 2
    output = capsys.readouterr()
    assert "packages: 2 written" in output.out
    assert "request to http://127.0.0.1:" in output.err
    assert main(["restore", PREFIX]) == 0
    assert state.rows() == rows


def test_tables_that_are_not_there_are_a_matter_of_init(rows: state.Rows, capsys: Capture) -> None:
    delete_tables()
    assert main(["restore", PREFIX]) == 2
    assert "the command `init` creates the tables" in capsys.readouterr().err
    assert main(["init"]) == 0
    assert main(["restore", PREFIX]) == 0
    assert state.rows() == rows
