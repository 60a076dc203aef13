"""Fixture files for tests and the bench: records as ``dumpdata`` writes them, valid by default."""

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from chalicelib.importer.loader import load
from chalicelib.importer.report import LoadReport, Refusal

Json = dict[str, Any]
THEN = "2024-05-06T07:08:09.123456Z"
_STAMPS: Json = {"created": THEN, "modified": THEN}


def record(model: str, pk: Any, fields: Json) -> Json:
    """A record of any model."""
    return {"model": model, "pk": pk, "fields": fields}


def category(pk: int = 1, **values: Any) -> Json:
    """A category; its slug follows from its id."""
    fields = {"title": f"Category {pk}", "slug": f"category-{pk}", **_STAMPS}
    return record("package.category", pk, fields | values)


def grid(pk: int = 1, **values: Any) -> Json:
    """A grid; its slug follows from its id."""
    fields = {"title": f"Grid {pk}", "slug": f"grid-{pk}", **_STAMPS}
    return record("grid.grid", pk, fields | values)


def package(pk: int = 1, **values: Any) -> Json:
    """A package of category 1; its slug and repository follow from its id."""
    fields = {
        "title": f"package-{pk}",
        "slug": f"package-{pk}",
        "category": 1,
        "repo_url": f"https://github.com/owner/package-{pk}",
        **_STAMPS,
    }
    return record("package.package", pk, fields | values)


def version(pk: int, of: int, number: str = "1.0", **values: Any) -> Json:
    """A version of the package ``of``."""
    fields = {"package": of, "number": number, "upload_time": THEN}
    return record("package.version", pk, fields | values)


def row(pk: int, grid: int, package: int) -> Json:
    """A row of membership."""
    return record("grid.gridpackage", pk, {"grid": grid, "package": package, **_STAMPS})


def without(a_record: Json, field: str) -> Json:
    """The record without one of its fields."""
    fields = {name: value for name, value in a_record["fields"].items() if name != field}
    return {**a_record, "fields": fields}


def write(path: Path, records: Iterable[Any]) -> Path:
    """Write a fixture: one record a line, from the file's second line on."""
    path.write_text("[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n")
    return path


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load of a test said."""

    summary: dict[str, dict[str, int]]
    refusals: list[Refusal]

    @property
    def reasons(self) -> dict[str, str]:
        """Record -> reason, of those that were refused."""
        return {refusal.record: refusal.reason for refusal in self.refusals}

    def count(self, model: str, result: str) -> int:
        """How many records of a model ended with ``result``."""
        return self.summary.get(model, {}).get(result, 0)

    def has_only(self, *results: str) -> bool:
        """Whether every record, versions aside, ended with one of ``results``."""
        models = self.summary.keys() - {"package.version"}
        return all(self.summary[model].keys() <= set(results) for model in models)


def load_file(path: Path) -> Loaded:
    """Load a file, and return what became of it."""
    with LoadReport() as outcome:
        load(path, outcome, lambda stage, done, total: None)
        return Loaded(outcome.summarize(), list(outcome.iter_refusals()))


def load_records(folder: Path, *records: Any) -> Loaded:
    """Load a fixture of these records."""
    return load_file(write(folder / "fixture.json", records))


def generate(path: Path, packages: int, versions_each: int = 1, grids: int = 20) -> None:
    """Write a catalogue of any size as a stream, always the same; gzipped if so named.

    Every fourth package stands in one of the grids; ids of packages go down, as in no order.
    """
    encode = json.JSONEncoder(separators=(",", ":")).encode
    with _opened(path) as file:
        file.write("[")
        for number, item in enumerate(_catalogue(packages, versions_each, grids)):
            file.write((",\n" if number else "\n") + encode(item))
        file.write("\n]\n")


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
            yield cast(IO[str], file)
    else:
        with path.open("w", encoding="utf-8") as plain:
            yield plain


def _catalogue(packages: int, versions_each: int, grids: int) -> Iterator[Json]:
    titles = ("App", "Framework", "Project", "Other", "Starter Project")
    for pk, title in enumerate(titles, start=1):
        yield category(pk, title=title, slug=title.lower().replace(" ", "-"))
    for pk in range(packages, 0, -1):
        yield _generated_package(pk, versions_each)
        for place in range(versions_each):
            yield version(pk * versions_each + place, pk, f"{place}.{pk % 10}")
    for pk in range(1, grids + 1):
        yield grid(pk)
    for pk in range(4, packages + 1 if grids else 0, 4):
        yield row(pk, pk // 4 % grids + 1, pk)


def _generated_package(pk: int, versions_each: int) -> Json:
    name = f"django-{('auth', 'cache', 'forms', 'tags', 'audit')[pk % 5]}-{pk}"
    fetched = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(seconds=pk)
    return package(
        pk,
        title=name,
        slug=name,
        category=pk % 5 + 1,
        repo_url=f"https://github.com/owner-{pk % 997}/{name}",
        repo_description=f"The {pk}th way to do it in Django, with tests and documentation.",
        repo_watchers=pk % 5000,
        repo_forks=pk % 700,
        pypi_url=f"http://pypi.python.org/pypi/{name}",
        documentation_url=f"https://{name}.readthedocs.io/en/latest/",
        commits_over_52w=_commits(pk % 7),
        participants=_participants(pk % 997),
        last_fetched=fetched.isoformat(),
        last_commit_date=fetched.isoformat(),
        latest_version=pk * versions_each if versions_each else None,
        pypi_info=None,
        markers=None,
        usage=[],
    )


@cache
def _commits(kind: int) -> list[int]:
    return [kind * week % 7 for week in range(52)]


@cache
def _participants(kind: int) -> str:
    return ",".join(f"person-{kind * n % 4001}" for n in range(1, 16))
