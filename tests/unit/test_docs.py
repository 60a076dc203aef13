"""The documents say what the code does."""

import re
from pathlib import Path
from typing import Any

import click
import pytest

from chalicelib import clock
from chalicelib.cli.__main__ import main, packgrid
from chalicelib.settings import BadSetting, from_environment

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
#: Values of which every setting takes one.
VALUES = ("7", "https://example.org", "git.example.org=forgejo", "0", "2026-11-23T11:00:00Z")
#: Settings that AWS's library reads by itself.
OF_AWS = re.compile(r"AWS_[A-Z0-9_]+")


class Asked(dict[str, str]):
    """An empty environment, and what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def _documented() -> set[str]:
    """The variables in the first column of the README's table of settings."""
    table = README.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_setting_has_a_line_in_the_readme() -> None:
    environment = Asked()
    from_environment(environment)
    assert len(environment.names) > 25
    read = environment.names | {clock.FREEZE_VARIABLE}
    # Those of parameters are said once for all hosts.
    plain = {name.removesuffix("_PARAMETER") for name in read}
    known = _documented() | set(re.findall(r"`([A-Z]+_TOKEN)`", README))
    assert plain - known == set()


def test_every_variable_of_the_readme_sets_something() -> None:
    ours = {name for name in _documented() if not OF_AWS.fullmatch(name)}
    assert clock.FREEZE_VARIABLE in ours
    idle = [name for name in ours if not any(_sets(name, value) for value in VALUES)]
    assert idle == [clock.FREEZE_VARIABLE]


def _sets(name: str, value: str) -> bool:
    """Whether that is a value of the variable, and changes the settings."""
    try:
        return from_environment({name: value}) != from_environment({})
    except BadSetting:
        return False


def test_every_command_and_option_is_in_the_readme() -> None:
    context = click.Context(packgrid)
    names = packgrid.list_commands(context)
    assert {"refresh", "status", "plan", "redrive"} <= set(names)
    assert [name for name in names if not re.search(rf"`{name}`|cli {name}\b", README)] == []
    missing = {}
    for name in names:
        command = packgrid.get_command(context, name)
        assert command is not None
        options = {
            option
            for parameter in command.get_params(context)
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        assert "--help" in options
        missing[name] = {option for option in options - {"--help"} if option not in README}
    assert {name: options for name, options in missing.items() if options} == {}


def test_the_help_of_every_command_tells_its_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in packgrid.list_commands(click.Context(packgrid)):
        assert re.search(rf"^  {name} +[A-Z].+\.$", listed, re.MULTILINE), name
        assert main([name, "--help"]) == 0
        codes = capsys.readouterr().out.partition("\nExit codes:\n")[2]
        assert {"0", "2", "130"} <= set(re.findall(r"^  (\d+) +[A-Z]", codes, re.MULTILINE)), name


def test_every_table_can_be_named_by_a_variable_in_the_readme() -> None:
    from chalicelib.settings import TABLES

    assert {name for name in TABLES if f"`{name.upper()}_TABLE`" not in README} == set()


def test_every_decision_and_document_that_is_linked_exists() -> None:
    broken = []
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            if not (document.parent / target).exists():
                broken.append(f"{document.name}: {target}")
    assert broken == []


def test_every_make_target_has_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    without = [t for t in phony[1].split() if not re.search(rf"^{t}:.*## ", makefile, re.MULTILINE)]
    assert without == []
