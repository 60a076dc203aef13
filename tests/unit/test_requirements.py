"""The requirements files and pyproject.toml name the same packages, and pin what it allows."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import chalicelib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: What requirements.txt also pins because its other packages need it.
INDIRECT = "# What those need, pinned too."


def _pins(name: str) -> dict[str, str]:
    """The versions that a file pins by name, without those of the files that it includes."""
    text = (ROOT / name).read_text().partition(INDIRECT)[0]
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-r "))]
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)", line) for line in lines]
    assert None not in pins, lines
    return {canonicalize_name(pin[1]): pin[2] for pin in pins if pin is not None}


def _bounds(*lists: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for lines in lists for line in lines]
    return {canonicalize_name(one.name): one for one in found if one.name != PROJECT["name"]}


EXTRAS = PROJECT["optional-dependencies"]


@pytest.mark.parametrize(
    ("pins", "bounds"),
    [
        (
            _pins("requirements.txt") | _pins("requirements-local.txt"),
            _bounds(PROJECT["dependencies"], EXTRAS["engine"]),
        ),
        (_pins("requirements-dev.txt"), _bounds(EXTRAS["dev"])),
    ],
)
def test_what_is_pinned_is_what_is_declared(
    pins: dict[str, str], bounds: dict[str, Requirement]
) -> None:
    assert pins.keys() == bounds.keys()
    assert [name for name, pin in pins.items() if pin not in bounds[name].specifier] == []


def test_the_function_of_lambda_gets_no_command_line_and_no_engine() -> None:
    text = (ROOT / "requirements.txt").read_text()
    names = {canonicalize_name(line.partition("==")[0]) for line in text.splitlines()}
    assert "pynamodb" in names
    assert names & {"click", "rich", "ministack", "werkzeug", "chalice", "pytest"} == set()


def test_all_that_is_pinned_is_pinned_the_same_in_the_constraints() -> None:
    constraints = _pins("constraints.txt")
    kinds = ("", "-local", "-dev", "-docs")
    for name in (f"requirements{kind}.txt" for kind in kinds):
        text = (ROOT / name).read_text()
        for line in re.findall(r"^[A-Za-z0-9._-]+==\S+$", text, re.MULTILINE):
            package, _, version = line.partition("==")
            assert constraints[canonicalize_name(package)] == version, (name, line)


def test_the_version_stands_in_one_place() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+", chalicelib.__version__)
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert config["tool"]["hatch"]["version"]["path"] == "chalicelib/__init__.py"
