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
