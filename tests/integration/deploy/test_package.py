"""The deployment package: small, the same for the same content, and enough to run."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy import package
from tests.integration.deploy.conftest import Packaged
from tests.support import native_modules

#: Each function's own imports, and the API's answer to what needs no table.
RUNNING = """
import sys
sys.path[:0] = [sys.argv[1]]
import app
import chalicelib.functions
import boto3, jinja2, zoneinfo
for service in ("dynamodb", "s3", "sqs", "ssm"):
    boto3.client(service, region_name="us-east-1")
outside = [
    name for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
]
print(outside)
"""


def test_it_is_under_10_mb_and_holds_what_runs(packaged: Packaged) -> None:
    assert packaged.package.stat().st_size < 10_000_000
    names = zipfile.ZipFile(packaged.package).namelist()
    assert {"app.py", "chalicelib/api/dispatcher.py", "chalicelib/api/html/style.css"} <= set(names)
    unwanted = ("tests/", "bench/", "deploy/", "chalicelib/cli/", "chalicelib/local/", "ministack")
    assert not [name for name in names if name.startswith(unwanted)]
    services = {
        n.split("/")[2] for n in names if n.startswith("botocore/data/") and n.count("/") > 2
    }
    assert services == set(package.SERVICES)


def test_the_same_content_is_the_same_bytes(dev: Packaged, prod: Packaged, tmp_path: Path) -> None:
    assert dev.package.read_bytes() == prod.package.read_bytes()
    package.prune(prod.package, tmp_path / "again.zip")
    # It is compiled anew; what was compiled before is not taken over.
    assert (tmp_path / "again.zip").read_bytes() == prod.package.read_bytes()


def test_it_needs_nothing_that_is_installed(prod: Packaged, tmp_path: Path) -> None:
    with zipfile.ZipFile(prod.package) as archived:
        archived.extractall(tmp_path)
    # It is built for the functions' machines, which this one may not be.
    native_modules.add_to_folder(tmp_path)
    done = subprocess.run(
        # Without site-packages, as on Lambda.
        [sys.executable, "-I", "-S", "-c", RUNNING, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_native_modules_are_built_for_the_functions_machines(prod: Packaged) -> None:
    machines = {"arm64": b"\xb7\x00", "x86_64": b"\x3e\x00"}
    (architecture,) = {
        architecture
        for resource in prod.of_type("AWS::Serverless::Function")
        for architecture in prod.properties(resource)["Architectures"]
    }
    with zipfile.ZipFile(prod.package) as archived:
        modules = [name for name in archived.namelist() if name.endswith(".so")]
        # ELF has the machine at byte 18.
        found = {archived.read(name)[18:20] for name in modules}
    assert {name.split("/")[0] for name in modules} >= set(native_modules.NATIVE)
    assert found == {machines[architecture]}


@pytest.mark.parametrize(
    ("name", "is_needed"),
    [
        ("app.py", True),
        ("chalicelib/cli/catalog_commands.py", False),
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", True),
        ("botocore/data/dynamodb/2012-08-10/examples-1.json", False),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("requests-2.34.2.dist-info/RECORD", False),
        ("distlib/t64.exe", False),
        ("aws_lambda_powertools/utilities/batch/base.py", True),
        ("aws_lambda_powertools/event_handler/api_gateway.py", False),
    ],
)
def test_what_is_left_out(name: str, is_needed: bool) -> None:
    assert package.is_needed(name) == is_needed
