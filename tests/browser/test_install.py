"""What is missing for the browser test is said in a line, and nobody is asked for a password."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.browser import install


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without programs, not in CI; the folder that its PATH leads to."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("CHROMIUM", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(install, "_PLACES", ())
    return tmp_path


def _program(path: Path, code: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{code}\n")
    path.chmod(0o755)
    return path


def test_a_chromium_is_found_by_name_or_as_told(
    nothing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert install.chromium() is None
    found = _program(nothing / "google-chrome", "")
    assert install.chromium() == found
    told = _program(nothing / "browser", "")
    monkeypatch.setenv("CHROMIUM", str(told))
    assert install.chromium() == told
    monkeypatch.setenv("CHROMIUM", str(nothing / "none"))
    assert install.chromium() is None
    assert f"CHROMIUM names {nothing / 'none'}" in install.without_chromium()


def test_without_rights_nothing_is_installed_and_the_way_is_said(
    nothing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = nothing / "log"
    _program(nothing / "apt-get", f"open({str(log)!r}, 'a').write('apt-get')")
    _program(nothing / "sudo", f"open({str(log)!r}, 'a').write('sudo')")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    install.main(nothing / "stamp")
    assert not log.exists()
    assert "sudo apt-get install chromium" in capsys.readouterr().out
    assert not (nothing / "stamp").exists()


def test_what_failed_is_said_and_tried_again_later_only(
    nothing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = nothing / "log"
    code = f"import sys; open({str(log)!r}, 'a').write('.'); sys.exit('E: no such mirror')"
    _program(nothing / "apt-get", code)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    install.main(nothing / "stamp")
    assert "apt-get update failed: E: no such mirror" in capsys.readouterr().out
    assert log.read_text() == "." * 4, "two tries for Chromium, two for npm"
    install.main(nothing / "stamp")
    assert log.read_text() == "." * 4
    assert "no Chromium is installed" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    install.main(nothing / "stamp")
    assert log.read_text() == "." * 8


def test_the_lock_file_says_no_address() -> None:
    folder = Path(install.__file__).parent
    for name in ("package-lock.json", "package.json", ".npmrc"):
        assert "://" not in (folder / name).read_text()


def test_what_npm_installs_is_enough_and_gets_the_stamp(
    nothing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = json.loads((Path(install.__file__).parent / "package-lock.json").read_text())
    version = lock["packages"]["node_modules/axe-core"]["version"]
    monkeypatch.setattr(install, "_FOLDER", nothing)
    monkeypatch.setattr(install, "AXE", nothing / "axe.min.js")
    (nothing / "package-lock.json").write_text(json.dumps(lock))
    (nothing / "axe.min.js").touch()
    (nothing / "package.json").write_text('{"version": "0.0.1"}')
    _program(nothing / "chromium", "")
    told = "accessibility is not checked: axe-core is not installed (install npm"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    install.main(nothing / "stamp")
    assert told in capsys.readouterr().out
    found = json.dumps({"version": version})
    _program(nothing / "npm", f"open('package.json', 'w').write({found!r})")
    install.main(nothing / "stamp")
    assert capsys.readouterr().out == ""
    assert (nothing / "stamp").exists()
