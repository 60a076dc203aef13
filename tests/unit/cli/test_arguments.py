"""Wrong arguments end the program with exit code 2 and its usage; no engine is needed."""

import runpy
import sys

import pytest

from chalicelib.cli import __main__ as program

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("arguments", [[], ["fly"], ["load"], ["load", "a", "b"], ["init", "-x"]])
def test_wrong_arguments_are_told_with_the_usage(
    arguments: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program.main(arguments) == 2
    assert "Usage: packgrid" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["packgrid", *arguments])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(program.__file__), run_name="__main__")
    assert stop.value.code == 2
    assert "Usage: packgrid" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [("SELF_HOSTED", "git.example.org=svn"), ("GITHUB_API_URL", "not a URL")],
)
@pytest.mark.parametrize("command", ["load", "restore"])
def test_a_setting_that_no_host_takes_is_told_before_anything_is_read(
    command: str, name: str, value: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    # There is no such file or export, and nobody to ask for one: neither is looked at.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert program.main([command, "nothing-there"]) == 2
    assert f"packgrid: {name}" in capsys.readouterr().err
