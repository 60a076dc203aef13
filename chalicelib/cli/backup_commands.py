"""The commands that export the tables to the bucket and restore them from it."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chalicelib.backup import exporter, manifest
from chalicelib.backup.download import fetch
from chalicelib.backup.manifest import Export, UnusableExport
from chalicelib.backup.restorer import Restored
from chalicelib.backup.restorer import restore as restored_tables
from chalicelib.cli import refresh_commands
from chalicelib.cli.output import plain


def export(options: argparse.Namespace) -> int:
    """Export all tables, and print where to and how many items of each."""
    done = exporter.export()
    for kind, count in done.counts.items():
        print(f"{kind}: {count:,}")
    print(f"exported {sum(done.counts.values()):,} items to {done.prefix}")
    return 0


def exports(options: argparse.Namespace) -> int:
    """List the exports in the bucket, oldest first."""
    table = Table("export", "items", "bytes", "state")
    for found in manifest.listed():
        items = "" if found.items is None else f"{found.items:,}"
        table.add_row(plain(found.prefix), items, f"{found.size:,}", found.state)
    if table.row_count:
        Console(file=sys.stdout, markup=False, emoji=False).print(table)
    else:
        print("there are no exports: `export` makes one")
    return 0


def restore(
    options: argparse.Namespace, check: Callable[[], int], publish: Callable[[], int]
) -> int:
    """Restore an export, then check the tables and publish the search index.

    Returns 1 if something differs from the export or does not hold together, 2 if the export
    cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = manifest.find(options.prefix)
            files = fetch(found, Path(folder))
        except UnusableExport as error:
            return _refused(error)
        _warn(found)
        print(f"verified {sum(table.items for table in found.tables.values()):,} items")
        different = 0
        for done in restored_tables(files, replace=options.replace, dry_run=options.dry_run):
            different += done.different
            _print(done, options.dry_run)
    if options.dry_run:
        print("dry run: nothing was written")
        return 1 if different else 0
    if different:
        print(f"{different} items differ from the export and were left: --replace puts over them")
    refresh_commands.enrol()
    faults = check()
    publish()
    return 1 if different or faults else 0


def _refused(error: UnusableExport) -> int:
    print(f"packgrid: {plain(error)}", file=sys.stderr)
    return 2


def _warn(found: Export) -> None:
    if found.missing:
        missing = ", ".join(found.missing)
        print(f"packgrid: WARNING: the export has nothing of {missing}", file=sys.stderr)
    if len(found.instants) > 1:
        instants = plain(", ".join(found.instants))
        print(
            f"packgrid: WARNING: its tables are of different instants: {instants}",
            file=sys.stderr,
        )


def _print(done: Restored, dry_run: bool) -> None:
    counts = (
        (done.written, "to be written" if dry_run else "written"),
        (done.replaced, "to be replaced" if dry_run else "replaced"),
        (done.same, "there already"),
        (done.different, "different"),
        (done.kept, "newer, kept"),
        (done.left_out, "slots and leases left out"),
        (done.others, "not in the export, kept"),
    )
    said = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    print(f"{done.kind}: {said or 'nothing'}")
    for example in done.examples:
        print(f"  {plain(example)}")
