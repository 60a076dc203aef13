"""The embedded engine: where it listens, what it keeps, and that it goes."""

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.local.engine import CREDENTIALS, Engine, EngineError
from tests.support.local_processes import (
    LISTEN,
    Socket,
    engines_of,
    listening,
    sockets_of,
    wait_for_end,
)

REPOSITORY = Path(__file__).resolve().parents[3]
#: 127.0.0.1 as the kernel writes it.
LOOPBACK = "0100007F"
KEY = {"id": {"S": "a"}}


class _Interrupted(BaseException):
    """Stands for a signal that ends what runs."""


def _dynamodb(engine: Engine) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=engine.url,
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def _write(engine: Engine) -> None:
    client = _dynamodb(engine)
    client.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName="kept", Item=KEY | {"said": {"S": "é"}})
    client.close()


def _tables(engine: Engine) -> list[str]:
    client = _dynamodb(engine)
    names: list[str] = client.list_tables()["TableNames"]
    client.close()
    return names


def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    first = Engine(tmp_path)
    first.stop()
    with first:
        _write(first)
    first.stop()
    with Engine(tmp_path) as again:
        client = _dynamodb(again)
        assert client.get_item(TableName="kept", Key=KEY)["Item"]["said"] == {"S": "é"}
        client.close()


def test_two_engines_share_neither_port_nor_state_and_leave_nothing_behind(tmp_path: Path) -> None:
    late = Engine(tmp_path / "late")
    with Engine(tmp_path) as first:
        _write(first)
        with pytest.raises(EngineError, match="in use by another engine") as refusal:
            Engine(tmp_path).start()
        assert str(tmp_path) in str(refusal.value)
        assert len(engines_of(tmp_path)) == 1
        # As if another had taken its port meanwhile: it must not use that one's engine.
        late.port = first.port
        with late:
            assert late.port != first.port
            assert listening(first.port) == listening(late.port) == [LOOPBACK]
            assert (_tables(first), _tables(late)) == (["kept"], [])
    assert listening(first.port) == listening(late.port) == []
    assert engines_of(tmp_path) == engines_of(tmp_path / "late") == []


class _WithMqtt(Engine):
    """An engine whose MQTT listener is on, to show that the test below would see it."""

    def __init__(self, state: Path, mqtt_port: int) -> None:
        super().__init__(state, persist=False)
        self.mqtt_port = mqtt_port

    def _build_environment(self) -> dict[str, str]:
        switches = {"IOT_MTLS_ENABLED": "1", "IOT_MTLS_PORT": str(self.mqtt_port)}
        return super()._build_environment() | switches


def _use(engine: Engine) -> None:
    """Have it start all that it starts by itself and for what Packgrid asks of it."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"{engine.url}/_ministack/ready", timeout=5) as answer:
                assert answer.status == 200
                break
        except urllib.error.HTTPError as error:
            error.close()
            time.sleep(0.05)
    else:
        raise AssertionError("the engine is never ready")
    _write(engine)
    for service in ("s3", "sqs", "ssm", "lambda", "cloudformation", "events", "sts", "logs"):
        # That it is asked is enough: each is imported at its first request.
        scope = f"AWS4-HMAC-SHA256 Credential=packgrid/20261128/us-east-1/{service}/aws4_request"
        asked = urllib.request.Request(engine.url, headers={"Authorization": scope})
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(asked) as answer:
            answer.read()


def test_it_listens_at_one_port_of_loopback_and_connects_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the library there that ministack wants for MQTT, and an environment that asks for more.
    (tmp_path / "modules" / "cryptography").mkdir(parents=True)
    (tmp_path / "modules" / "cryptography" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    for name, value in {
        "BIND_HOST": "0.0.0.0",
        "IOT_MTLS_ENABLED": "1",
        "SFTP_ENABLED": "1",
        "SERVICES": "",
        "SMTP_HOST": "127.0.0.1:25",
        "MINISTACK_SSL_CERT": "",
    }.items():
        monkeypatch.setenv(name, value)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        mqtt_port = probe.getsockname()[1]
    with _WithMqtt(tmp_path / "seen", mqtt_port) as engine:
        _use(engine)
        (pid,) = engines_of(tmp_path / "seen")
        assert Socket("tcp", "00000000", mqtt_port, LISTEN) in sockets_of(pid)
    with Engine(tmp_path / "state") as engine:
        _use(engine)
        (pid,) = engines_of(tmp_path / "state")
        sockets = sockets_of(pid)
        assert [one for one in sockets if one.state == LISTEN or one.protocol != "tcp"] == [
            Socket("tcp", LOOPBACK, engine.port, LISTEN)
        ]
        # What else there may be are our own requests.
        assert {(one.address, one.port) for one in sockets} == {(LOOPBACK, engine.port)}


@pytest.mark.parametrize("service", ["iot", "transfer", "rds", "ec2"])
def test_it_refuses_services_that_packgrid_does_not_use(engine: Engine, service: str) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential=packgrid/20261128/us-east-1/{service}/aws4_request"
    asked = urllib.request.Request(engine.url, headers={"Authorization": scope})
    with pytest.raises(urllib.error.HTTPError, match="400") as refusal:
        urllib.request.urlopen(asked)
    with refusal.value as answer:
        assert f"Unsupported service: {service}" in answer.read().decode()


def test_an_engine_that_does_not_start_says_where_its_log_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken" / "ministack"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text("raise SystemExit('out of order')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    for _ in range(2):
        # The second time too: the first must not have kept the folder for itself.
        with pytest.raises(EngineError, match=r"did not start; see .*engine\.log"):
            Engine(tmp_path).start()
    assert "out of order" in (tmp_path / "engine.log").read_text()


# What is interrupted may be a request to see whether it answers; its socket is left to the
# garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(number: int, frame: Any) -> None:
        raise _Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        # It takes longer than that to start; were it ready by then, the block would wait.
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(_Interrupted), Engine(tmp_path):
            signal.pause()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    gc.collect()
    assert engines_of(tmp_path) == []


def test_when_its_parent_is_killed_the_engine_ends_too(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from chalicelib.local.engine import Engine\n"
        "with Engine(Path(sys.argv[1])) as engine: print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"
        (engine,) = engines_of(tmp_path)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(30)
        assert wait_for_end(engine)
    assert engines_of(tmp_path) == []
