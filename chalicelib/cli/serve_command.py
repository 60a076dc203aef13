"""The command ``serve``: the API on this machine, with an engine of its own on request."""

import errno
import os
import signal
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import chalicelib
from chalicelib.cli.command import CANNOT, CommandGroup
from chalicelib.cli.output import say

if TYPE_CHECKING:
    from chalicelib.local.engine import Engine
    from chalicelib.local.server import Gateway

# Commands import what they work with themselves: the help of all commands needs none of it.

commands = CommandGroup(name="Server")

#: The sample catalogue, where it is installed and where it is in the repository.
_SAMPLE_PATHS = (
    Path(chalicelib.__file__).parent / "sample" / "catalogue.json",
    Path(chalicelib.__file__).parent.parent / "sample" / "catalogue.json",
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stop(BaseException):
    """A signal that asks the server to stop."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of ``serve``: address, engine and catalogue."""

    host: str
    port: int
    engine: bool
    state: Path
    data: Path | None


@commands.command(
    exit_codes={
        0: "Stopped by Ctrl-C, SIGTERM or SIGHUP.",
        CANNOT: "A wrong argument, a port in use, an engine that fails, or an error.",
    }
)
@click.option("--port", type=int, default=8000, help="Port to listen on; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--engine", is_flag=True, help="Start the embedded engine first.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=Path(".packgrid"),
    help="Folder of the engine's state.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Load this catalogue first, unless it was loaded before.",
)
@click.option("--sample", is_flag=True, help="Load the sample catalogue first, as with --data.")
def serve(port: int, host: str, engine: bool, state: Path, data: Path | None, sample: bool) -> int:
    """Serve the API until Ctrl-C, SIGTERM or SIGHUP.

    With --engine, DynamoDB and S3 are emulated on this machine. Without it, they are where AWS's
    own variables say.
    """
    if sample and data is not None:
        raise click.UsageError("--sample is not allowed with --data")
    from chalicelib.local.engine import EngineError

    if sample:
        data = next((path for path in _SAMPLE_PATHS if path.exists()), _SAMPLE_PATHS[0])
    options = ServeOptions(host, port, engine, state, data)
    for number in _SIGNALS:
        signal.signal(number, _on_signal)
    try:
        with ExitStack() as started:
            return _serve(options, started)
    except _Stop:
        return 0
    except EngineError as error:
        say(error)
        return CANNOT


def _on_signal(number: int, frame: Any) -> NoReturn:
    # Stopping saves the engine's state, which a second Ctrl-C must not interrupt.
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    print("\npackgrid: stopping", file=sys.stderr)
    raise _Stop


def _serve(options: ServeOptions, started: ExitStack) -> int:
    """Serve; ``started`` gets all that must be stopped in the end."""
    # Fail before anything is started: for a missing file, and for a port in use.
    if options.data is not None:
        options.data.open("rb").close()
    try:
        gateway = _open_gateway(options, started)
        engine = _start_engine(options, started) if options.engine else None
        if options.data is not None:
            from chalicelib.cli.catalog_commands import load_catalogue_once

            if exit_code := load_catalogue_once(options.data):
                return exit_code
        gateway.server_activate()
    except OverflowError:
        say(f"there is no port {options.port}")
        return CANNOT
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        say(f"port {options.port} is in use; take another: PORT=...")
        return CANNOT
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    started.callback(gateway.shutdown)
    _print_addresses(options, gateway)
    if engine is None:
        threading.Event().wait()
    else:
        engine.wait()
        say(
            "the engine stopped by itself; data written since it was started may be lost. "
            f"Its log: {options.state / 'engine.log'}"
        )
    return CANNOT


def _open_gateway(options: ServeOptions, started: ExitStack) -> "Gateway":
    """Take the port; nothing is accepted before ``server_activate()``."""
    import app
    from chalicelib.local.server import Gateway

    return started.enter_context(Gateway(app.app, options.port, options.host, listen=False))


def _start_engine(options: ServeOptions, started: ExitStack) -> "Engine":
    """Start the engine and lead AWS clients of this process to it."""
    from chalicelib.local.engine import Engine
    from chalicelib.storage import models, objects

    engine = started.enter_context(Engine(options.state))
    os.environ.update(engine.environment)
    models.create_tables()
    objects.create_bucket()
    return engine


def _print_addresses(options: ServeOptions, gateway: "Gateway") -> None:
    from chalicelib.local.engine import VARIABLES

    print(f"packgrid: http://{options.host}:{gateway.port}/api/v4/ (Ctrl-C stops it)")
    if options.engine:
        variables = " ".join(f"{name}={os.environ[name]}" for name in sorted(VARIABLES))
        print(f"packgrid: for commands in another terminal: export {variables}")
    sys.stdout.flush()
