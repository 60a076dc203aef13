"""Install the package in a bare environment and use it from another folder: ``make installable``.

Takes the Python to do it with as its argument. Needs an index of packages, and nothing installed.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def main() -> None:
    """Install, then run the commands that a newcomer tries first."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bin_folder = folder / "environment" / "bin"
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        subprocess.run([python, "-m", "venv", folder / "environment"], check=True)
        _install(bin_folder, str(REPOSITORY))
        assert "Exit codes" in _run(elsewhere, bin_folder, "load", "--help")
        assert re.match(r"packgrid \d+\.\d+\.\d+$", _run(elsewhere, bin_folder, "--version"))
        refusal = _run(elsewhere, bin_folder, "serve", "--engine", "--sample", exit_code=2)
        assert "the embedded engine is not installed" in refusal, refusal
        _install(bin_folder, f"{REPOSITORY}[engine]")
        _check_serving(elsewhere, bin_folder)
    print("installed, and served the sample catalogue")


def _install(bin_folder: Path, requirement: str) -> None:
    command = [str(bin_folder / "python"), "-m", "pip", "install", "--quiet", requirement]
    command += ["--constraint", str(REPOSITORY / "constraints.txt")]
    subprocess.run(command, check=True, cwd=bin_folder)


def _run(folder: Path, bin_folder: Path, *arguments: str, exit_code: int = 0) -> str:
    """Run a command; return all that it printed."""
    done = subprocess.run(
        [bin_folder / "packgrid", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == exit_code, done.stdout
    return done.stdout.strip()


def _check_serving(folder: Path, bin_folder: Path) -> None:
    """Serve the sample catalogue on a free port, ask for it, and stop."""
    environment = {n: value for n, value in os.environ.items() if not n.startswith("AWS_")}
    with subprocess.Popen(
        [bin_folder / "packgrid", "serve", "--engine", "--sample", "--port", "0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if address := re.search(r"http://[0-9.:]+/api/v4/", line):
                    break
            else:
                raise AssertionError("it does not serve")
            url = f"{address[0]}packages/?format=json"
            with urllib.request.urlopen(url, timeout=30) as response:
                assert b'"results":[{' in response.read()
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert (folder / ".packgrid").is_dir()


if __name__ == "__main__":
    main()
