"""The documents say what the code does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from chalicelib import clock
from chalicelib.cli.__main__ import main, packgrid
from chalicelib.cli.command import Command
from chalicelib.settings import BadSetting, from_environment
from tools.check_docs import get_documents, iter_broken_links

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
#: The packages of the product.
LAYERS = ("api", "catalog", "importer", "search", "refresh", "storage", "backup", "local", "cli")
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
    """The variables in the first column of the tables of settings."""
    rows = [line.split("|")[1] for line in SETTINGS.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_setting_has_a_line_in_the_reference() -> None:
    environment = Asked()
    from_environment(environment)
    assert len(environment.names) > 25
    read = environment.names | {clock.FREEZE_VARIABLE}
    # Those of parameters are said once for all hosts.
    plain = {name.removesuffix("_PARAMETER") for name in read}
    known = _documented() | set(re.findall(r"`([A-Z]+_TOKEN)`", SETTINGS))
    assert plain - known == set()


def test_every_variable_of_the_reference_sets_something() -> None:
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


def _sections() -> dict[str, str]:
    """The sections of the commands by their names."""
    _, *sections = re.split(r"^### ", COMMANDS, flags=re.MULTILINE)
    return {name: text for name, _, text in (section.partition("\n") for section in sections)}


def test_every_command_has_a_section_in_its_group() -> None:
    names = packgrid.list_commands(click.Context(packgrid))
    assert {"refresh", "status", "plan", "redrive"} <= set(names)
    assert list(_sections()) == [name for group in packgrid.sources for name in group.commands]
    groups = re.findall(r"^## (.+)$", COMMANDS, re.MULTILINE)
    assert groups == [group.name for group in packgrid.sources]


@pytest.mark.parametrize("name", packgrid.list_commands(click.Context(packgrid)))
def test_a_section_has_the_options_and_exit_codes_of_its_command(name: str) -> None:
    context = click.Context(packgrid)
    command = packgrid.get_command(context, name)
    assert isinstance(command, Command)
    options = {
        option
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    assert "--help" in options
    section = _sections()[name]
    assert set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)) == options - {"--help"}
    general, _, _ = COMMANDS.partition("\n## ")
    for code, meaning in command.exit_codes.items():
        rows = f"{section}\n{general}".replace("`", "").splitlines()
        row = next(row for row in rows if row.startswith(f"| {code} |"))
        assert row == f"| {code} | {meaning.rstrip('.')} |"


def test_the_help_of_every_command_tells_its_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in packgrid.list_commands(click.Context(packgrid)):
        assert re.search(rf"^  {name} +[A-Z].+\.$", listed, re.MULTILINE), name
        assert main([name, "--help"]) == 0
        codes = capsys.readouterr().out.partition("\nExit codes:\n")[2]
        assert {"0", "2", "130"} <= set(re.findall(r"^  (\d+) +[A-Z]", codes, re.MULTILINE)), name


def test_every_table_can_be_named_by_a_variable_in_the_reference() -> None:
    from chalicelib.settings import TABLES

    assert {name for name in TABLES if f"`{name.upper()}_TABLE`" not in SETTINGS} == set()


def test_every_link_of_the_documents_leads_somewhere() -> None:
    documents = get_documents()
    assert {ROOT / "README.md", ROOT / "docs" / "index.md"} <= set(documents)
    assert [f"{path}: {fault}" for path in documents for fault in iter_broken_links(path)] == []


def test_every_document_is_in_the_navigation() -> None:
    listed = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    documents = {
        path.relative_to(ROOT / "docs").as_posix()
        for path in get_documents()[1:]
        if path.is_relative_to(ROOT / "docs")
    }
    assert set(listed) == documents


def test_every_word_for_code_in_the_architecture_is_found_in_the_tree() -> None:
    paths = {path for top in (ROOT, ROOT / "chalicelib") for path in _iter_tree(top)}
    stems = {Path(path).stem for path in paths if path.endswith(".py")}
    folders = {Path(path).name for path in paths if path.endswith("/")}
    words = re.findall(r"`([^`]+)`", ARCHITECTURE)
    assert len(words) > 80
    unknown = [word for word in words if word not in paths | stems | folders]
    assert unknown == []
    # One page, as people print it.
    assert len(ARCHITECTURE.splitlines()) <= 50


def _iter_tree(top: Path) -> Iterator[str]:
    """Paths of modules, documents and folders below ``top``; folders end in a slash."""
    for folder in ("chalicelib", "tests", "tools", "deploy", "bench", ".chalice", *LAYERS):
        if (top / folder).is_dir():
            yield f"{folder}/"
            for path in (top / folder).rglob("*"):
                if "__pycache__" not in path.parts:
                    name = path.relative_to(top).as_posix()
                    yield f"{name}/" if path.is_dir() else name
    yield from (path.name for path in top.iterdir() if path.is_file())


def test_every_make_target_has_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    without = [t for t in phony[1].split() if not re.search(rf"^{t}:.*## ", makefile, re.MULTILINE)]
    assert without == []
