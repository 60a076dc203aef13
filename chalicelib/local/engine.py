"""The embedded engine: ministack on one port of loopback, with its state in a folder."""

import ctypes
import fcntl
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Self

#: Credentials that any local engine accepts. They are only sent to loopback.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "packgrid",
    "AWS_SECRET_ACCESS_KEY": "packgrid",
    "AWS_DEFAULT_REGION": "us-east-1",
}
#: The variables that lead AWS clients to an engine.
VARIABLES = (*CREDENTIALS, "AWS_ENDPOINT_URL")
_START_SECONDS = 30
_STOP_SECONDS = 30
_PR_SET_PDEATHSIG = 1
#: The services that Packgrid and its stack use; ministack refuses requests to all others.
_SERVICES = (
    "apigateway",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "events",
    "iam",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
#: The variables of this process that the engine gets. Others would also configure ministack, which
#: reads a hundred: they open listeners, relay mail, start containers and connect to other hosts.
_INHERITED = re.compile(r"HOME|LANG|LC_\w+|PATH|PYTHON\w+|TZ|(DY)?LD_\w+|VIRTUAL_ENV")


class EngineError(RuntimeError):
    """The engine cannot be started; the message tells a person why."""


class Engine:
    """A ministack process. As a context manager it runs within the block.

    The engine reads its state from the folder ``state`` when it starts and writes it there when it
    stops cleanly; ``persist=False`` writes nothing. A folder serves one engine at a time.
    """

    #: The module that is run; the tests have one with a faster server.
    module = "ministack"

    def __init__(self, state: Path, persist: bool = True) -> None:
        self.state = state
        self.persist = persist
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        """The URL of its only port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead AWS clients to this engine."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            # Ctrl-C while it starts must not leave a process behind that nobody stops.
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the engine and wait until it answers; raise EngineError if it does not."""
        if importlib.util.find_spec("ministack") is None:
            raise EngineError(
                "the embedded engine is not installed: pip install '.[engine]' in the checkout"
            )
        self.state.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        while _is_taken(self.port):
            self.port = _free_port()
        log = self.state / "engine.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env=self._build_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches only this process, which stops the engine when it is done.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EngineError(f"ministack did not start; see {log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the engine cleanly, so that it saves its state; kill it if it does not react."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            # SIGINT ends its server in order, which saves the state; SIGKILL would lose it.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wait(self) -> None:
        """Wait for the engine to end, which it only does if something is wrong."""
        if self._process is not None:
            self._process.wait()

    def _take_lock(self) -> None:
        lock = (self.state / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise EngineError(
                f"{self.state} is in use by another engine; stop that one or choose another STATE"
            ) from None
        self._lock = lock

    def _build_environment(self) -> dict[str, str]:
        inherited = {
            name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)
        }
        return {
            **inherited,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "SERVICES": ",".join(_SERVICES),
            # Listeners of ministack's own on all interfaces: MQTT (8883) and SFTP (2222).
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # No containers: a socket that does not exist.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            "LAMBDA_EXECUTOR": "local",
            "PERSIST_STATE": "1" if self.persist else "0",
            "STATE_DIR": str((self.state / "engine").absolute()),
            "S3_DATA_DIR": str((self.state / "s3").absolute()),
            "S3_PERSIST": "1" if self.persist else "0",
            "TMPDIR": str(self.state.absolute()),
            "LOG_LEVEL": "WARNING",
        }

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2):  # noqa: S310
                return True
        except (urllib.error.URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _die_with_parent() -> None:
    """Ask the kernel to send the engine SIGINT if this process is killed (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
