"""What the browser test needs beside Python: a Chromium, and axe-core, the accessibility checker.

``python -m tests.browser.install STAMP`` installs what is missing where it may without asking
anybody, and writes the file STAMP once nothing is missing. It never fails: what it could not do
it says in a line, and the tests that need it say so again.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
AXE = _FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
#: Where a Chromium may be that is not on the path.
_PLACES = (
    *(
        folder / name
        for folder in (Path("/Applications"), Path.home() / "Applications")
        for name in (
            "Chromium.app/Contents/MacOS/Chromium",
            "Google Chrome.app/Contents/MacOS/Google Chrome",
        )
    ),
    Path("/snap/bin/chromium"),
)
#: A download that failed is not tried again for so long, except in CI.
_PAUSE_SECONDS = 3600.0
_APT_OPTIONS = (
    *("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20"),
    *("-o", "DPkg::Lock::Timeout=120"),
)
_APT_SECONDS, _NPM_SECONDS = 600.0, 120.0


class NotInstalled(Exception):
    """Something could not be installed; the text says why, in a line."""


def chromium() -> Path | None:
    """The Chromium (or Chrome) of this machine; ``$CHROMIUM`` goes first, and alone if given."""
    if named := os.environ.get("CHROMIUM"):
        found = shutil.which(named)
        return Path(found) if found else None
    paths = [shutil.which(str(name)) for name in (*_NAMES, *_PLACES)]
    return next((Path(path) for path in paths if path), None)


def in_ci() -> bool:
    """Whether nobody is there to be asked, and nothing may be left out."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def apt() -> tuple[str, ...] | None:
    """How apt-get is called with the rights to install; ``None`` where that would take a password.

    ``sudo`` is left to CI: on somebody's own machine, a test installs nothing unasked.
    """
    command = shutil.which("apt-get")
    if command is None:
        return None
    if os.geteuid() == 0:
        return (command,)
    sudo = shutil.which("sudo") if in_ci() else None
    if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True).returncode:
        return None
    return (sudo, "-n", command)


def without_chromium() -> str:
    """Why there is no browser test here, and what to do about it."""
    named = os.environ.get("CHROMIUM")
    if named:
        return f"no browser test: CHROMIUM names {named}, which is no program"
    how = "sudo apt-get install chromium" if shutil.which("apt-get") else "install Chromium"
    return f"no browser test: no Chromium is installed ({how}, or name one in CHROMIUM)"


def without_axe() -> str:
    """Why accessibility is not checked here, and what to do about it."""
    how = "run make test again" if shutil.which("npm") else "install npm, then run make test again"
    return f"accessibility is not checked: axe-core is not installed ({how})"


def _install_by_apt(package: str) -> None:
    """A package of Debian's, tried twice: mirrors and locks have their moments."""
    command = apt()
    if command is None:
        return
    print(f"Installing {package} by apt-get for the browser test", flush=True)
    for is_last in (False, True):
        try:
            for step in (("update",), ("install", "-y", "--no-install-recommends", package)):
                _run([*command, *_APT_OPTIONS, *step], f"apt-get {step[0]}", _APT_SECONDS)
        except NotInstalled:
            if is_last:
                raise
        else:
            return


def _install_axe() -> None:
    npm = shutil.which("npm")
    if npm is None or not _missing_axe():
        return
    quick = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--prefer-offline")
    options = ("--ignore-scripts", "--no-audit", "--no-fund", *quick)
    _run([npm, "ci", *options], "npm ci", _NPM_SECONDS)


def _run(command: Sequence[str], what: str, seconds: float) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=_FOLDER,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{what} took more than {seconds:.0f} s") from None
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise NotInstalled(f"{what} failed: {(lines or ['it does not say why'])[-1].strip()}")


def _missing_axe() -> bool:
    """Whether it is not there, or not as the lock file says."""
    wanted, there = (_FOLDER / "package-lock.json", AXE.with_name("package.json"))
    if not (AXE.exists() and there.exists()):
        return True
    locked = json.loads(wanted.read_text())["packages"]["node_modules/axe-core"]["version"]
    return bool(json.loads(there.read_text())["version"] != locked)


def _missing() -> list[str]:
    # A Chromium that is named and wrong is for the one who named it to mend.
    has_chromium = chromium() is not None or "CHROMIUM" in os.environ
    is_there = {
        "chromium": has_chromium,
        "npm": shutil.which("npm"),
        "axe-core": not _missing_axe(),
    }
    return [name for name, found in is_there.items() if not found]


def _install(missing: Sequence[str]) -> list[str]:
    """Install what is missing; returns what failed, a line each."""
    said = []
    packages = [name for name in missing if name != "axe-core"]
    steps: list[Callable[[], None]] = [partial(_install_by_apt, name) for name in packages]
    for step in (*steps, _install_axe):
        try:
            step()
        except NotInstalled as failure:
            said.append(str(failure))
    return said


def main(stamp: Path) -> None:
    """Install what is missing, unless just that failed lately; say what still is."""
    failed = stamp.with_name(f"{stamp.name}-failed")
    missing = _missing()
    known = failed.read_text().split() if failed.exists() else None
    is_fresh = known is not None and time.time() - failed.stat().st_mtime < _PAUSE_SECONDS
    if in_ci() or not (is_fresh and known == missing):
        failed.unlink(missing_ok=True)
        said = _install(missing)
        if said:
            failed.write_text(" ".join(_missing()))
            print("\n".join(said))
    if chromium() is None:
        print(without_chromium())
    elif _missing_axe():
        print(without_axe())
    elif not failed.exists():
        stamp.touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
