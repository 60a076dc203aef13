"""The program ``packgrid``: all commands, and how they are run."""

import io
import sys

import click

from chalicelib import __version__
from chalicelib.cli import backup_commands, catalog_commands, refresh_commands, serve_command
from chalicelib.cli.command import INTERRUPTED, Program
from chalicelib.cli.output import say

packgrid = Program(
    name="packgrid",
    help="Load, refresh, back up and serve a catalogue of packages. AWS's own variables say "
    "where DynamoDB and S3 are.",
    sources=[
        catalog_commands.commands,
        refresh_commands.commands,
        backup_commands.commands,
        serve_command.commands,
    ],
    context_settings={"show_default": True},
)
click.version_option(__version__, message="%(prog)s %(version)s")(packgrid)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code that its help explains."""
    # Text from files and hosts must not fail on a terminal of another encoding.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return int(packgrid.main(arguments, prog_name="packgrid", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        say("interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
