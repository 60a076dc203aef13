"""``python -m deploy``: package, deploy or destroy a stage, or print its environment."""

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from deploy import environment, package
from deploy.package import PackageError
from deploy.stack import DeployError, Stack

_STAGES = ("dev", "prod")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code (0 success, 2 failure)."""
    options = _parser().parse_args(arguments)
    folder = package.ROOT / "dist" / options.stage
    try:
        if options.command == "package":
            _package(options.stage, folder)
        elif options.command == "deploy":
            outputs = Stack(options.stage).deploy(folder, _parse_parameters(options.parameters))
            for name, value in sorted(outputs.items()):
                print(f"{name}: {value}")
        elif options.command == "environment":
            print(environment.format_exports(environment.get_variables(options.stage)), end="")
        else:
            Stack(options.stage).destroy()
    except (PackageError, DeployError, BotoCoreError, ClientError, OSError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_text in (
        ("package", "write template and package to dist/STAGE"),
        ("deploy", "deploy dist/STAGE to the account of the environment"),
        ("environment", "print the variables that point `packgrid` at the stack, for a shell"),
        ("destroy", "delete the stack with all its data"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("stage", choices=_STAGES)
        if name == "deploy":
            command.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    return parser


def _package(stage: str, folder: Path) -> None:
    package.build_package(stage, folder)
    for name in (package.TEMPLATE_NAME, package.PACKAGE_NAME):
        print(f"dist/{stage}/{name}: {(folder / name).stat().st_size:,} bytes")


def _parse_parameters(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise DeployError(
                f"{text!r} is not NAME=VALUE, such as GithubTokenParameter=/packgrid/prod/github"
            )
    return dict(text.split("=", 1) for text in texts)


if __name__ == "__main__":
    sys.exit(main())
