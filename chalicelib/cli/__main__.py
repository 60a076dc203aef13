"""Commands and their arguments."""

import argparse
import sys
from pathlib import Path

from chalicelib.clock import BadClock
from chalicelib.settings import BadSetting


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 refused something, 2 could not)."""
    options = _parser().parse_args(arguments)
    try:
        # Late, because a setting that cannot be used is found when the tables are named.
        from chalicelib.cli import commands

        return commands.run(options)
    except (BadSetting, BadClock) as error:
        print(f"packgrid: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chalicelib.cli", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init", help="create the tables that do not exist yet")
    load = commands.add_parser("load", help="load a catalogue (a Django fixture, plain or .gz)")
    load.add_argument("file", type=Path)
    load.add_argument("--strict", action="store_true", help="exit 1 if any record was refused")
    load.add_argument("--dry-run", action="store_true", help="check the file, write nothing")
    commands.add_parser("check", help="compare items, names, directory and grids")
    commands.add_parser("rerender", help="render bodies anew that an older version rendered")
    serve = commands.add_parser("serve", help="serve the API on loopback")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--engine", action="store_true", help="start the embedded engine first")
    serve.add_argument("--state", type=Path, default=Path(".packgrid"), help="the engine's state")
    serve.add_argument("--data", type=Path, help="load this catalogue first, unless it was loaded")
    return parser


if __name__ == "__main__":
    sys.exit(main())
