"""What each command does."""

import argparse
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, NoCredentialsError
from pynamodb.exceptions import PynamoDBException

from chalicelib import clock
from chalicelib.catalog import checking
from chalicelib.catalog.loading.fixture import NotAFixture
from chalicelib.catalog.loading.load import load
from chalicelib.catalog.loading.outcome import Outcome
from chalicelib.cli import report
from chalicelib.storage import models
from chalicelib.storage.reads import Throttled
from chalicelib.storage.transaction import Contended

_STORAGE_ERRORS = (PynamoDBException, BotoCoreError, Contended, Throttled)


def run(options: argparse.Namespace) -> int:
    """Run the command that the options name; returns the exit code."""
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "init": _init,
        "load": _load,
        "check": _check,
        "rerender": _rerender,
        "serve": _serve,
    }
    # A clock that cannot be read is said before anything is done.
    clock.now()
    try:
        return commands[options.command](options)
    except KeyboardInterrupt:
        print(
            "packgrid: interrupted; what was written is whole, run it again to go on",
            file=sys.stderr,
        )
        return 130
    except _STORAGE_ERRORS as error:
        print(f"packgrid: {_storage_hint(error)}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"packgrid: {error}", file=sys.stderr)
        return 2


def _storage_hint(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, NoCredentialsError):
        return "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile"
    where = os.environ.get("AWS_ENDPOINT_URL", "AWS")
    text = f"{where} did not do it: {cause}"
    if "ResourceNotFound" in text or "not found" in text:
        text += "\npackgrid: run `python -m chalicelib.cli init` first to create the tables"
    return text


def _init(options: argparse.Namespace) -> int:
    created = models.create_tables()
    print(f"created {', '.join(created)}" if created else "all tables exist")
    return 0


def _load(options: argparse.Namespace) -> int:
    with Outcome() as outcome:
        try:
            with report.progress() as progress:
                load(options.file, outcome, progress, dry_run=options.dry_run)
        except (NotAFixture, OSError) as error:
            print(f"packgrid: {error}", file=sys.stderr)
            return 2
        except BaseException:
            report.print_outcome(outcome)
            raise
        report.print_outcome(outcome, dry_run=options.dry_run)
        if outcome.finished:
            _remember(options.file, outcome)
        return 1 if options.strict and outcome.refused else 0


def _remember(path: Path, outcome: Outcome) -> None:
    models.LoadItem(
        _sha256(path), file_name=path.name, finished=clock.now(), outcome=outcome.summary()
    ).save()


def prepare(data: Path | None) -> int:
    """Have the tables, and the catalogue ``data`` in them; returns an exit code.

    A file that was loaded to its end is not loaded again: what changed since stays.
    """
    models.create_tables()
    if data is None or _was_loaded(data):
        return 0
    print(f"packgrid: loading {data}", file=sys.stderr)
    return _load(argparse.Namespace(file=data, strict=False, dry_run=False))


def _was_loaded(path: Path) -> bool:
    """Whether these very bytes were loaded to their end before."""
    try:
        models.LoadItem.get(_sha256(path), consistent_read=True)
    except models.LoadItem.DoesNotExist:
        return False
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(options: argparse.Namespace) -> int:
    faults = 0
    for fault in checking.faults():
        faults += 1
        print(fault)
    print(f"{faults} faults" if faults else "items, names, directory and grids agree")
    return 1 if faults else 0


def _rerender(options: argparse.Namespace) -> int:
    print(f"{checking.rerender()} bodies rendered anew")
    return 0


def _serve(options: argparse.Namespace) -> int:
    from chalicelib.cli import serving

    return serving.serve(options)
