"""``dist/STAGE``: the template and the deployment package of a stage."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from chalicelib.refresh.hosts.index.public_url import find_public_url
from deploy import archive, template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE, PACKAGE = "template.json", "deployment.zip"
_PRUNED = "pruned.zip"
_RESOURCES = Path(".chalice/resources.yaml")


class CannotPackage(Exception):
    """There is no package; the text says why."""


def package(stage: str, target: Path) -> None:
    """Write a stage's template and package to a folder; raises CannotPackage."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        _chalice(stage, made)
        merged = yaml.safe_load((made / "sam.yaml").read_text())
        public_index = find_public_url()
        if public_index is None:
            raise CannotPackage("pip, which knows the public package index, is not installed")
        fitted = template.fit(merged, stage, public_index)
        target.mkdir(parents=True, exist_ok=True)
        try:
            archive.prune(made / "deployment.zip", made / _PRUNED)
        except subprocess.CalledProcessError as error:
            raise CannotPackage(f"a file of the package is no Python: {error}") from error
        shutil.move(made / _PRUNED, target / PACKAGE)
    # No YAML: CloudFormation does not follow the aliases that a YAML writer makes.
    (target / TEMPLATE).write_text(json.dumps(fitted, indent=1, sort_keys=True) + "\n")


def _chalice(stage: str, target: Path) -> None:
    # Its module cannot be run with -m.
    chalice = "import sys; from chalice.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", chalice, "package", "--stage", stage]
    command += ["--merge-template", str(_RESOURCES), "--template-format", "yaml", str(target)]
    # It wants a region by name; the template works in any.
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or not (target / "sam.yaml").exists():
        raise CannotPackage((done.stderr or done.stdout).strip())
