"""The packaged template of both stages, made once for all tests here."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.package import PACKAGE_NAME, TEMPLATE_NAME, build_package

STAGES = ("dev", "prod")


@dataclass(frozen=True, slots=True)
class Packaged:
    """What ``make package`` writes for a stage."""

    template: dict[str, Any]
    package: Path

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of a type by logical id."""
        found: dict[str, dict[str, Any]] = self.template["Resources"]
        return {name: resource for name, resource in found.items() if resource["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        """The properties of a resource."""
        found: dict[str, Any] = self.template["Resources"][name]["Properties"]
        return found


@pytest.fixture(scope="session")
def packages(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, Packaged]:
    """Both stages as they are packaged; workers of one run share what the first has made."""
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        shared = shared.parent
    made = shared / "packages"
    with _alone(shared / "packages.lock"):
        for stage in STAGES:
            if not (made / stage / TEMPLATE_NAME).exists():
                build_package(stage, made / stage)
    return {
        stage: Packaged(
            json.loads((made / stage / TEMPLATE_NAME).read_text()), made / stage / PACKAGE_NAME
        )
        for stage in STAGES
    }


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(params=STAGES)
def packaged(request: pytest.FixtureRequest, packages: dict[str, Packaged]) -> Packaged:
    """Each stage in turn."""
    return packages[request.param]


@pytest.fixture
def prod(packages: dict[str, Packaged]) -> Packaged:
    """The stage that is kept."""
    return packages["prod"]


@pytest.fixture
def dev(packages: dict[str, Packaged]) -> Packaged:
    """The stage for trials."""
    return packages["dev"]
