"""``make e2e``: deploy the package on the embedded engine, use it, break it, remove it.

``python -m tests.e2e GOLDEN [--package dist/dev]``; without a package one is made first.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.local.engine import Engine, EngineError
from deploy import package as packaging
from deploy.package import PACKAGE_NAME, PackageError
from deploy.stack import DeployError
from tests.e2e import copying, ending, permissions, refreshing, serving
from tests.e2e.serving import Catalogue
from tests.e2e.site import BASE_URL, HOST, STAGE, Site
from tests.e2e.steps import Failed, say, step
from tests.e2e.world import CatalogueWorld
from tests.support import native_modules
from tools.iamcheck.permissions import UnknownCall
from tools.iamcheck.policies import PolicyError
from tools.iamcheck.proxy import Proxy

_SAMPLE = packaging.ROOT / "sample" / "catalogue.json"
#: Settings of a developer's shell; functions of the engine would get them.
_OURS = ("PACKGRID_", "AWS_", "GITHUB_", "GITLAB_", "BITBUCKET_", "CODEBERG_")
_OURS_TOO = {"ALLOWED_HOSTS", "SELF_HOSTED", "PACKAGE_INDEX_URL", "DOWNLOADS_URL", "PYTHONPATH"}
_TOKENS = {host: f"/packgrid/{STAGE}/{host}" for host in ("github", "gitlab", "bitbucket")}
_FAILURES = (
    Failed,
    PackageError,
    DeployError,
    EngineError,
    UnknownCall,
    PolicyError,
    ClientError,
    BotoCoreError,
)
_IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import app, chalicelib
for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(module.name)
"""


def main() -> int:
    """Returns 0 if all of it held."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e", description=__doc__)
    parser.add_argument("golden", type=Path, help="folder of recordings")
    parser.add_argument("--package", type=Path, help="folder of a package of stage dev")
    options = parser.parse_args()
    for name in list(os.environ):
        if name.startswith(_OURS) or name in _OURS_TOO or name.endswith("_TABLE"):
            del os.environ[name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            _run(serving.catalogue_of(options.golden, _SAMPLE), options.package, Path(folder))
        except _FAILURES as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
    print(f"all of it held, in {time.monotonic() - began:.0f} s")
    return 0


def _run(catalogue: Catalogue, package: Path | None, folder: Path) -> None:
    with step(f"Package stage {STAGE}"):
        source = package or folder / "dist"
        if package is None:
            packaging.build_package(STAGE, source)
        _expect_alone(source / PACKAGE_NAME, folder / "alone")
    with (
        CatalogueWorld(catalogue.records) as world,
        Engine(folder / "engine", persist=False) as engine,
        Proxy(engine.url, copying.names(source)) as proxy,
    ):
        os.environ.update(engine.environment)
        copying.copy(source, folder / "copy", proxy.get_url)
        parameters = world.parameters() | {
            "BaseUrl": BASE_URL,
            "AllowedHosts": f"{HOST},localhost",
        }
        parameters |= {f"{host.capitalize()}TokenParameter": _TOKENS[host] for host in _TOKENS}
        site = Site(engine, folder / "copy", parameters)
        with _explained(site):
            _live(site, world, catalogue)
            for function in copying.names(source):
                site.tell_runs(function)
            stack = permissions.described(site)
            with step("Destroy it"):
                ending.destroy(site)
            with step("Compare what was called with what is allowed"):
                permissions.audit(site, stack, proxy.calls)


def _live(site: Site, world: CatalogueWorld, catalogue: Catalogue) -> None:
    with step("Deploy it"):
        for host, name in _TOKENS.items():
            site.put_token(name, world.tokens[host])
        site.deploy()
    with step(f"Load {catalogue.file.name} by putting it into the bucket"):
        serving.load(site, catalogue)
    with step("Answer requests through API Gateway"):
        serving.serve(site, catalogue)
    if catalogue.recorded:
        with step("Answer as recorded"):
            serving.compare(site, catalogue)
    with step("Refresh by the schedule's rules"):
        refreshing.refresh(site, world)
    with step("Fail at each try, and redrive"):
        refreshing.lose_and_redrive(site, world, catalogue.watched)
    with step("Update to another version, and to the same"):
        ending.update(site)
    with step("Publish the search index by its rule"):
        ending.publish(site, world, catalogue)
    with step("Export to the bucket by its rule"):
        ending.export(site, catalogue)
    with step("Keep what is no batch as a dead letter"):
        refreshing.expect_garbage(site)


def _expect_alone(package: Path, folder: Path) -> None:
    """Every module of the package finds all it needs in the package; none is of this machine.

    On the engine a module that is missing there would be found in the virtual environment.
    """
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
        binaries = [name for name in archive.namelist() if name.endswith(".so")]
    foreign = [name for name in binaries if "aarch64" not in name]
    if foreign:
        raise Failed(f"not for arm64: {', '.join(foreign)}")
    native_modules.add_to_folder(folder)
    command = [sys.executable, "-I", "-S", "-B", "-c", _IMPORT_ALL, str(folder)]
    environment = {"AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"the package does not stand alone: {done.stderr.strip()}")
    say(f"{package.stat().st_size:,} bytes; arm64: {len(binaries)} modules in C")


@contextmanager
def _explained(site: Site) -> Iterator[None]:
    """What failed is told with the function's log, or the engine's."""
    try:
        yield
    except Failed as error:
        if error.function:
            print(f"the log of {error.function} ends with:", file=sys.stderr)
            print("\n".join(f"    {line}" for line in site.log(error.function)), file=sys.stderr)
        raise
    except (DeployError, ClientError, BotoCoreError):
        log = (site.engine.state / "engine.log").read_text().splitlines()
        print("the log of the engine ends with:", file=sys.stderr)
        print("\n".join(f"    {line}" for line in log[-30:]), file=sys.stderr)
        raise


if __name__ == "__main__":
    sys.exit(main())
