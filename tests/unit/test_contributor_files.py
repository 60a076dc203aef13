"""The files for contributors can be parsed, and what they name exists."""

import configparser
import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib import __version__
from chalicelib.cli.__main__ import packgrid

ROOT = Path(__file__).resolve().parents[2]
YAML_FILES = [
    *sorted((ROOT / ".github").rglob("*.yml")),
    ROOT / ".pre-commit-config.yaml",
]
DOCUMENTS = [
    ROOT / name
    for name in (
        "CHANGELOG.md",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        ".github/PULL_REQUEST_TEMPLATE.md",
    )
]
ISSUE_FORMS = sorted(
    path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"
)
OTHERS = [ROOT / name for name in (".ci/run", ".devcontainer/devcontainer.json", "Dockerfile")]
MAKE_TARGETS = set(
    re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
)
PYTHONS = ["3.11", "3.12", "3.13"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _load_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


@pytest.mark.parametrize("path", YAML_FILES, ids=_name)
def test_yaml_can_be_parsed(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_json_and_editor_settings_can_be_parsed() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert container["image"].startswith("mcr.microsoft.com/devcontainers/python:3.")
    assert 8000 in container["forwardPorts"]
    editor = configparser.ConfigParser()
    editor.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert editor["*"]["max_line_length"] == str(ruff["line-length"])


@pytest.mark.parametrize("path", [*YAML_FILES, *DOCUMENTS, *OTHERS], ids=_name)
def test_every_make_command_exists(path: Path) -> None:
    text = path.read_text()
    # In prose a command stands in backticks; elsewhere it begins a command.
    patterns = (r"`make ([a-z0-9-]+)", r"(?:^|run: |: \")\s*make ([a-z0-9-]+)")
    named = {name for pattern in patterns for name in re.findall(pattern, text, re.MULTILINE)}
    assert named <= MAKE_TARGETS
    if path.name == "CONTRIBUTING.md":
        assert {"run", "demo", "test", "test-fast", "lint", "docs"} <= named


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_path_and_link_exists(path: Path) -> None:
    text = path.read_text()
    links = [
        path.parent / link.partition("#")[0]
        for link in re.findall(r"\]\(([^)]+)\)", text)
        if not link.startswith("https://")
    ]
    code = re.findall(r"`([^`\n]+)`", text)
    folders = {entry.name for entry in ROOT.iterdir()}
    named = [ROOT / name for name in code if name.split("/")[0] in folders and " " not in name]
    assert [str(found) for found in (*links, *named) if not found.exists()] == []
    modules = re.findall(r"python -m ([a-z_.]+)", text)
    assert [module for module in modules if find_spec(module) is None] == []


@pytest.mark.parametrize("path", ISSUE_FORMS, ids=_name)
def test_an_issue_form_has_what_the_tracker_wants(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert form["name"]
    assert form["description"]
    kinds = {"markdown", "input", "textarea", "dropdown", "checkboxes"}
    assert {element["type"] for element in form["body"]} <= kinds
    questions = [element for element in form["body"] if element["type"] != "markdown"]
    assert all(element["attributes"]["label"] for element in questions)
    identifiers = [element["id"] for element in questions]
    assert len(set(identifiers)) == len(identifiers) > 0


def test_there_is_a_form_for_each_kind_of_issue() -> None:
    assert [path.stem for path in ISSUE_FORMS] == ["bug", "feature", "host_behaviour"]


def test_the_workflow_may_read_only_and_takes_pinned_actions() -> None:
    workflow = _load_yaml(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all("permissions" not in job for job in workflow["jobs"].values())
    actions = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action in actions)
    assert ".ci/run" in [step.get("run") for step in steps]
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_the_workflow_tests_every_python_that_is_supported() -> None:
    job = _load_yaml(".github/workflows/ci.yml")["jobs"]["tests"]
    assert job["strategy"]["matrix"]["python-version"] == PYTHONS
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={PYTHONS[0]}"


def test_dependabot_looks_where_there_are_pins() -> None:
    manifests = {
        "pip": "requirements*.txt",
        "github-actions": ".github/workflows/*.yml",
        "npm": "package-lock.json",
        "docker": "Dockerfile",
        "devcontainers": ".devcontainer/devcontainer.json",
    }
    updates = _load_yaml(".github/dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == set(manifests)
    for update in updates:
        for name in update.get("directories", [update.get("directory")]):
            folder = ROOT / name.lstrip("/")
            assert list(folder.glob(manifests[update["package-ecosystem"]])), update
    pinned = {path.parent for path in ROOT.glob("deploy/**/requirements*.txt")}
    assert pinned == {ROOT / "deploy/checkov"}


def test_the_hooks_are_the_checks_of_make_lint() -> None:
    (repository,) = _load_yaml(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = [hook["entry"].removesuffix(" --force-exclude") for hook in repository["hooks"]]
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    commands = re.findall(r"\$\(BIN\)/(.+)", recipe)
    assert [f".venv/bin/{command.removesuffix(' .')}" for command in commands] == hooks


def _iter_instructions() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            instruction, _, arguments = line.partition(" ")
            yield instruction, arguments.strip()


def _get_copied() -> set[str]:
    """Return the files and folders that the image copies from the checkout."""
    return {
        source.rstrip("/")
        for instruction, arguments in _iter_instructions()
        if instruction == "COPY" and not arguments.startswith("--from")
        for source in shlex.split(arguments)[:-1]
    }


def test_the_image_copies_what_exists_and_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == _get_copied()
    assert [source for source in _get_copied() if not (ROOT / source).exists()] == []


def test_the_image_copies_all_that_its_installation_needs() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, hatch = content["project"], content["tool"]["hatch"]
    wheel = hatch["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["readme"], *project["license-files"]}
    needed |= {*wheel["only-include"], *wheel["force-include"], hatch["version"]["path"]}
    copied = _get_copied()
    assert [path for path in needed if path.partition("/")[0] not in copied] == []
    (command,) = (text for name, text in _iter_instructions() if name == "RUN" and "pip" in text)
    words = shlex.split(command)
    assert words[words.index("--constraint") + 1] in copied
    assert words[-1] == ".[engine]"
    assert "engine" in project["optional-dependencies"]


def test_the_image_serves_without_being_root() -> None:
    instructions = list(_iter_instructions())
    last = max(n for n, (name, _) in enumerate(instructions) if name == "FROM")
    final = dict(instructions[last:])
    assert final["FROM"].split(":")[0] == "python"
    assert "slim" in final["FROM"]
    assert final["USER"] == "packgrid"
    assert final["EXPOSE"] == "8000"
    _, _, check = final["HEALTHCHECK"].partition("CMD ")
    program, option, script = json.loads(check)
    assert (program, option) == ("python", "-c")
    compile(script, "HEALTHCHECK", "exec")
    assert json.loads(final["ENTRYPOINT"]) == ["packgrid"]
    command, *options = json.loads(final["CMD"])
    context = packgrid.make_context("packgrid", [command, *options])
    serve = packgrid.get_command(context, command)
    assert serve
    parsed = serve.make_context(command, options, parent=context).params
    assert (parsed["host"], parsed["port"], parsed["engine"]) == ("0.0.0.0", 8000, False)


def test_the_changelog_has_dated_releases_up_to_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    releases = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", each) for each in headings[1:]]
    assert all(releases)
    versions = [tuple(map(int, each[1].split("."))) for each in releases if each]
    dates = [each[2] for each in releases if each]
    assert versions == sorted(versions, reverse=True)
    assert dates == sorted(dates, reverse=True)
    assert ".".join(map(str, versions[0])) == __version__
    kinds = set(re.findall(r"^### (.+)$", text, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Upgrade"}


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"]
    assert "version" not in project
    table = (ROOT / "SECURITY.md").read_text()
    assert f"| {__version__.rpartition('.')[0]} | yes |" in table
