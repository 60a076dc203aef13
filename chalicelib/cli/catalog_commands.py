"""The commands ``init``, ``load``, ``check``, ``rerender`` and ``index``."""

from pathlib import Path

import click

from chalicelib.cli.command import CANNOT, CommandGroup
from chalicelib.cli.output import plain, say

# Commands import what they work with themselves: the help of all commands needs none of it.

commands = CommandGroup(name="Catalogue")


@commands.command()
def init() -> None:
    """Create the tables and the bucket if they are missing."""
    from chalicelib.storage import models, objects

    created = models.create_tables()
    print(f"created {', '.join(created)}" if created else "all tables exist")
    is_new = objects.create_bucket()
    print(f"created the bucket {objects.get_bucket_name()}" if is_new else "the bucket exists")


@commands.command(exit_codes={1: "With --strict: at least one record was refused."})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit with 1 if any record was refused.")
@click.option("--dry-run", is_flag=True, help="Check the file and write nothing.")
def load(file: Path, strict: bool, dry_run: bool) -> int:
    """Load a catalogue, and publish the search index.

    FILE is a Django fixture, plain or gzipped. Loading is idempotent: unchanged records are
    skipped, and an interrupted load continues where it stopped. Records that are not valid are
    refused one by one, with their place and the reason.
    """
    return load_catalogue(file, strict=strict, dry_run=dry_run)


@commands.command(exit_codes={1: "Something does not agree; each fault has a line."})
def check() -> int:
    """Compare items, names, directory and grids."""
    return check_tables()


@commands.command()
def rerender() -> None:
    """Render again the bodies that an older version rendered."""
    from chalicelib.catalog import consistency

    print(f"{consistency.rerender_bodies()} bodies rendered again")


@commands.command()
def index() -> None:
    """Build the search index and publish it."""
    publish_index()


def load_catalogue(file: Path, *, strict: bool = False, dry_run: bool = False) -> int:
    """Load a fixture, enrol its sources and publish the search index; return an exit code."""
    from chalicelib.cli import load_output
    from chalicelib.cli.refresh_run import check_hosts, enrol
    from chalicelib.importer.fixture import InvalidFixture
    from chalicelib.importer.loader import load as load_fixture
    from chalicelib.importer.loader import load_and_log
    from chalicelib.importer.report import LoadReport

    check_hosts()
    with LoadReport() as report:
        try:
            with load_output.show_progress() as progress:
                if dry_run:
                    load_fixture(file, report, progress, dry_run=True)
                else:
                    load_and_log(file, file.name, report, progress)
        except (InvalidFixture, OSError) as error:
            say(error)
            return CANNOT
        except BaseException:
            load_output.print_report(report)
            raise
        load_output.print_report(report, dry_run=dry_run)
        if not dry_run:
            enrol()
            _publish_loaded()
        return 1 if strict and report.refused else 0


def _publish_loaded() -> None:
    from chalicelib.storage.errors import STORAGE_ERRORS

    try:
        publish_index()
    except STORAGE_ERRORS:
        say("loaded, but search cannot find it yet")
        raise


def load_catalogue_once(data: Path) -> int:
    """Load a catalogue unless it was loaded to its end before; return an exit code.

    What changed since it was loaded stays.
    """
    from chalicelib.importer.loader import hash_file
    from chalicelib.search import publisher
    from chalicelib.storage.models import LoadItem
    from chalicelib.storage.reads import iter_items

    loads = list(iter_items(LoadItem))
    digest = hash_file(data)
    if any(item.sha256 == digest and item.finished for item in loads):
        print(f"packgrid: {plain(data)} was loaded before; its data are kept as they are")
        if not publisher.is_published():
            publish_index()
        return 0
    if others := {item.file_name for item in loads} - {data.name}:
        say(
            f"WARNING: this state already holds another catalogue ({', '.join(others)}); "
            f"{data} is loaded on top of it. To serve it alone, give it a STATE of its own"
        )
    say(f"loading {data}; it is served as soon as it is loaded")
    return load_catalogue(data)


def check_tables() -> int:
    """Print unfinished loads and every fault of the tables; return 1 if there is a fault."""
    from chalicelib.catalog import consistency
    from chalicelib.storage.models import LoadItem
    from chalicelib.storage.reads import iter_items

    count = 0
    for item in iter_items(LoadItem):
        if not item.finished:
            print(f"the load of {plain(item.file_name)} did not finish: load it again")
    for fault in consistency.iter_faults():
        count += 1
        print(plain(fault))
    print(f"{count} faults" if count else "items, names, directory and grids agree")
    return 1 if count else 0


def publish_index() -> None:
    """Publish the search index, and print its size."""
    from chalicelib.search import publisher

    published = publisher.publish()
    if published.is_current:
        print(f"search index: {published.entries} entries, {published.size:,} bytes")
    else:
        say("not published: a newer search index exists")
