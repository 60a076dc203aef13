"""The commands ``refresh``, ``status``, ``plan`` and ``redrive``."""

from typing import Any

import click

from chalicelib.cli.command import CANNOT, CommandGroup

# Commands import what they work with themselves: the help of all commands needs none of it.

commands = CommandGroup(name="Refresh")


class PositiveInteger(click.ParamType[int]):
    """A whole number above 0, in ASCII digits."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and int(text)):
            self.fail(f"{text!r} is not a whole number above 0", param, ctx)
        return int(text)


@commands.command(
    exit_codes={
        1: "A package failed, or other workers held the slots of every host.",
        CANNOT: "A wrong argument, an unknown host or package, or an error.",
    }
)
@click.option("--all", "is_all", is_flag=True, help="Also refresh what is not due yet.")
@click.option("--package", metavar="SLUG", help="Refresh one package, due or not.")
@click.option("--host", help="Ask only this host, such as github or index.")
@click.option("--limit", type=PositiveInteger(), metavar="N", help="Refresh at most N per host.")
@click.option("--wait", is_flag=True, help="Continue when postponed packages are due.")
@click.option("--dry-run", is_flag=True, help="Show what would be asked; send and write nothing.")
def refresh(
    is_all: bool,
    package: str | None,
    host: str | None,
    limit: int | None,
    wait: bool,
    dry_run: bool,
) -> int:
    """Ask the hosts for the figures that are due.

    The requests stay within every host's rate limit. Afterwards the search index is published
    if any figures changed.
    """
    if is_all and package is not None:
        raise click.UsageError("--package is not allowed with --all")
    from chalicelib.cli.catalog_commands import publish_index
    from chalicelib.cli.refresh_run import Selection, run_refresh

    selection = Selection(is_all=is_all, package=package, host=host, limit=limit)
    return run_refresh(selection, publish_index, wait=wait, dry_run=dry_run)


@commands.command(exit_codes={CANNOT: "A wrong argument, an unknown package, or an error."})
@click.option("--package", metavar="SLUG", help="Show where one package's figures come from.")
def status(package: str | None) -> int:
    """Show how old the figures are, and what fails."""
    from chalicelib import settings
    from chalicelib.cli import refresh_tables
    from chalicelib.cli.refresh_run import find_package
    from chalicelib.refresh import service
    from chalicelib.refresh import status as refresh_status
    from chalicelib.refresh.worker_context import WorkerContext
    from chalicelib.storage import sources

    if package is not None:
        identifier = find_package(package)
        if identifier is None:
            return CANNOT
        refresh_tables.print_package(sources.get_package_sources(identifier))
        return 0
    now = WorkerContext().now().timestamp()
    hosts = service.load_hosts(settings.from_environment())
    budgets = refresh_status.read_meters(hosts, now)
    refresh_tables.print_standing(refresh_status.collect_statistics(now), budgets)
    return 0


@commands.command()
def plan() -> None:
    """Send what is due to the queue, as the schedule does."""
    from chalicelib.refresh import service

    planned = service.plan()
    total = sum(planned.sources.values())
    print(f"planned {total} sources in {sum(planned.batches.values())} batches")


@commands.command()
def redrive() -> None:
    """Send the dead letters to the queue again."""
    from chalicelib.refresh import queue

    print(f"{queue.redrive()} dead letters are in the queue again")
