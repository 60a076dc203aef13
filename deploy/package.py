"""The template and the deployment package of a stage, in ``dist/STAGE``.

The package is what Chalice builds, without the files that never run on Lambda.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml

from chalicelib.refresh.hosts.index.public_url import find_public_url
from deploy import template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE_NAME, PACKAGE_NAME = "template.json", "deployment.zip"
_PRUNED = "pruned.zip"
_RESOURCES = Path(".chalice/resources.yaml")
#: The services in use; botocore's models of 400 others are two thirds of the package.
SERVICES = ("dynamodb", "s3", "sqs", "ssm")
#: Commands and the local server run on people's machines only.
_UNUSED_FOLDERS = (
    "chalicelib/cli/",
    "chalicelib/local/",
    "boto3/data/",
    "boto3/examples/",
    "aws_lambda_powertools/event_handler/",
    "emoji/unicode_codes/emoji_",
)
_UNUSED_ENDINGS = (".exe", ".pyi", ".pyc", ".c", ".h", "py.typed", ".md")
_DATA = "botocore/data/"
#: The earliest date of a ZIP file; a fixed one makes the same content the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


class PackageError(Exception):
    """A package cannot be built; the text gives the reason."""


def build_package(stage: str, target: Path) -> None:
    """Write a stage's template and package to a folder; raise PackageError."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder)
        _run_chalice(stage, built)
        merged = yaml.safe_load((built / "sam.yaml").read_text())
        public_index = find_public_url()
        if public_index is None:
            raise PackageError("pip, which knows the public package index, is not installed")
        fitted = template.fit_to_stage(merged, stage, public_index)
        target.mkdir(parents=True, exist_ok=True)
        try:
            prune(built / "deployment.zip", built / _PRUNED)
        except subprocess.CalledProcessError as error:
            raise PackageError(f"a file of the package is not valid Python: {error}") from error
        shutil.move(built / _PRUNED, target / PACKAGE_NAME)
    # Not YAML: CloudFormation does not support the aliases that PyYAML writes.
    (target / TEMPLATE_NAME).write_text(json.dumps(fitted, indent=1, sort_keys=True) + "\n")


def _run_chalice(stage: str, target: Path) -> None:
    # Chalice's module cannot be run with -m.
    chalice = "import sys; from chalice.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", chalice, "package", "--stage", stage]
    command += ["--merge-template", str(_RESOURCES), "--template-format", "yaml", str(target)]
    # Chalice requires a region; the template works in any.
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ}
    process = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if process.returncode or not (target / "sam.yaml").exists():
        raise PackageError((process.stderr or process.stdout).strip())


def is_needed(name: str) -> bool:
    """Return whether a file of the package is ever read on Lambda."""
    if name.endswith("/") or name.startswith(_UNUSED_FOLDERS) or name.endswith(_UNUSED_ENDINGS):
        return False
    if ".dist-info/" in name or "/tests/" in name:
        return False
    if name.startswith(_DATA):
        service = name.removeprefix(_DATA).split("/")
        return len(service) == 1 or (service[0] in SERVICES and "examples" not in service[-1])
    return True


def prune(source: Path, target: Path) -> None:
    """Write the needed files of ``source`` to ``target``; the same content is the same bytes.

    Bytecode is included, because Lambda cannot write any: without it each cold start compiles
    again, which takes as long as everything else in importing (``make bench``).
    """
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(source) as original:
            original.extractall(folder, [name for name in original.namelist() if is_needed(name)])
        _compile(Path(folder))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as pruned:
            for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o100644 << 16
                pruned.writestr(info, path.read_bytes())


def _compile(folder: Path) -> None:
    """Write bytecode for Lambda's folder that is used without checking the source's date."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", "/var/task", str(folder)]
    # Constant sets are written in the order of their hashes.
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, check=True)
