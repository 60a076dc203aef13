"""A release that adds a field to packages, as docs/howto/add-a-field.md does, loses no data."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chalicelib
from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.storage.models import PackageItem
from tests.support import state
from tests.support.fixtures import category, grid, load_records, package, row, version, write
from tests.support.process import environment

#: File -> the line after which a line is added -> that line.
_ADDED = {
    "catalog/entities.py": ("    last_exception_count: int = 0\n", "    issues: int = 0\n"),
    "storage/models.py": (
        "    last_exception_count = NumberAttribute()\n",
        "    issues = NumberAttribute()\n",
    ),
    "importer/schema.py": ("    PACKAGE: {\n", '        "issues": Field(integer),\n'),
}
#: Loads the file that it is given; answers on a line with the counts and the package.
_SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.importer.loader import load
from chalicelib.importer.report import LoadReport
for line in sys.stdin:
    path, figures = json.loads(line)
    if figures:
        before = changes.get(Package, 1)
        changes.update_figures(before, replace(before.entity, **figures))
    with LoadReport() as report:
        load(Path(path), report, lambda stage, done, total: None)
        counts = report.summarize()["package.package"]
    stored = changes.get(Package, 1).entity
    print(json.dumps([counts, stored.repo_watchers, stored.issues, stored.title]), flush=True)
"""


class _NextRelease:
    """A copy of the code with a field more, running as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        source = Path(chalicelib.__file__).parent
        shutil.copytree(source, folder / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
        for name, (line, added) in _ADDED.items():
            file = folder / "chalicelib" / name
            text = file.read_text()
            assert text.count(line) == 1, name
            file.write_text(text.replace(line, line + added))

    def load(self, *steps: tuple[list[Any], dict[str, int]]) -> list[list[Any]]:
        """For each step, write figures as a refresh does and load records; the answers."""
        lines = []
        for number, (records, figures) in enumerate(steps):
            path = write(self._folder / f"{number}.json", records)
            lines.append(json.dumps([str(path), figures]))
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            input="\n".join(lines),
            cwd=self._folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def _records(**values: Any) -> list[Any]:
    fields = {"repo_watchers": 7, "latest_version": 9, "usage": [1, 2]} | values
    return [category(), package(1, **fields), version(9, 1), package(2), grid(), row(5, 1, 1)]


@pytest.mark.usefixtures("tables")
def test_refreshed_figures_stay_when_a_release_adds_a_field(tmp_path: Path) -> None:
    load_records(tmp_path, *_records())
    changes.update(Package, 1, lambda stored: replace(stored, repo_watchers=99))
    release = _NextRelease(tmp_path)
    answers = release.load(
        # The same file, and one that names the default of the field.
        (_records(), {}),
        (_records(issues=0), {}),
        # The field is taken, and nothing else.
        (_records(issues=5), {}),
        # Later figures of a refresh stay, those of the new field too.
        (_records(issues=5), {"issues": 8, "repo_watchers": 100}),
        (_records(issues=6), {}),
        # A record that says something else is taken whole.
        (_records(issues=6, title="new"), {"repo_watchers": 101}),
        (_records(title="new"), {"issues": 9, "repo_watchers": 102}),
    )
    assert answers == [
        [{"unchanged": 2}, 99, 0, "package-1"],
        [{"unchanged": 2}, 99, 0, "package-1"],
        [{"changed": 1, "unchanged": 1}, 99, 5, "package-1"],
        [{"unchanged": 2}, 100, 8, "package-1"],
        [{"changed": 1, "unchanged": 1}, 100, 6, "package-1"],
        [{"changed": 1, "unchanged": 1}, 7, 6, "new"],
        [{"changed": 1, "unchanged": 1}, 102, 0, "new"],
    ]
    # Back to the release before: its loads leave the figures alone as well.
    again = load_records(tmp_path, *_records(title="new"))
    assert again.count("package.package", "unchanged") == 2
    assert changes.get(Package, 1).entity.repo_watchers == 102
    state.assert_sound()


@pytest.mark.usefixtures("tables")
def test_items_of_releases_to_2026_11_are_recognized(tmp_path: Path) -> None:
    load_records(tmp_path, category(), package(1))
    # What the code of 25 November 2026 stored for this record.
    item = PackageItem.get(1)
    assert item.fingerprint == "0042b301fc4f39f91b06eec9"
    changes.update(Package, 1, lambda stored: replace(stored, repo_watchers=99))
    before = state.rows()
    assert load_records(tmp_path, category(), package(1)).has_only("unchanged")
    assert state.rows() == before
    assert load_records(tmp_path, category(), package(1, repo_forks=1)).has_only(
        "changed", "unchanged"
    )
    assert changes.get(Package, 1).entity.repo_watchers == 0
