"""The documents say what the code does."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_every_setting_has_a_line_in_the_readme() -> None:
    code = "".join((ROOT / "chalicelib" / name).read_text() for name in ("settings.py", "clock.py"))
    variables = set(re.findall(r'"(PACKGRID_[A-Z_]+)"', code))
    assert variables
    assert {name for name in variables if f"`{name}`" not in README} == set()


def test_every_table_can_be_named_by_a_variable_in_the_readme() -> None:
    from chalicelib.settings import TABLES

    assert {name for name in TABLES if f"`{name.upper()}_TABLE`" not in README} == set()


def test_every_decision_and_document_that_is_linked_exists() -> None:
    broken = []
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            if not (document.parent / target).exists():
                broken.append(f"{document.name}: {target}")
    assert broken == []


def test_every_make_target_has_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    without = [t for t in phony[1].split() if not re.search(rf"^{t}:.*## ", makefile, re.MULTILINE)]
    assert without == []
