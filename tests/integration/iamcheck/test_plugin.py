"""The plugin: who is held to have called, and that what is forbidden fails the test."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from chalice.test import Client

import app
from chalicelib.local.engine import Engine
from chalicelib.refresh import service
from chalicelib.storage import objects, refresh_state
from tests.support import process
from tools.iamcheck import recorder

ROOT = Path(__file__).resolve().parents[3]
DENIED = "plan may not s3:PutObject on arn:aws:s3:::packgrid/x"


def write() -> None:
    """What planning may not do; whatever comes of it is not looked at."""
    try:
        objects.overwrite("x", b"")
    except objects.ObjectError as error:
        assert "AccessDenied" in str(error)


def in_a_thread() -> None:
    thread = Thread(target=write)
    thread.start()
    thread.join()


def in_a_pool_that_was_there() -> None:
    POOL.submit(write).result()


def in_a_thread_of_a_thread() -> None:
    thread = Thread(target=in_a_thread)
    thread.start()
    thread.join()


POOL = ThreadPoolExecutor(1)


def planning(plan: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is refused when the function for planning does this; the plugin is not told."""
    call(plan, monkeypatch)
    return recorder.take_refusals()


def call(plan: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Call the function for planning, which does this."""
    monkeypatch.setattr(service, "plan", plan)
    client = Client(app.app)
    client.lambda_.invoke("plan", client.events.generate_cw_event("a", "b", {}, []))


@pytest.mark.parametrize(
    "how", [write, in_a_thread, in_a_thread_of_a_thread, in_a_pool_that_was_there]
)
def test_a_function_has_done_what_its_threads_did(
    engine: Engine, how: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pool's only thread was started by nobody's function.
    POOL.submit(int).result()
    assert planning(how, monkeypatch) == [DENIED]
    assert objects.get_bucket_name() == "packgrid"


def test_a_test_is_not_held_to_what_no_function_did(engine: Engine, bucket: None) -> None:
    for how in (write, in_a_thread, in_a_pool_that_was_there):
        how()
    assert recorder.take_refusals() == []
    assert objects.read("x") is not None


def test_what_a_test_does_in_between_is_not_the_functions(
    engine: Engine, bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan() -> None:
        with recorder.suspend_checks():
            write()
            in_a_pool_that_was_there()

    assert planning(plan, monkeypatch) == []
    assert objects.read("x") is not None


def test_who_may_not_list_is_not_told_that_an_object_is_missing(
    engine: Engine, bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Exception] = []

    def answer() -> Any:
        try:
            objects.read("search/nothing")
        except objects.ObjectError as error:
            told.append(error)
        raise RuntimeError

    monkeypatch.setattr(app.app, "handle_current_request", answer)
    app.app(_request(), None)
    (error,) = told
    assert not isinstance(error, objects.NoSuchObject)
    assert "AccessDenied" in str(error)
    # It is for the code to do without.
    assert recorder.take_refusals() == []


def test_the_api_is_a_function(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer() -> Any:
        write()
        raise RuntimeError

    monkeypatch.setattr(app.app, "handle_current_request", answer)
    app.app(_request(), None)
    assert recorder.take_refusals() == ["api may not s3:PutObject on arn:aws:s3:::packgrid/x"]


def _request() -> dict[str, Any]:
    return {
        "path": "/api/v4/",
        "httpMethod": "GET",
        "headers": {},
        "requestContext": {"httpMethod": "GET", "resourcePath": "/api/v4", "path": "/api/v4/"},
    }


TINY = """
from tests.integration.iamcheck import test_plugin

def test_reading(monkeypatch):
    test_plugin.call(test_plugin.look, monkeypatch)

def test_nothing():
    pass
"""
WRITING = """
from tests.integration.iamcheck import test_plugin

def test_writing(monkeypatch):
    test_plugin.call(test_plugin.write, monkeypatch)
"""


def look() -> None:
    """What planning may do."""
    refresh_state.get_meters("github")


def run(folder: Path, text: str, *options: str) -> tuple[int, str]:
    """Exit code and output of a session of its own with these tests."""
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = .\n")
    (folder / "test_tiny.py").write_text(text)
    # So that nothing of this session's is taken for that one's.
    left_out = ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST")
    environment = {k: v for k, v in process.environment().items() if k not in left_out}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tools.iamcheck.plugin", *options],
        cwd=folder,
        env=environment | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_forbidden_call_fails_the_test_that_went_on(tables: None, tmp_path: Path) -> None:
    code, output = run(tmp_path, WRITING, "-k", "test_writing")
    assert code == 1, output
    assert "Refused by .chalice/policies" in output
    assert "plan may not s3:PutObject on arn:aws:s3:::packgrid/x" in output
    assert "1 failed" in output


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_whole_run_fails_for_what_nothing_used(
    tables: None, tmp_path: Path, options: tuple[str, ...]
) -> None:
    code, output = run(tmp_path, TINY, *options)
    assert code == 1, output
    assert "2 passed" in output
    assert "plan: sqs:SendMessage on" in output
    assert '"RefreshQueue"' in output
    # What was used, and what has a reason.
    assert "plan: dynamodb:GetItem" not in output
    assert "logs:" not in output


def test_a_part_of_a_run_does_not(tables: None, tmp_path: Path) -> None:
    for options in (("-k", "test_nothing"), ("test_tiny.py",), ("--maxfail", "1")):
        code, output = run(tmp_path, TINY, *options)
        assert code == 0, output
        assert "is used by no test" not in output
