"""Commands and their arguments."""

import argparse
import io
import sys
from pathlib import Path
from typing import Any

from chalicelib.clock import BadClock
from chalicelib.settings import BadSetting


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 refused something, 2 could not)."""
    options = _parser().parse_args(arguments)
    # What files and strangers say must not fail on a terminal of another encoding.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        # Late, because a setting that cannot be used is found when the tables are named.
        from chalicelib.cli import catalog_commands

        return catalog_commands.run(options)
    except (BadSetting, BadClock) as error:
        print(f"packgrid: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chalicelib.cli", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init", help="create the tables and the bucket if missing")
    load = commands.add_parser("load", help="load a catalogue (a Django fixture, plain or .gz)")
    load.add_argument("file", type=Path)
    load.add_argument("--strict", action="store_true", help="exit 1 if any record was refused")
    load.add_argument("--dry-run", action="store_true", help="check the file, write nothing")
    commands.add_parser("check", help="compare items, names, directory and grids")
    commands.add_parser("rerender", help="render bodies anew that an older version rendered")
    commands.add_parser("index", help="build the search index and publish it")
    _add_refresh(commands)
    _add_backups(commands)
    serve = commands.add_parser("serve", help="serve the API on loopback")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--engine", action="store_true", help="start the embedded engine first")
    serve.add_argument("--state", type=Path, default=Path(".packgrid"), help="the engine's state")
    serve.add_argument("--data", type=Path, help="load this catalogue first, unless it was loaded")
    return parser


def _add_refresh(commands: Any) -> None:
    refresh = commands.add_parser("refresh", help="ask the hosts for figures that are due")
    which = refresh.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also what is not due yet")
    which.add_argument("--package", metavar="SLUG", help="one package, due or not")
    refresh.add_argument("--host", help="only of this host, such as github or index")
    refresh.add_argument("--limit", type=_positive, metavar="N", help="at most N of each host")
    refresh.add_argument("--wait", action="store_true", help="go on until nothing is put off")
    refresh.add_argument("--dry-run", action="store_true", help="say what would be asked")
    status = commands.add_parser("status", help="how fresh the figures are, and what fails")
    status.add_argument("--package", metavar="SLUG", help="where one package's figures are from")
    commands.add_parser("plan", help="send what is due to the queue, as the schedule does")
    commands.add_parser("redrive", help="send dead letters to the queue again")


def _add_backups(commands: Any) -> None:
    commands.add_parser("export", help="write all tables to the bucket")
    commands.add_parser("exports", help="list the exports that are in the bucket")
    restore = commands.add_parser("restore", help="put what an export has into the tables")
    restore.add_argument("prefix", help="an export as `exports` lists it, or AWS's own")
    restore.add_argument("--replace", action="store_true", help="put over what is different")
    restore.add_argument("--dry-run", action="store_true", help="verify and compare only")


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
