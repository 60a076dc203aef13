"""The deployment package: what Chalice put together, less what never runs on Lambda."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

#: The services that are asked; botocore's models of 400 others are two thirds of the package.
SERVICES = ("dynamodb", "s3", "sqs", "ssm")
#: Commands and stand-ins are for people's machines.
_UNUSED_FOLDERS = (
    "chalicelib/cli/",
    "chalicelib/local/",
    "boto3/data/",
    "boto3/examples/",
    "emoji/unicode_codes/emoji_",
    "aws_lambda_powertools/event_handler/",
)
_UNUSED_ENDINGS = (".exe", ".pyi", ".pyc", ".c", ".h", "py.typed", ".md")
_DATA = "botocore/data/"
#: The earliest that a ZIP file can say: the same content shall be the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def is_needed(name: str) -> bool:
    """Whether a file of the package is ever read on Lambda."""
    if name.endswith("/") or name.startswith(_UNUSED_FOLDERS) or name.endswith(_UNUSED_ENDINGS):
        return False
    if ".dist-info/" in name or "/tests/" in name:
        return False
    if name.startswith(_DATA):
        service = name.removeprefix(_DATA).split("/")
        return len(service) == 1 or (service[0] in SERVICES and "examples" not in service[-1])
    return True


def prune(source: Path, target: Path) -> None:
    """Write what is needed of ``source`` to ``target``; the same content is the same bytes.

    With bytecode, because Lambda cannot write any: without it each cold start compiles anew,
    which takes as long as all else of importing (``make bench``).
    """
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(source) as before:
            before.extractall(folder, [name for name in before.namelist() if is_needed(name)])
        _compile(Path(folder))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as after:
            for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o100644 << 16
                after.writestr(info, path.read_bytes())


def _compile(folder: Path) -> None:
    """Bytecode that is taken as it is, whatever the date of its source, for Lambda's folder."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", "/var/task", str(folder)]
    # Sets that are constants are written in the order of their hashes.
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, check=True)
