"""The base of every command: its exit codes in its help, and one line for each expected error."""

import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from chalicelib import clock
from chalicelib.cli.output import say
from chalicelib.clock import BadClock
from chalicelib.settings import BadSetting

#: The exit code of a command that could not do its work, as of wrong arguments.
CANNOT = 2
INTERRUPTED = 130
#: The columns that a command's name takes in the help, with the space around it.
_COMMAND_INDENT = 12
#: What every command may return; the meaning of 1 is the command's own.
_EXIT_CODES = {
    0: "The command did its work.",
    CANNOT: "The command could not do its work: wrong arguments, or an error.",
    INTERRUPTED: "Interrupted by Ctrl-C.",
}


class Command(click.Command):
    """A command whose function returns an exit code (``None`` for 0).

    ``exit_codes`` adds to the exit codes in the command's help, or replaces their meaning there.
    Errors that are expected (settings, AWS, files) end the command with one line and code 2.
    """

    def __init__(self, *args: Any, exit_codes: Mapping[int, str] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.exit_codes = dict(sorted({**_EXIT_CODES, **(exit_codes or {})}.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the exit codes below the options."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in self.exit_codes.items()])

    def invoke(self, ctx: click.Context) -> int:
        """Run the command; return its exit code."""
        try:
            # An unreadable PACKGRID_NOW is reported before anything is done.
            clock.now()
            return int(super().invoke(ctx) or 0)
        except KeyboardInterrupt:
            say("interrupted")
            return INTERRUPTED
        except BrokenPipeError:
            # The reader has closed its end; Python must not try to flush the rest.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CANNOT
        except (BadSetting, BadClock) as error:
            say(error)
            return CANNOT
        except Exception as error:
            if (message := _describe_error(error)) is None:
                raise
            say(message)
            return CANNOT


class CommandGroup(click.Group):
    """Commands that belong together; ``name`` is the heading above them in the help."""

    command_class = Command


class Program(click.CommandCollection):
    """All groups of commands. Its help lists each group below its heading, in its own order."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands of each group."""
        for group in self.sources:
            assert isinstance(group, CommandGroup)
            limit = formatter.width - _COMMAND_INDENT
            commands = [
                (name, command.get_short_help_str(limit))
                for name, command in group.commands.items()
            ]
            with formatter.section(str(group.name)):
                formatter.write_dl(commands)


def _describe_error(error: Exception) -> str | None:
    """Return the message for an expected error, or ``None`` for a fault of our own."""
    # Imported here, because the help needs none of it and a bad setting keeps it from loading.
    from chalicelib.refresh.queue import QueueError
    from chalicelib.refresh.tokens import TokenUnavailable
    from chalicelib.storage.errors import STORAGE_ERRORS

    # Before OSError, because some of botocore's timeouts are both.
    if isinstance(error, STORAGE_ERRORS):
        return _describe_storage_error(error)
    if isinstance(error, (QueueError, TokenUnavailable, OSError)):
        return str(error)
    # botocore raises this when it builds a client for an endpoint that is not a URL.
    if isinstance(error, ValueError) and "endpoint" in str(error):
        return f"AWS_ENDPOINT_URL: {error}"
    return None


def _describe_storage_error(error: Exception) -> str:
    from chalicelib.storage.aws import is_missing_credentials
    from chalicelib.storage.objects import NoSuchObject

    cause = getattr(error, "cause", None) or error
    if is_missing_credentials(cause):
        return "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile"
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or "AWS"
    message = f"request to {endpoint} failed: {cause}"
    if isinstance(error, NoSuchObject):
        message += "\n`init` creates the bucket, `index` publishes the search index"
    elif "ResourceNotFound" in message or "not found" in message:
        message += "\nthe command `init` creates the tables"
    return message
