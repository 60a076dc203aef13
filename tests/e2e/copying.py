"""What is deployed here: a copy of a stage's package, of which only what must differ does.

The template itself is not bent to the engine. Of its copy every change is here, with its reason.
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from deploy.package import PACKAGE_NAME, TEMPLATE_NAME
from deploy.template import Template, get_functions
from tests.contract.golden import RECORDED_AT
from tests.e2e.steps import check
from tests.support import native_modules

API = "APIHandler"


def name_of(logical_id: str) -> str:
    """A function's name in ``app.py`` (``api`` for the application) by its logical id."""
    return "api" if logical_id == API else logical_id.lower()


def names(source: Path) -> list[str]:
    """The names of a package's functions."""
    return [name_of(one) for one in get_functions(json.loads((source / TEMPLATE_NAME).read_text()))]


def copy(source: Path, target: Path, endpoint: Callable[[str], str]) -> None:
    """Copy template and package; each function calls AWS at an ``endpoint`` of its own."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / PACKAGE_NAME, target / PACKAGE_NAME)
    # Its native modules are for arm64; the engine runs functions on this machine.
    native_modules.add_to_package(target / PACKAGE_NAME)
    template = json.loads((source / TEMPLATE_NAME).read_text())
    by_id = get_functions(template)
    for logical_id, function in by_id.items():
        variables = _variables(function)
        # Whose call it is shall be known: on AWS each has a role, here each has an address.
        variables["AWS_ENDPOINT_URL"] = endpoint(name_of(logical_id))
    # The recordings were made of an index that was built at this instant.
    for builds_index in ("Load", "Publish"):
        _variables(by_id[builds_index])["PACKGRID_NOW"] = RECORDED_AT
    # So that nobody waits a minute to see a new index.
    _variables(by_id[API])["PACKGRID_SEARCH_SECONDS"] = "1"
    (target / TEMPLATE_NAME).write_text(json.dumps(template))


def _variables(function: Template) -> dict[str, str]:
    variables: dict[str, str] = (
        function["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
    )
    return variables


def change(folder: Path, name: str, before: str, after: str) -> None:
    """Change one place in one file of the package, as a new version would."""
    package, changed = folder / PACKAGE_NAME, folder / "changed.zip"
    path, _, file = name.rpartition("/")
    bytecode = f"{path}/__pycache__/{file.removesuffix('.py')}."
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            # Bytecode is taken as it is, so that of the old text must not be there.
            if info.filename.startswith(bytecode):
                continue
            content = old.read(info)
            if info.filename == name:
                check(content.count(before.encode()) == 1, f"{before!r} is not once in {name}")
                content = content.replace(before.encode(), after.encode())
            new.writestr(info, content, zipfile.ZIP_DEFLATED)
    changed.replace(package)
