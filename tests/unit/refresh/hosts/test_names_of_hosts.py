"""Hosts declare what they are: nothing outside a host's own modules tests its name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.hosts.registry import HOST_CLASSES, UNSUPPORTED

PRODUCT = Path(__file__).resolve().parents[4] / "chalicelib"
HOSTS = PRODUCT / "refresh" / "hosts"
#: The command that builds the search index is called as the package index is.
OTHER_MEANINGS = {("cli", "index")}


def _names(*classes: type[Host]) -> set[str]:
    names: set[str] = set()
    for host_class in classes or HOST_CLASSES:
        # Self-hosted instances are called by their domains.
        names |= {host_class.self_hosted_kind or host_class.name}
        names |= {*host_class.reserved_names, *host_class.domains}
    return names


def _texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.lower()


def test_no_name_of_a_host_stands_outside_its_modules() -> None:
    names = _names()
    assert {"github", "gitlab", "bitbucket", "codeberg", "forgejo", "index", "downloads"} <= names
    assert UNSUPPORTED not in names
    files = [file for file in PRODUCT.rglob("*.py") if HOSTS not in file.parents]
    assert len(files) > 80
    found = {
        (file.relative_to(PRODUCT).parts[0], text)
        for file in files
        for text in _texts(file)
        if text in names
    }
    assert found <= OTHER_MEANINGS


def test_no_host_knows_the_name_of_another() -> None:
    by_module: dict[str, list[type[Host]]] = {}
    for host_class in HOST_CLASSES:
        by_module.setdefault(host_class.__module__, []).append(host_class)
    for name, classes in by_module.items():
        file = PRODUCT.parent.joinpath(*name.split(".")).with_suffix(".py")
        assert set(_texts(file)) & _names() <= _names(*classes), name
    for module in ("base", "figure_collector", "commit_history", "registry", "repo_urls"):
        assert not _names() & set(_texts(HOSTS / f"{module}.py")), module
