"""What each command does."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import NoCredentialsError

from chalicelib import clock
from chalicelib.catalog import consistency
from chalicelib.cli import backup_commands, load_output, refresh_commands
from chalicelib.cli.output import plain, say
from chalicelib.importer.fixture import NotAFixture
from chalicelib.importer.load_log import load_recorded, sha256
from chalicelib.importer.loader import load
from chalicelib.importer.report import LoadReport
from chalicelib.refresh.queue import QueueError
from chalicelib.refresh.tokens import TokenUnavailable
from chalicelib.search import publisher
from chalicelib.storage import models, objects
from chalicelib.storage.errors import STORAGE_ERRORS

REFRESH_ERRORS = (QueueError, TokenUnavailable)


def run(options: argparse.Namespace) -> int:
    """Run the command that the options name; returns the exit code."""
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "init": _init,
        "load": _load,
        "check": _check,
        "rerender": _rerender,
        "index": _index,
        "serve": _serve,
        "refresh": _refresh,
        "status": refresh_commands.status,
        "plan": refresh_commands.plan,
        "redrive": refresh_commands.redrive,
        "export": backup_commands.export,
        "exports": backup_commands.exports,
        "restore": _restore,
    }
    # A clock that cannot be read is said before anything is done.
    clock.now()
    try:
        return commands[options.command](options)
    except KeyboardInterrupt:
        print("packgrid: interrupted", file=sys.stderr)
        return 130
    except STORAGE_ERRORS as error:
        say(_storage_hint(error))
        return 2
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except REFRESH_ERRORS as error:
        say(error)
        return 2
    except OSError as error:
        say(error)
        return 2
    except ValueError as error:
        # botocore's, when it makes its client.
        if "endpoint" not in str(error):
            raise
        say(f"AWS_ENDPOINT_URL: {error}")
        return 2


def _storage_hint(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, NoCredentialsError):
        return "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile"
    where = os.environ.get("AWS_ENDPOINT_URL") or "AWS"
    text = f"{where} did not do it: {cause}"
    if isinstance(error, objects.NoSuchObject):
        text += "\n`init` creates the bucket, `index` publishes the search index"
    elif "ResourceNotFound" in text or "not found" in text:
        text += "\nthe command `init` creates the tables"
    return text


def _init(options: argparse.Namespace) -> int:
    created = models.create_tables()
    print(f"created {', '.join(created)}" if created else "all tables exist")
    made = objects.create_bucket()
    print(f"created the bucket {objects.bucket()}" if made else "the bucket exists")
    return 0


def _load(options: argparse.Namespace) -> int:
    with LoadReport() as outcome:
        try:
            with load_output.progress() as progress:
                if options.dry_run:
                    load(options.file, outcome, progress, dry_run=True)
                else:
                    load_recorded(options.file, options.file.name, outcome, progress)
        except (NotAFixture, OSError) as error:
            say(error)
            return 2
        except BaseException:
            load_output.print_outcome(outcome)
            raise
        load_output.print_outcome(outcome, dry_run=options.dry_run)
        if not options.dry_run:
            refresh_commands.enrol()
            try:
                _index(options)
            except STORAGE_ERRORS:
                print("packgrid: loaded, but search does not find it yet", file=sys.stderr)
                raise
        return 1 if options.strict and outcome.refused else 0


def prepare(data: Path) -> int:
    """Have the catalogue ``data`` in the tables; returns an exit code.

    A file that was loaded to its end is not loaded again: what changed since stays.
    """
    loads = list(models.LoadItem.scan(consistent_read=True))
    digest = sha256(data)
    if any(mark.sha256 == digest and mark.finished for mark in loads):
        print(f"packgrid: {plain(data)} was loaded before; the data are as they were left")
        return 0 if publisher.is_published() else _index(argparse.Namespace())
    if others := {mark.file_name for mark in loads} - {data.name}:
        say(
            f"WARNING: there is another catalogue in this state ({', '.join(others)}); "
            f"{data} is loaded over it. To serve it by itself, give it a STATE of its own"
        )
    say(f"loading {data}; it is served when it is loaded")
    return _load(argparse.Namespace(file=data, strict=False, dry_run=False))


def _check(options: argparse.Namespace) -> int:
    faults = 0
    for mark in models.LoadItem.scan(consistent_read=True):
        if not mark.finished:
            print(f"the load of {plain(mark.file_name)} has not ended: load it again")
    for fault in consistency.iter_faults():
        faults += 1
        print(plain(fault))
    print(f"{faults} faults" if faults else "items, names, directory and grids agree")
    return 1 if faults else 0


def _rerender(options: argparse.Namespace) -> int:
    print(f"{consistency.rerender_bodies()} bodies rendered anew")
    return 0


def _index(options: argparse.Namespace) -> int:
    published = publisher.publish()
    if published.is_current:
        print(f"search index: {published.entries} entries, {published.size:,} bytes")
    else:
        print("packgrid: not published: a newer search index is there", file=sys.stderr)
    return 0


def _refresh(options: argparse.Namespace) -> int:
    # Search ranks by what was refreshed, so it is to know it.
    return refresh_commands.refresh(options, lambda: _index(options))


def _restore(options: argparse.Namespace) -> int:
    return backup_commands.restore(options, lambda: _check(options), lambda: _index(options))


def _serve(options: argparse.Namespace) -> int:
    from chalicelib.cli import serve_command

    return serve_command.serve(options)
