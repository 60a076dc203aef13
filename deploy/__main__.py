"""``python -m deploy``: package, deploy, destroy a stage, or point commands at it."""

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from deploy import environment, packaging
from deploy.packaging import CannotPackage
from deploy.stack import CannotDeploy, Stack

_STAGES = ("dev", "prod")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 2 could not)."""
    options = _parser().parse_args(arguments)
    folder = packaging.ROOT / "dist" / options.stage
    try:
        if options.command == "package":
            _package(options.stage, folder)
        elif options.command == "deploy":
            outputs = Stack(options.stage).deploy(folder, _pairs(options.parameters))
            for name, value in sorted(outputs.items()):
                print(f"{name}: {value}")
        elif options.command == "environment":
            print(environment.exports(environment.variables(options.stage)), end="")
        else:
            Stack(options.stage).destroy()
    except (CannotPackage, CannotDeploy, BotoCoreError, ClientError, OSError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("package", "write template and package to dist/STAGE"),
        ("deploy", "deploy dist/STAGE to the account of the environment"),
        ("environment", "print what points `python -m chalicelib.cli` at the stack, for a shell"),
        ("destroy", "remove the stack with all that it holds"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("stage", choices=_STAGES)
        if name == "deploy":
            command.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    return parser


def _package(stage: str, folder: Path) -> None:
    packaging.package(stage, folder)
    for name in (packaging.TEMPLATE, packaging.PACKAGE):
        print(f"dist/{stage}/{name}: {(folder / name).stat().st_size:,} bytes")


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise CannotDeploy(f"{text!r} is not like GithubTokenParameter=/packgrid/prod/github")
    return dict(text.split("=", 1) for text in texts)


if __name__ == "__main__":
    sys.exit(main())
