"""A load that is noted in the table of loads, so that one that did not end can be told."""

import hashlib
from pathlib import Path

from chalicelib import clock
from chalicelib.importer.fixture import NotAFixture
from chalicelib.importer.loader import load
from chalicelib.importer.report import LoadReport
from chalicelib.importer.survey import Progress
from chalicelib.storage.models import LoadItem
from chalicelib.storage.writes import delete_item, put_item


def load_recorded(path: Path, name: str, outcome: LoadReport, progress: Progress) -> None:
    """Load a fixture as ``load`` does, and note when it began, under ``name``, and when it ended.

    What could not be loaded at all leaves no note. Raises what ``load`` does, and what
    ``progress`` raises: loading stops there, and goes on where it was when it is called again.
    """
    # Noted before anything is written, so that `check` can tell a load that did not end.
    mark = LoadItem(sha256(path), file_name=name, started=clock.now())
    put_item(mark)
    try:
        load(path, outcome, progress)
    except (NotAFixture, OSError):
        if not outcome.has_written:
            # Nothing is left half done that another load could finish.
            delete_item(mark)
        raise
    mark.finished, mark.outcome = clock.now(), outcome.summary()
    put_item(mark)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, under which its load is noted."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
