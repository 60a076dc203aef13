"""Serving the API locally, with an engine of its own if asked for one."""

import argparse
import errno
import os
import signal
import sys
import threading
from contextlib import ExitStack
from typing import Any, NoReturn

from chalicelib.cli import catalog_commands
from chalicelib.local.engine import VARIABLES, Engine, EngineError
from chalicelib.local.server import Gateway
from chalicelib.storage import models, objects

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stop(BaseException):
    """A signal asked for the end."""


def serve(options: argparse.Namespace) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP; everything that was started is stopped then."""
    for number in _SIGNALS:
        signal.signal(number, _on_signal)
    try:
        with ExitStack() as started:
            return _serve(options, started)
    except _Stop:
        return 0
    except EngineError as error:
        print(f"packgrid: {error}", file=sys.stderr)
        return 2


def _on_signal(number: int, frame: Any) -> NoReturn:
    # Stopping saves the engine's state; a second Ctrl-C must not interrupt that.
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    print("\npackgrid: stopping", file=sys.stderr)
    raise _Stop


def _serve(options: argparse.Namespace, started: ExitStack) -> int:
    import app

    # Before anything is started: a file that is not there, and a port in use.
    if options.data is not None:
        options.data.open("rb").close()
    try:
        gateway = started.enter_context(Gateway(app.app, options.port, options.host, listen=False))
        engine = started.enter_context(Engine(options.state)) if options.engine else None
        os.environ.update(engine.environment if engine else {})
        if engine is not None:
            models.create_tables()
            objects.create_bucket()
        if options.data is not None and (code := catalog_commands.prepare(options.data)):
            return code
        gateway.server_activate()
    except OverflowError:
        print(f"packgrid: there is no port {options.port}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"packgrid: port {options.port} is in use; take another: PORT=...", file=sys.stderr)
        return 2
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    started.callback(gateway.shutdown)
    _announce(options, gateway)
    if engine is None:
        threading.Event().wait()
    else:
        engine.wait()
        print(
            "packgrid: the engine has ended by itself; what was written since it was started "
            f"may be lost. Its log: {options.state / 'engine.log'}",
            file=sys.stderr,
        )
    return 2


def _announce(options: argparse.Namespace, gateway: Gateway) -> None:
    print(f"packgrid: http://{options.host}:{gateway.port}/api/v4/ (Ctrl-C stops it)")
    if options.engine:
        variables = " ".join(f"{name}={os.environ[name]}" for name in sorted(VARIABLES))
        print(f"packgrid: for commands in another terminal: export {variables}")
    sys.stdout.flush()
