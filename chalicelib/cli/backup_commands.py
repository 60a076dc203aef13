"""The commands ``export``, ``exports`` and ``restore``."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chalicelib.cli.command import CANNOT, CommandGroup
from chalicelib.cli.output import plain, say

if TYPE_CHECKING:
    from chalicelib.backup.manifest import Export
    from chalicelib.backup.restorer import RestoreReport

# Commands import what they work with themselves: the help of all commands needs none of it.

commands = CommandGroup(name="Backups")


@commands.command()
def export() -> None:
    """Write all tables to the bucket."""
    from chalicelib.backup import exporter

    report = exporter.export_tables()
    for kind, count in report.counts.items():
        print(f"{kind}: {count:,}")
    print(f"exported {sum(report.counts.values()):,} items to {report.prefix}")


@commands.command()
def exports() -> None:
    """List the exports in the bucket, oldest first."""
    from rich.console import Console
    from rich.table import Table

    from chalicelib.backup import manifest

    table = Table("export", "items", "bytes", "state")
    for listed in manifest.iter_exports():
        items = "" if listed.items is None else f"{listed.items:,}"
        table.add_row(plain(listed.prefix), items, f"{listed.size:,}", listed.state)
    if table.row_count:
        Console(file=sys.stdout, markup=False, emoji=False).print(table)
    else:
        print("there are no exports: `export` creates one")


@commands.command(
    exit_codes={
        1: "An item differs from the export, or the tables do not agree with each other.",
        CANNOT: "A wrong argument, an export that cannot be used, or an error.",
    }
)
@click.argument("prefix")
@click.option("--replace", is_flag=True, help="Overwrite items that differ from the export.")
@click.option("--dry-run", is_flag=True, help="Verify and compare; write nothing.")
def restore(prefix: str, replace: bool, dry_run: bool) -> int:
    """Restore the tables from an export.

    PREFIX is an export as `exports` lists it, or one that DynamoDB made. Every file is verified
    before anything is written; afterwards the tables are checked and the search index is
    published.
    """
    from chalicelib.backup import manifest
    from chalicelib.backup.download import download_export
    from chalicelib.backup.manifest import UnusableExport
    from chalicelib.backup.restorer import restore_tables
    from chalicelib.cli.refresh_run import check_hosts

    check_hosts()
    with tempfile.TemporaryDirectory() as folder:
        try:
            source = manifest.find_export(prefix)
            files = download_export(source, Path(folder))
        except UnusableExport as error:
            print(f"packgrid: {plain(error)}", file=sys.stderr)
            return CANNOT
        _warn_of_gaps(source)
        print(f"verified {sum(table.items for table in source.tables.values()):,} items")
        different = 0
        for restored in restore_tables(files, replace=replace, dry_run=dry_run):
            different += restored.different
            _print_restored(restored, dry_run)
    if dry_run:
        print("dry run: nothing was written")
        return 1 if different else 0
    return _finish_restore(different)


def _finish_restore(different: int) -> int:
    from chalicelib.cli.catalog_commands import check_tables, publish_index
    from chalicelib.cli.refresh_run import enrol

    if different:
        print(f"{different} items differ from the export and were kept: --replace overwrites them")
    enrol()
    exit_code = check_tables()
    publish_index()
    return 1 if different else exit_code


def _warn_of_gaps(source: "Export") -> None:
    """Warn of tables that the export lacks, and of tables exported at different instants."""
    if source.missing:
        say(f"WARNING: the export has no table of {', '.join(source.missing)}")
    if len(source.export_times) > 1:
        instants = plain(", ".join(source.export_times))
        say(f"WARNING: its tables were exported at different instants: {instants}")


def _print_restored(restored: "RestoreReport", dry_run: bool) -> None:
    """Print what became of the items of one table, with examples of those that differ."""
    counts = (
        (restored.written, "to be written" if dry_run else "written"),
        (restored.replaced, "to be replaced" if dry_run else "replaced"),
        (restored.same, "there already"),
        (restored.different, "different"),
        (restored.kept, "newer, kept"),
        (restored.left_out, "slots and leases left out"),
        (restored.others, "not in the export, kept"),
    )
    summary = ", ".join(f"{number:,} {result}" for number, result in counts if number)
    print(f"{restored.kind}: {summary or 'nothing'}")
    for example in restored.examples:
        print(f"  {plain(example)}")
